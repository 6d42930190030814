//! What can go wrong with keys and teams.

use std::path::PathBuf;

use serde::Serialize;

use crate::StoreError;

/// A field of a written key or team that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Which: `networks[2]`, `limits[0].limit`.
    pub field: String,
    /// What is wrong: the end of a sentence that begins with the field.
    pub message: String,
}

/// What can go wrong with keys and teams.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database failed, or a name is taken.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written is wrong.
    #[error("{}", in_words(.0))]
    Wrong(Vec<FieldError>),
    /// There is no such key or team.
    #[error("there is no {kind} `{id}`")]
    Missing {
        /// `key` or `team`.
        kind: &'static str,
        /// What was asked for.
        id: String,
    },
    /// A team with keys cannot be deleted.
    #[error("the team still has {0} key(s); delete them or give them to another team first")]
    TeamInUse(i64),
    /// The cursor was not made by a listing.
    #[error("the cursor is none that a listing gave")]
    BadCursor,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoChance,
    /// The secret is too short to protect anything.
    #[error("the secret that keys are hashed with must have at least {0} characters")]
    ShortSecret(usize),
    /// The secret's file cannot be read or made.
    #[error("the secret that keys are hashed with, {0}, cannot be read or made: {1}")]
    SecretFile(PathBuf, #[source] std::io::Error),
    /// The database's keys were hashed with another secret.
    #[error(
        "the keys in this database were hashed with another secret than {0}: none of them would work. Give all instances on one \
         database the same TIDEGATE_KEY_SECRET: the content of the file `key-secret` of the instance that was first, or what it was given"
    )]
    WrongSecret(String),
}

impl From<sqlx::Error> for KeysError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

fn in_words(errors: &[FieldError]) -> String {
    errors.iter().map(|error| format!("`{}` {}", error.field, error.message)).collect::<Vec<_>>().join("; ")
}
