//! Token counts on the wire. `input_tokens` leaves cached tokens out; [`crate::Usage`] has them in (case 1).

use serde::{Deserialize, Deserializer, Serialize};

use crate::usage::Usage;

/// The `usage` object of a message, a `message_start` or a `message_delta`, as far as it was told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Counts {
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    cache_creation: Option<CacheCreation>,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(deserialize_with = "lenient")]
    server_tool_use: Option<ServerToolUse>,
    #[serde(deserialize_with = "lenient")]
    service_tier: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct ServerToolUse {
    #[serde(deserialize_with = "count")]
    web_search_requests: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct CacheCreation {
    #[serde(deserialize_with = "count")]
    ephemeral_5m_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct OutputDetails {
    #[serde(deserialize_with = "count")]
    thinking_tokens: Option<u64>,
}

/// A whole number; anything else counts as not told, for a bad count must not spoil an answer.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| value.as_u64()))
}

/// Something of any shape; another shape than expected counts as not told.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

impl Counts {
    /// Takes in a later report of the same answer. Reports are cumulative: a later number replaces an earlier one, they
    /// are never added up (case 2); a zero or a missing number leaves the earlier one (case 4).
    pub fn absorb(&mut self, later: &Counts) {
        fn newer(mine: &mut Option<u64>, theirs: Option<u64>) {
            if theirs.is_some_and(|number| number > 0) || mine.is_none() {
                *mine = theirs;
            }
        }
        newer(&mut self.input_tokens, later.input_tokens);
        newer(&mut self.output_tokens, later.output_tokens);
        newer(&mut self.cache_read_input_tokens, later.cache_read_input_tokens);
        newer(&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.server_tool_use = later.server_tool_use.or(self.server_tool_use);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
        if later.service_tier.is_some() {
            self.service_tier.clone_from(&later.service_tier);
        }
    }

    /// The counts in the hub's convention.
    pub fn usage(&self) -> Usage {
        let lives = self.cache_creation.unwrap_or_default();
        let cache_write_1h = lives.ephemeral_1h_input_tokens.unwrap_or(0);
        let by_life = cache_write_1h.saturating_add(lives.ephemeral_5m_input_tokens.unwrap_or(0));
        let cache_write = self.cache_creation_input_tokens.unwrap_or(0).max(by_life);
        let cache_read = self.cache_read_input_tokens.unwrap_or(0);
        let fresh = self.input_tokens.unwrap_or(0);
        Usage {
            input: fresh.saturating_add(cache_read).saturating_add(cache_write),
            cache_read,
            cache_write,
            cache_write_1h,
            output: self.output_tokens.unwrap_or(0),
            reasoning: self.output_tokens_details.and_then(|details| details.thinking_tokens).unwrap_or(0),
            web_searches: self.server_tool_use.and_then(|tools| tools.web_search_requests).unwrap_or(0),
            service_tier: self.service_tier.clone(),
            ..Usage::default()
        }
    }
}

#[derive(Deserialize)]
struct Holder {
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<Counts>,
    #[serde(default)]
    message: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<Counts>,
}

/// Reads the usage of a whole answer that passes through unchanged. `None` if it has none.
pub fn of_response(body: &[u8]) -> Option<Usage> {
    serde_json::from_slice::<Holder>(body).ok()?.usage.map(|counts| counts.usage())
}

/// Takes in the usage of one stream event that passes through unchanged; true if it had one. Only `message_start` and
/// `message_delta` have.
pub fn of_event(data: &[u8], counts: &mut Counts) -> bool {
    if memchr::memmem::find(data, b"\"usage\"").is_none() {
        return false;
    }
    let Ok(holder) = serde_json::from_slice::<Holder>(data) else { return false };
    let told = holder.message.and_then(|message| message.usage).or(holder.usage);
    if let Some(told) = &told {
        counts.absorb(told);
    }
    told.is_some()
}

/// [`Usage`] in this dialect's words.
#[derive(Debug, Serialize)]
pub(super) struct WireUsage<'a> {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<WireCacheCreation>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<WireOutputDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_tool_use: Option<WireServerToolUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

#[derive(Debug, Serialize)]
struct WireCacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Debug, Serialize)]
struct WireServerToolUse {
    web_search_requests: u64,
}

#[derive(Debug, Serialize)]
struct WireOutputDetails {
    thinking_tokens: u64,
}

impl<'a> WireUsage<'a> {
    /// Takes the caches out of the input again.
    pub(super) fn of(usage: &'a Usage) -> Self {
        let cached = usage.cache_read.saturating_add(usage.cache_write);
        Self {
            input_tokens: usage.input.saturating_sub(cached),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cache_read,
            cache_creation: (usage.cache_write > 0).then(|| WireCacheCreation {
                ephemeral_5m_input_tokens: usage.cache_write.saturating_sub(usage.cache_write_1h),
                ephemeral_1h_input_tokens: usage.cache_write_1h,
            }),
            output_tokens: usage.output,
            output_tokens_details: (usage.reasoning > 0)
                .then_some(WireOutputDetails { thinking_tokens: usage.reasoning }),
            server_tool_use: (usage.web_searches > 0)
                .then_some(WireServerToolUse { web_search_requests: usage.web_searches }),
            service_tier: usage.service_tier.as_deref().map(tier),
            cost: usage.cost.map(|cost| cost.0 as f64 / 1e9),
        }
    }
}

/// What other vendors call the ordinary tier is `standard` here.
fn tier(name: &str) -> &str {
    if name == "default" { "standard" } else { name }
}
