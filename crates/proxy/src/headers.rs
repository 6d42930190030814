//! Header names of our own, and which of the caller's and the provider's headers go on.

use std::sync::LazyLock;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_policy::limit::told::{self, Name};

/// The exchange's id, in every answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The same under Anthropic's name.
pub const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// `provider/model` that answered.
pub const TARGET: HeaderName = HeaderName::from_static("x-tidegate-target");
/// How many attempts were made.
pub const ATTEMPTS: HeaderName = HeaderName::from_static("x-tidegate-attempts");
/// Cost in US dollars, or `unpriced`.
pub const COST: HeaderName = HeaderName::from_static("x-tidegate-cost-usd");
/// Time that the gateway itself took, in milliseconds.
pub const OVERHEAD: HeaderName = HeaderName::from_static("x-tidegate-overhead-ms");
/// Fields that could not be carried over to the target's dialect.
pub const DROPPED: HeaderName = HeaderName::from_static("x-tidegate-dropped");
/// What the caller got instead of what he asked for, because a limit was reached: `cache`, `model` or `message`.
pub const DEGRADED: HeaderName = HeaderName::from_static("x-tidegate-degraded");
/// The id that the provider gave.
pub const UPSTREAM_ID: HeaderName = HeaderName::from_static("x-tidegate-upstream-request-id");
/// In: refuse what cannot be carried over.
pub const STRICT: HeaderName = HeaderName::from_static("x-tidegate-strict");
/// In: put `cost` into `usage`.
pub const USAGE_COST: HeaderName = HeaderName::from_static("x-tidegate-usage-cost");
/// In: the provider for a path that names no model.
pub const PROVIDER: HeaderName = HeaderName::from_static("x-tidegate-provider");
/// In: the session that the request belongs to, for pools that keep sessions together.
pub const SESSION: HeaderName = HeaderName::from_static("x-session-id");
/// In: how much the request matters when there is not room for all: `critical`, `high`, `normal` or `low`.
pub const PRIORITY: HeaderName = HeaderName::from_static("x-tidegate-priority");
/// In: the strategy by which the target is to be chosen, of callers who may say so.
pub const STRATEGY: HeaderName = HeaderName::from_static("x-tidegate-strategy");
/// Anthropic's mark of a request of its API.
pub const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// Where Gemini's SDKs show their key.
pub const GOOGLE_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");
/// Tells OpenAI's and Anthropic's SDKs whether their own retry makes sense.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// How often the caller's SDK has retried already.
pub const STAINLESS_RETRIES: HeaderName = HeaderName::from_static("x-stainless-retry-count");
/// Milliseconds to wait.
pub const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// Keeps a fronting nginx from batching a stream (case 30).
pub const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The limits that a request is under, as the IETF draft has them.
pub const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What stands in a header for a value that cannot.
pub const UNKNOWN: HeaderValue = HeaderValue::from_static("?");

/// The header of that name about limits.
pub fn limit(name: Name) -> &'static HeaderName {
    static NAMES: LazyLock<[HeaderName; told::NAMES.len()]> =
        LazyLock::new(|| told::NAMES.map(HeaderName::from_static));
    &NAMES[name]
}

/// The caller's headers that providers get too. Keys, cookies, addresses and baggage never do, nor the choice among the
/// operator's organisations and projects.
static GO_UPSTREAM: [HeaderName; 8] = [
    ANTHROPIC_VERSION,
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-client-request-id"),
    http::header::USER_AGENT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// Copies the caller's headers that go on.
pub fn copy_upstream(from: &HeaderMap, to: &mut HeaderMap) {
    // A caller sends fewer headers than a look-up for each name that may go on would cost.
    for (name, value) in from {
        if GO_UPSTREAM.contains(name) {
            to.append(name.clone(), value.clone());
        }
    }
}

/// Whether a provider's header goes on to the caller: rate limits, processing times, versions.
fn goes_down(name: &str) -> bool {
    name.starts_with("x-ratelimit-")
        || name.starts_with("anthropic-ratelimit-")
        || matches!(name, "openai-processing-ms" | "openai-version")
}

/// Copies the provider's headers that go on, and its request id under our name. What stands there already goes before the provider's.
pub fn copy_downstream(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if goes_down(name.as_str()) {
            if !to.contains_key(name) {
                to.append(name.clone(), value.clone());
            }
        } else if *name == REQUEST_ID || *name == ANTHROPIC_REQUEST_ID {
            to.insert(UPSTREAM_ID, value.clone());
        }
    }
}

/// Whether a switch header says yes.
pub fn says_yes(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get(name).is_some_and(|value| matches!(value.as_bytes(), b"true" | b"1" | b"yes" | b"on"))
}

/// A header value from text; what cannot stand in a header becomes `?`.
pub fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let safe: String =
            text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        HeaderValue::from_str(&safe).unwrap_or(UNKNOWN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_cookies_do_not_go_upstream() {
        let mut from = HeaderMap::new();
        for name in ["authorization", "x-api-key", "cookie", "baggage", "x-forwarded-for", "anthropic-beta"] {
            from.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        let mut to = HeaderMap::new();
        copy_upstream(&from, &mut to);
        assert_eq!(to.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["anthropic-beta"]);
    }
}
