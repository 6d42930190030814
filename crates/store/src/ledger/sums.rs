//! What rows are summed up to: the same numbers for every grouping.

use serde::{Deserialize, Serialize};

use super::Row;

/// Sums over rows. Requests count exchanges (rows that are the last of theirs), everything else counts attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Exchanges that ended.
    pub requests: i64,
    /// Attempts at a target.
    pub attempts: i64,
    /// Prompt tokens, the cached ones included.
    pub input: i64,
    /// Answer tokens, reasoning included.
    pub output: i64,
    /// Prompt tokens that the provider's cache had.
    pub cache_read: i64,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: i64,
    /// Answer tokens that were reasoning.
    pub reasoning: i64,
    /// Audio tokens.
    pub audio: i64,
    /// Image tokens.
    pub image: i64,
    /// Billionths of a US dollar.
    pub cost: i64,
    /// Attempts whose tokens were estimated.
    pub estimated: i64,
    /// Attempts that used tokens of a model without a price: their cost is missing from the sum.
    pub unpriced: i64,
    /// Microseconds.
    pub duration: i64,
    /// Microseconds, over the attempts that had a first token.
    pub first_token_sum: i64,
    /// How many attempts had one.
    pub first_token_count: i64,
}

impl Sums {
    /// The columns that hold them, in the order of [`Sums::values`].
    pub(crate) const COLUMNS: [&'static str; 15] = [
        "requests",
        "attempts",
        "input",
        "output",
        "cache_read",
        "cache_write",
        "reasoning",
        "audio",
        "image",
        "cost",
        "estimated",
        "unpriced",
        "duration",
        "first_token_sum",
        "first_token_count",
    ];

    /// The sums of one row.
    pub fn of(row: &Row<'_>) -> Self {
        let tokens = &row.tokens;
        Self {
            requests: i64::from(row.last),
            attempts: i64::from(row.attempt > 0),
            input: tokens.input,
            output: tokens.output,
            cache_read: tokens.cache_read,
            cache_write: tokens.cache_write,
            reasoning: tokens.reasoning,
            audio: tokens.audio,
            image: tokens.image,
            cost: row.cost.unwrap_or(0),
            estimated: i64::from(row.estimated),
            unpriced: i64::from(row.cost.is_none() && (tokens.input > 0 || tokens.output > 0)),
            duration: row.duration,
            first_token_sum: row.first_token.unwrap_or(0),
            first_token_count: i64::from(row.first_token.is_some()),
        }
    }

    /// Adds others to these.
    pub fn add(&mut self, other: &Self) {
        let mut sums = self.values();
        for (sum, value) in sums.iter_mut().zip(other.values()) {
            *sum = sum.saturating_add(value);
        }
        *self = Self::from_values(sums);
    }

    /// All of them, in the order of the columns.
    pub(crate) fn values(&self) -> [i64; 15] {
        [
            self.requests,
            self.attempts,
            self.input,
            self.output,
            self.cache_read,
            self.cache_write,
            self.reasoning,
            self.audio,
            self.image,
            self.cost,
            self.estimated,
            self.unpriced,
            self.duration,
            self.first_token_sum,
            self.first_token_count,
        ]
    }

    /// The inverse of [`Sums::values`].
    pub(crate) fn from_values(values: [i64; 15]) -> Self {
        let [requests, attempts, input, output, cache_read, cache_write, reasoning, audio, image, rest @ ..] =
            values;
        let [cost, estimated, unpriced, duration, first_token_sum, first_token_count] = rest;
        Self {
            requests,
            attempts,
            input,
            output,
            cache_read,
            cache_write,
            reasoning,
            audio,
            image,
            cost,
            estimated,
            unpriced,
            duration,
            first_token_sum,
            first_token_count,
        }
    }

    /// The mean time to the first token, in microseconds.
    pub fn first_token(&self) -> Option<i64> {
        (self.first_token_count > 0).then(|| self.first_token_sum / self.first_token_count)
    }
}
