//! What can be asked: sums by some dimensions, in a time, of some callers and models.

use serde::{Deserialize, Serialize};

use crate::StoreError;

/// What sums are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The key's id.
    Key,
    /// The team's id.
    Team,
    /// The end user; only requests that name one are counted.
    User,
    /// The model as callers name it.
    Model,
    /// The provider.
    Provider,
    /// The provider's name for the model.
    TargetModel,
    /// The tags of the keys. A key with two tags counts under both.
    Tag,
    /// The endpoint's word.
    Endpoint,
    /// `complete`, `failed` or `cancelled`.
    Outcome,
    /// `2026-11-21T13:00:00Z`.
    Hour,
    /// `2026-11-21`, in UTC.
    Day,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Key,
        Self::Team,
        Self::User,
        Self::Model,
        Self::Provider,
        Self::TargetModel,
        Self::Tag,
        Self::Endpoint,
        Self::Outcome,
        Self::Hour,
        Self::Day,
    ];

    /// Its word in questions and exports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Team => "team",
            Self::User => "user",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::TargetModel => "target_model",
            Self::Tag => "tag",
            Self::Endpoint => "endpoint",
            Self::Outcome => "outcome",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The inverse of [`By::word`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word() == word)
    }
}

/// Only what matches all that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// The key's id; `""`: anonymous callers.
    pub key: Option<String>,
    /// The team's id.
    pub team: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The model as callers name it.
    pub model: Option<String>,
    /// The provider.
    pub provider: Option<String>,
    /// The endpoint's word.
    pub endpoint: Option<String>,
    /// `complete`, `failed` or `cancelled`.
    pub outcome: Option<String>,
    /// A tag of the key.
    pub tag: Option<String>,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The dearest.
    #[default]
    Cost,
    /// The most tokens, input and output.
    Tokens,
    /// The most requests.
    Requests,
    /// In the order of what it is grouped by.
    Group,
}

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// At most five; empty: one sum over all.
    pub by: Vec<By>,
    /// Unix seconds; rounded down to the hour, for users to the day.
    pub from: i64,
    /// Unix seconds, exclusive; rounded up likewise.
    pub to: i64,
    /// Of whom and what.
    pub filter: Filter,
    /// What comes first.
    pub order: Order,
    /// At most so many groups; 0: 1,000. More than 100,000 are never given.
    pub limit: u32,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// End users are summed up by day, key, team and model only.
    #[error("usage by user is known by day, key, team and model only, not by {0}")]
    NotByUser(&'static str),
    /// Too many dimensions.
    #[error("usage can be told by five things at once, not by more")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for UsageError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
