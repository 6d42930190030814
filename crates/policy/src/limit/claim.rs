//! What a request claims of a counter, and how the counter answers.

use std::sync::Arc;
use std::time::Duration;

use super::{Rule, Unit};

/// One request's claim on the counter of one subject of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Whose counter: a key's id, an address, …; empty for [`super::Scope::Global`].
    pub subject: Arc<str>,
    /// What is asked for: 1 for requests (counted when granted) and open requests (held to the end); for tokens and money an upper bound,
    /// held until it is settled.
    pub amount: i64,
}

impl Claim {
    /// Whether the amount is counted for good when it is granted; otherwise it is held and settled later.
    pub fn counts_at_once(&self) -> bool {
        self.rule.unit == Unit::Requests
    }

    /// What is counted at settlement. Requests have been counted already; open requests leave nothing behind.
    pub fn used(&self, amounts: &Amounts) -> i64 {
        amounts.of(self.rule.unit)
    }
}

/// What a request is expected to use at most, or has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Prompt tokens.
    pub input: i64,
    /// Answer tokens.
    pub output: i64,
    /// Billionths of a US dollar.
    pub money: i64,
}

impl Amounts {
    /// So much of a unit; 0 of those that are not measured but counted.
    pub fn of(&self, unit: Unit) -> i64 {
        match unit {
            Unit::Requests | Unit::Concurrent => 0,
            Unit::InputTokens => self.input,
            Unit::OutputTokens => self.output,
            Unit::Tokens => self.input.saturating_add(self.output),
            Unit::Money => self.money,
        }
    }
}

/// How a counter stands after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What can still be claimed; at least 0.
    pub remaining: i64,
    /// Until the counter is as if never used (window and bucket), or the window ends (calendar).
    pub reset: Duration,
}

/// Why claims were not granted; nothing has been counted or held then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The place of the claim that was refused; of several the one with the longest wait.
    pub claim: usize,
    /// How long until the same claim can be granted, if nobody else comes; `None`: it never can be (more than the whole limit),
    /// or nobody knows (open requests).
    pub wait: Option<Duration>,
}

/// The answer to the claims of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How each claim's counter stands, in the order of the claims.
    pub standings: Vec<Standing>,
    /// `None`: all are granted.
    pub denial: Option<Denial>,
}
