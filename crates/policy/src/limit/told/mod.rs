//! How callers are told of their limits: response headers.
//!
//! Of several limits of a unit one is told: the one that refused the request, otherwise the one with the least share left.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::digits::push_number;

use super::civil::{SECOND, push_rfc3339};
use super::{Claim, Decision, Denial, Rule, Standing, Unit};

mod lines;
mod standard;
#[cfg(test)]
mod tests;

pub use lines::{Lines, NAMES, Name};

/// A header: its name in lower case, and its value.
pub type Header = (&'static str, String);

/// Longest wait for which a caller's own retry is of use. OpenAI's and Anthropic's SDKs do not heed a longer `retry-after` and come back within
/// seconds (openai-python, `_calculate_retry_timeout`).
const PATIENCE: Duration = Duration::from_secs(60);

/// Which units OpenAI's headers tell of, and the first header of each; it knows one kind of tokens.
const OPENAI: [(&[Unit], Name); 2] = [
    (&[Unit::Requests], lines::OPENAI_REQUESTS),
    (&[Unit::Tokens, Unit::InputTokens, Unit::OutputTokens], lines::OPENAI_TOKENS),
];

/// How many units there are.
const UNITS: usize = 6;

/// What is told of a request's limits.
pub struct Teller<'a> {
    claims: &'a [Claim],
    decision: &'a Decision,
    /// By unit, the limit that is told.
    tightest: [Option<Place>; UNITS],
}

/// A limit among those of a request.
#[derive(Clone, Copy)]
struct Place {
    claim: usize,
    /// How much goes before others: the one that refused, then the one with the least share left.
    share_left: f64,
}

impl<'a> Teller<'a> {
    /// Looks for the limits that are to be told.
    pub fn new(claims: &'a [Claim], decision: &'a Decision) -> Self {
        let mut tightest: [Option<Place>; UNITS] = [None; UNITS];
        for (i, (claim, standing)) in claims.iter().zip(&decision.standings).enumerate() {
            let refused = decision.denial.is_some_and(|denial| denial.claim == i);
            let share = standing.remaining as f64 / (claim.rule.most() as f64).max(1.0);
            let place = Place { claim: i, share_left: if refused { -1.0 } else { share } };
            let told = &mut tightest[claim.rule.unit as usize];
            if told.is_none_or(|told| place.share_left < told.share_left) {
                *told = Some(place);
            }
        }
        Self { claims, decision, tightest }
    }

    /// OpenAI's: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`; resets as Go writes durations (`6m0s`).
    pub fn openai(&self, out: &mut Lines) {
        for (units, first) in OPENAI {
            if let Some(told) = self.tightest_of(units) {
                told.triple(first, out, |out| push_go_duration(out, told.standing.reset));
            }
        }
    }

    /// Anthropic's: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`; resets in RFC 3339.
    /// `now` in microseconds since 1970-01-01 UTC.
    pub fn anthropic(&self, now: i64, out: &mut Lines) {
        const FAMILIES: [(Unit, Name); 4] = [
            (Unit::Requests, lines::ANTHROPIC_REQUESTS),
            (Unit::Tokens, lines::ANTHROPIC_TOKENS),
            (Unit::InputTokens, lines::ANTHROPIC_INPUT),
            (Unit::OutputTokens, lines::ANTHROPIC_OUTPUT),
        ];
        for (unit, first) in FAMILIES {
            if let Some(told) = self.tightest(unit) {
                let reset = now.saturating_add(micros(told.standing.reset));
                told.triple(first, out, |out| push_rfc3339(out, reset));
            }
        }
    }

    /// Ours, for money: `x-tidegate-budget-{limit,remaining,reset}` in US dollars and whole seconds. No dialect has headers for it.
    pub fn budget(&self, out: &mut Lines) {
        if let Some(told) = self.tightest(Unit::Money) {
            told.triple(lines::BUDGET, out, |out| push_number(out, whole_seconds(told.standing.reset), 1));
        }
    }

    /// The rules that OpenAI's headers tell of.
    pub fn openai_rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        OPENAI.iter().filter_map(|(units, _)| self.tightest_of(units)).map(|told| &told.claim.rule)
    }

    /// Of the limits of a unit the one that refused, otherwise the one with the least share left.
    fn tightest(&self, unit: Unit) -> Option<Told<'a>> {
        self.tightest[unit as usize].map(|place| self.told(place))
    }

    fn tightest_of(&self, units: &[Unit]) -> Option<Told<'a>> {
        let places = units.iter().filter_map(|unit| self.tightest[*unit as usize]);
        let first = places.min_by(|a, b| a.share_left.total_cmp(&b.share_left).then(a.claim.cmp(&b.claim)));
        first.map(|place| self.told(place))
    }

    fn told(&self, place: Place) -> Told<'a> {
        Told {
            claim: &self.claims[place.claim],
            standing: self.decision.standings[place.claim],
            denial: self.decision.denial.filter(|denial| denial.claim == place.claim),
        }
    }
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
    /// Limit, remaining and reset, under three names from `first` on.
    fn triple(&self, first: Name, out: &mut Lines, reset: impl FnOnce(&mut Vec<u8>)) {
        out.add_fixed(first, |out| self.push_amount(out, self.claim.rule.most()));
        out.add(first + 1, |out| self.push_amount(out, self.standing.remaining));
        out.add(first + 2, reset);
    }

    /// A number, or dollars.
    fn push_amount(&self, out: &mut Vec<u8>, amount: i64) {
        if self.claim.rule.unit == Unit::Money {
            push_dollars(out, amount);
        } else {
            push_number(out, amount.max(0).unsigned_abs(), 1);
        }
    }
}

/// Decimal dollars without superfluous zeros: `0.25`.
fn push_dollars(out: &mut Vec<u8>, nanos: i64) {
    let nanos = nanos.max(0).unsigned_abs();
    push_number(out, nanos / 1_000_000_000, 1);
    let fraction = nanos % 1_000_000_000;
    if fraction > 0 {
        out.push(b'.');
        push_number(out, fraction, 9);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// As Go's `time.Duration` prints it, in milliseconds and from a minute on in whole seconds, rounded up: `12ms`, `1.5s`, `6m0s`, `1h0m0s`.
fn push_go_duration(out: &mut Vec<u8>, duration: Duration) {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    let millis = u64::from(nanos.div_ceil(1_000_000));
    // Rounded up, a second may have become full.
    let (seconds, millis) = (seconds.saturating_add(millis / 1000), millis % 1000);
    if seconds == 0 {
        push_number(out, millis, 1);
        out.extend_from_slice(if millis > 0 { b"ms" } else { b"s" });
        return;
    }
    if seconds < 60 {
        push_number(out, seconds, 1);
        if millis > 0 {
            out.push(b'.');
            push_number(out, millis, 3);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
        return out.push(b's');
    }
    let seconds = seconds.saturating_add(u64::from(millis > 0));
    if seconds >= 3600 {
        push_number(out, seconds / 3600, 1);
        out.push(b'h');
    }
    push_number(out, seconds / 60 % 60, 1);
    out.push(b'm');
    push_number(out, seconds % 60, 1);
    out.push(b's');
}

/// Rounded up.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX - SECOND)
}
