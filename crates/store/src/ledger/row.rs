//! One row of the ledger: one attempt at one target.

use std::borrow::Cow;

use serde::Deserialize;

/// One attempt, successful or not; an exchange that reached no target has one row with attempt 0. Its request id and attempt number are
/// unique. In the journal and in the database it is a JSON object in which empty fields are left out. Its texts are borrowed from
/// where they stand already, so that a row costs no copies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Row<'a> {
    /// The exchange: 32 hex digits, sorted by time.
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    /// 1 for the first attempt; 0 when no target was tried.
    pub attempt: u32,
    /// Whether it is the exchange's last row: the one that answered, or the last that failed.
    pub last: bool,
    /// When it ended, in Unix microseconds.
    pub ended: i64,
    /// The caller's key; empty for an anonymous caller.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// The key's team.
    #[serde(borrow)]
    pub team: Cow<'a, str>,
    /// The end user, as the request names it.
    #[serde(borrow)]
    pub user: Cow<'a, str>,
    /// The key's tags.
    pub tags: Cow<'a, [String]>,
    /// The caller's address.
    #[serde(borrow)]
    pub client: Cow<'a, str>,
    /// The endpoint's word (`chat_completions`).
    #[serde(borrow)]
    pub endpoint: Cow<'a, str>,
    /// The model as the caller named it.
    #[serde(borrow)]
    pub model: Cow<'a, str>,
    /// Who was asked.
    #[serde(borrow)]
    pub provider: Cow<'a, str>,
    /// The provider's name for the model.
    #[serde(borrow)]
    pub target_model: Cow<'a, str>,
    /// The id that the provider gave to its answer.
    #[serde(borrow)]
    pub upstream_id: Cow<'a, str>,
    /// `complete`, `failed` or `cancelled`.
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
    /// The HTTP status told to the caller, or for an attempt that was given up the provider's; 0 if there was none.
    pub status: u16,
    /// The stable code of the error.
    #[serde(borrow)]
    pub error: Cow<'a, str>,
    /// Whether the answer was a stream.
    pub stream: bool,
    /// Tokens by class.
    pub tokens: Tokens,
    /// Whether the tokens were estimated because the provider never told them.
    pub estimated: bool,
    /// What it cost, in billionths of a US dollar; `None` for an unpriced model.
    pub cost: Option<i64>,
    /// Unit prices in billionths of a dollar per million tokens, `input/output/cache_read/cache_write`; empty for an unpriced model.
    #[serde(borrow)]
    pub prices: Cow<'a, str>,
    /// The version of the price list.
    #[serde(borrow)]
    pub price_version: Cow<'a, str>,
    /// To the first content, in microseconds.
    pub first_token: Option<i64>,
    /// From the attempt's begin to its end, in microseconds.
    pub duration: i64,
    /// `hit`, `miss`, … once there is a cache.
    #[serde(borrow)]
    pub cache: Cow<'a, str>,
    /// The target's region.
    #[serde(borrow)]
    pub region: Cow<'a, str>,
}

/// Token counts. Totals include their parts: `input` the cached ones, `output` the reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// All prompt tokens.
    pub input: i64,
    /// All tokens of the answer.
    pub output: i64,
    /// Prompt tokens that the provider's cache had.
    pub cache_read: i64,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: i64,
    /// Answer tokens that were reasoning.
    pub reasoning: i64,
    /// Audio tokens, in prompt and answer.
    pub audio: i64,
    /// Image tokens in the prompt.
    pub image: i64,
}

impl Row<'_> {
    /// A row that stands on its own.
    pub fn into_owned(self) -> Row<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Row {
            request_id: owned(self.request_id),
            attempt: self.attempt,
            last: self.last,
            ended: self.ended,
            key: owned(self.key),
            team: owned(self.team),
            user: owned(self.user),
            tags: Cow::Owned(self.tags.into_owned()),
            client: owned(self.client),
            endpoint: owned(self.endpoint),
            model: owned(self.model),
            provider: owned(self.provider),
            target_model: owned(self.target_model),
            upstream_id: owned(self.upstream_id),
            outcome: owned(self.outcome),
            status: self.status,
            error: owned(self.error),
            stream: self.stream,
            tokens: self.tokens,
            estimated: self.estimated,
            cost: self.cost,
            prices: owned(self.prices),
            price_version: owned(self.price_version),
            first_token: self.first_token,
            duration: self.duration,
            cache: owned(self.cache),
            region: owned(self.region),
        }
    }
}
