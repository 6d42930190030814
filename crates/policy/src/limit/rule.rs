//! One limit: so much of that unit for each subject of that scope in a window.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whose use is added up. A rule has one counter for each subject of its scope: for each key, each client address, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody together.
    Global,
    /// One route, or one endpoint of the gateway (`chat_completions`).
    Route,
    /// One team.
    Team,
    /// One key.
    Key,
    /// One end user, as the request names it (`user`, `safety_identifier`, `metadata.user_id`), under its key.
    User,
    /// One client: an IPv4 address, or the /64 of an IPv6 address.
    Ip,
    /// One model, as the caller names it.
    Model,
    /// One provider.
    Provider,
}

impl Scope {
    /// Its written word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Route => "route",
            Self::Team => "team",
            Self::Key => "key",
            Self::User => "user",
            Self::Ip => "ip",
            Self::Model => "model",
            Self::Provider => "provider",
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Requests, counted when they are let through.
    Requests,
    /// Prompt tokens.
    InputTokens,
    /// Answer tokens, reasoning included.
    OutputTokens,
    /// Both.
    Tokens,
    /// Billionths of a US dollar.
    Money,
    /// Requests that are being answered.
    Concurrent,
}

impl Unit {
    /// Its written word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Tokens => "tokens",
            Self::Money => "money",
            Self::Concurrent => "concurrent",
        }
    }
}

/// In which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// The last so much time, looked at in a hundredth of its length: what is older by up to a hundredth still counts,
    /// so that never more than the limit passes in any such time.
    Sliding(Duration),
    /// Since the current second, minute, … began (UTC).
    Calendar(Calendar),
    /// A bucket of `burst` that fills up with the rule's amount in each `per`.
    Bucket {
        /// The time in which the rule's amount flows in.
        per: Duration,
        /// What the bucket holds when it is full.
        burst: i64,
    },
    /// No time at all: what is held counts ([`Unit::Concurrent`]).
    Open,
}

/// A calendar's unit, in UTC. Weeks begin on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// 00 to 59.
    Second,
    /// From its second 0.
    Minute,
    /// From its minute 0.
    Hour,
    /// From midnight.
    Day,
    /// From Monday, midnight.
    Week,
    /// From the first, midnight.
    Month,
}

impl Calendar {
    /// How long it is; of a month 30 days, though it has 28 to 31.
    pub fn usual_length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
        })
    }
}

/// One limit, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique in a configuration; part of its counters' names and told to callers who are limited.
    pub name: Arc<str>,
    /// Whose use.
    pub scope: Scope,
    /// Of what.
    pub unit: Unit,
    /// How much, in the unit; at least 0.
    pub amount: i64,
    /// In which time.
    pub window: Window,
    /// Only requests for these models (patterns with `*`); empty: all.
    pub models: Vec<String>,
}

impl Rule {
    /// The most that can be claimed at once: what a full bucket holds, otherwise the amount.
    pub fn most(&self) -> i64 {
        match self.window {
            Window::Bucket { burst, .. } => burst,
            Window::Sliding(_) | Window::Calendar(_) | Window::Open => self.amount,
        }
    }
}
