//! `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-11 has them.

use super::{Header, Told, tightest, whole_seconds};
use crate::limit::{Claim, Decision, Unit, Window};

/// Largest integer of a structured field (RFC 9651, section 3.3.1).
const LARGEST: i64 = 999_999_999_999_999;

const UNITS: [Unit; 6] =
    [Unit::Requests, Unit::Tokens, Unit::InputTokens, Unit::OutputTokens, Unit::Money, Unit::Concurrent];

/// `ratelimit-policy` and `ratelimit`, with one item for each unit that is limited; nothing where nothing is.
///
/// Quotas must be integers there, so money is told in millionths of a dollar (`qu="micro-usd"`).
pub fn standard(claims: &[Claim], decision: &Decision) -> Vec<Header> {
    let told: Vec<Told<'_>> = UNITS.iter().filter_map(|unit| tightest(claims, decision, &[*unit])).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let list = |item: fn(&Told<'_>) -> String| told.iter().map(item).collect::<Vec<_>>().join(", ");
    vec![("ratelimit-policy", list(policy)), ("ratelimit", list(limit))]
}

/// `"name";q=100;qu="tokens";w=60`
fn policy(told: &Told<'_>) -> String {
    let rule = &told.claim.rule;
    let mut item = format!("{};q={}", quoted(&rule.name), integer(rule.amount, rule.unit));
    match rule.unit {
        // The unit that is meant when none is named.
        Unit::Requests => {}
        Unit::Tokens => item.push_str(r#";qu="tokens""#),
        Unit::InputTokens => item.push_str(r#";qu="input-tokens""#),
        Unit::OutputTokens => item.push_str(r#";qu="output-tokens""#),
        Unit::Money => item.push_str(r#";qu="micro-usd""#),
        Unit::Concurrent => item.push_str(r#";qu="concurrent-requests""#),
    }
    let length = match rule.window {
        Window::Sliding(length) | Window::Bucket { per: length, .. } => Some(length),
        Window::Calendar(calendar) => Some(calendar.usual_length()),
        Window::Open => None,
    };
    if let Some(length) = length {
        item.push_str(&format!(";w={}", whole_seconds(length).max(1)));
    }
    item
}

/// `"name";r=50;t=30`. `t` is the time in which no more than `r` can be used: until the refused request would pass, which is then also
/// `retry-after`; otherwise until the limit is whole again.
fn limit(told: &Told<'_>) -> String {
    let rule = &told.claim.rule;
    let item = format!("{};r={}", quoted(&rule.name), integer(told.standing.remaining, rule.unit));
    if rule.window == Window::Open {
        return item;
    }
    let time = told.denial.and_then(|denial| denial.wait).unwrap_or(told.standing.reset);
    format!("{item};t={}", whole_seconds(time))
}

fn integer(amount: i64, unit: Unit) -> i64 {
    let amount = if unit == Unit::Money { amount / 1000 } else { amount };
    amount.clamp(0, LARGEST)
}

/// A structured field's string. Checked rules' names hold nothing that needs care.
fn quoted(name: &str) -> String {
    let printable = |c: char| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' };
    format!("\"{}\"", name.chars().map(printable).collect::<String>())
}
