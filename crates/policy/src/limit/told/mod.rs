//! How callers are told of their limits: response headers.
//!
//! Of several limits of a unit one is told: the one that refused the request, otherwise the one with the least share left.

use std::time::Duration;

use tidegate_core::digits::push_digits;

use super::civil::{SECOND, rfc3339};
use super::{Claim, Decision, Denial, Standing, Unit};

mod standard;
#[cfg(test)]
mod tests;

pub use standard::standard;

/// A header: its name in lower case, and its value.
pub type Header = (&'static str, String);

/// Longest wait for which a caller's own retry is of use. OpenAI's and Anthropic's SDKs do not heed a longer `retry-after` and come back within
/// seconds (openai-python, `_calculate_retry_timeout`).
const PATIENCE: Duration = Duration::from_secs(60);

/// OpenAI's: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; resets as Go writes durations (`6m0s`).
pub fn openai(claims: &[Claim], decision: &Decision) -> Vec<Header> {
    const REQUESTS: [&str; 3] =
        ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
    const TOKENS: [&str; 3] =
        ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
    let mut headers = Vec::with_capacity(6);
    for (units, names) in [(&[Unit::Requests][..], REQUESTS), (ANY_TOKENS, TOKENS)] {
        if let Some(told) = tightest(claims, decision, units) {
            headers.extend(told.triple(names, go_duration(told.standing.reset)));
        }
    }
    headers
}

/// OpenAI knows one kind of tokens.
const ANY_TOKENS: &[Unit] = &[Unit::Tokens, Unit::InputTokens, Unit::OutputTokens];

/// Anthropic's: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`; resets in RFC 3339.
/// `now` in microseconds since 1970-01-01 UTC.
pub fn anthropic(claims: &[Claim], decision: &Decision, now: i64) -> Vec<Header> {
    const FAMILIES: [(Unit, [&str; 3]); 4] = [
        (
            Unit::Requests,
            [
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                "anthropic-ratelimit-requests-reset",
            ],
        ),
        (
            Unit::Tokens,
            [
                "anthropic-ratelimit-tokens-limit",
                "anthropic-ratelimit-tokens-remaining",
                "anthropic-ratelimit-tokens-reset",
            ],
        ),
        (
            Unit::InputTokens,
            [
                "anthropic-ratelimit-input-tokens-limit",
                "anthropic-ratelimit-input-tokens-remaining",
                "anthropic-ratelimit-input-tokens-reset",
            ],
        ),
        (
            Unit::OutputTokens,
            [
                "anthropic-ratelimit-output-tokens-limit",
                "anthropic-ratelimit-output-tokens-remaining",
                "anthropic-ratelimit-output-tokens-reset",
            ],
        ),
    ];
    let mut headers = Vec::with_capacity(12);
    for (unit, names) in FAMILIES {
        if let Some(told) = tightest(claims, decision, &[unit]) {
            headers.extend(told.triple(names, rfc3339(now.saturating_add(micros(told.standing.reset)))));
        }
    }
    headers
}

/// Ours, for money: `x-tidegate-budget-{limit,remaining,reset}` in US dollars and whole seconds. No dialect has headers for it.
pub fn budget(claims: &[Claim], decision: &Decision) -> Vec<Header> {
    const NAMES: [&str; 3] =
        ["x-tidegate-budget-limit", "x-tidegate-budget-remaining", "x-tidegate-budget-reset"];
    let told = tightest(claims, decision, &[Unit::Money]);
    told.map(|told| told.triple(NAMES, whole_seconds(told.standing.reset).to_string()).to_vec())
        .unwrap_or_default()
}

/// For whom is refused: `retry-after` in seconds (of an unknown wait 1), `retry-after-ms` where it is known, and `x-should-retry: false` where waiting
/// does not help.
pub fn retry(claims: &[Claim], denial: &Denial) -> Vec<Header> {
    let mut headers = Vec::with_capacity(3);
    if let Some(seconds) = retry_after(claims, denial) {
        headers.push(("retry-after", seconds.to_string()));
    }
    if let Some(wait) = denial.wait {
        headers.push(("retry-after-ms", wait.as_micros().div_ceil(1000).max(1).to_string()));
    }
    if !waiting_helps(claims, denial) {
        headers.push(("x-should-retry", "false".to_owned()));
    }
    headers
}

/// `retry-after`, in seconds: rounded up, so that whoever heeds it is not refused for the same cause. `None`: the request can never be granted.
pub fn retry_after(claims: &[Claim], denial: &Denial) -> Option<u64> {
    match denial.wait {
        Some(wait) => Some(whole_seconds(wait).max(1)),
        None if is_hopeless(claims, denial) => None,
        None => Some(1),
    }
}

/// Whether it helps to send the same request again soon: not if it is more than the whole limit, nor if it would have to wait for over a minute,
/// which SDKs do not.
pub fn waiting_helps(claims: &[Claim], denial: &Denial) -> bool {
    !is_hopeless(claims, denial) && denial.wait.is_none_or(|wait| wait <= PATIENCE)
}

/// More was claimed than the limit ever gives.
fn is_hopeless(claims: &[Claim], denial: &Denial) -> bool {
    denial.wait.is_none()
        && claims
            .get(denial.claim)
            .is_none_or(|claim| claim.amount > claim.rule.most() || claim.rule.amount == 0)
}

/// A limit that is told.
struct Told<'a> {
    claim: &'a Claim,
    standing: Standing,
    /// Why the request was refused, if it was by this limit.
    denial: Option<Denial>,
}

impl Told<'_> {
    /// Limit, remaining and reset.
    fn triple(&self, [limit, remaining, reset]: [&'static str; 3], reset_value: String) -> [Header; 3] {
        [
            (limit, self.amount(self.claim.rule.most())),
            (remaining, self.amount(self.standing.remaining)),
            (reset, reset_value),
        ]
    }

    /// A number, or dollars.
    fn amount(&self, amount: i64) -> String {
        if self.claim.rule.unit == Unit::Money { dollars(amount) } else { number(amount) }
    }

    /// By how much of the limit others are looser.
    fn share_left(&self) -> f64 {
        self.standing.remaining as f64 / (self.claim.rule.most() as f64).max(1.0)
    }
}

/// Of the limits of these units the one that refused, otherwise the one with the least share left.
fn tightest<'a>(claims: &'a [Claim], decision: &Decision, units: &[Unit]) -> Option<Told<'a>> {
    let all = claims.iter().zip(&decision.standings).enumerate();
    let of_unit = all.filter(|(_, (claim, _))| units.contains(&claim.rule.unit));
    let told = of_unit.map(|(i, (claim, standing))| Told {
        claim,
        standing: *standing,
        denial: decision.denial.filter(|denial| denial.claim == i),
    });
    told.min_by(|a, b| {
        b.denial.is_some().cmp(&a.denial.is_some()).then(a.share_left().total_cmp(&b.share_left()))
    })
}

/// A number that is at least 0.
fn number(number: i64) -> String {
    let mut text = String::with_capacity(20);
    push_digits(&mut text, number.max(0).unsigned_abs());
    text
}

/// Decimal dollars without superfluous zeros: `0.25`.
fn dollars(nanos: i64) -> String {
    let mut text = number(nanos / 1_000_000_000);
    let fraction = nanos.unsigned_abs() % 1_000_000_000;
    if fraction > 0 {
        text.push('.');
        // A billion in front keeps the zeros.
        let padded = number(1_000_000_000 + fraction as i64);
        text.push_str(padded[1..].trim_end_matches('0'));
    }
    text
}

/// As Go's `time.Duration` prints it, in milliseconds and from a minute on in whole seconds, rounded up: `12ms`, `1.5s`, `6m0s`, `1h0m0s`.
fn go_duration(duration: Duration) -> String {
    let millis = duration.as_micros().div_ceil(1000);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    if millis < 60_000 {
        let text = format!("{}.{:03}", millis / 1000, millis % 1000);
        return format!("{}s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    let seconds = millis.div_ceil(1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}h{minutes}m{seconds}s") } else { format!("{minutes}m{seconds}s") }
}

/// Rounded up.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX - SECOND)
}
