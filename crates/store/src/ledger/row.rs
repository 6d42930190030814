//! One row of the ledger: one attempt at one target.

use serde::{Deserialize, Serialize};

/// One attempt, successful or not; an exchange that reached no target has one row with attempt 0. Its request id and attempt number are
/// unique. In the journal each row is one line of JSON, in which empty fields are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// The exchange: 32 hex digits, sorted by time.
    pub request_id: String,
    /// 1 for the first attempt; 0 when no target was tried.
    pub attempt: u32,
    /// Whether it is the exchange's last row: the one that answered, or the last that failed.
    pub last: bool,
    /// When it ended, in Unix microseconds.
    pub ended: i64,
    /// The caller's key; empty for an anonymous caller.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The key's team.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub team: String,
    /// The end user, as the request names it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The key's tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The caller's address.
    pub client: String,
    /// The endpoint's word (`chat_completions`).
    pub endpoint: String,
    /// The model as the caller named it.
    pub model: String,
    /// Who was asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub provider: String,
    /// The provider's name for the model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_model: String,
    /// The id that the provider gave to its answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub upstream_id: String,
    /// `complete`, `failed` or `cancelled`.
    pub outcome: String,
    /// The HTTP status told to the caller, or for an attempt that was given up the provider's; 0 if there was none.
    pub status: u16,
    /// The stable code of the error.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Whether the answer was a stream.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Tokens by class.
    pub tokens: Tokens,
    /// Whether the tokens were estimated because the provider never told them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// What it cost, in billionths of a US dollar; `None` for an unpriced model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<i64>,
    /// Unit prices in billionths of a dollar per million tokens, `input/output/cache_read/cache_write`; empty for an unpriced model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prices: String,
    /// The version of the price list.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub price_version: String,
    /// To the first content, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token: Option<i64>,
    /// From the attempt's begin to its end, in microseconds.
    pub duration: i64,
    /// `hit`, `miss`, … once there is a cache.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cache: String,
    /// The target's region.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
}

/// Token counts. Totals include their parts: `input` the cached ones, `output` the reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// All prompt tokens.
    pub input: i64,
    /// All tokens of the answer.
    pub output: i64,
    /// Prompt tokens that the provider's cache had.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_read: i64,
    /// Prompt tokens written to the provider's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write: i64,
    /// Answer tokens that were reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: i64,
    /// Audio tokens, in prompt and answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio: i64,
    /// Image tokens in the prompt.
    #[serde(skip_serializing_if = "is_zero")]
    pub image: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants a reference
fn is_zero(number: &i64) -> bool {
    *number == 0
}
