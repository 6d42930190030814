//! `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-11 has them.

use tidegate_core::digits::push_digits;

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
    let (mut policies, mut limits) = (String::new(), String::new());
    for unit in UNITS {
        let Some(told) = tightest(claims, decision, &[unit]) else { continue };
        if policies.is_empty() {
            (policies, limits) = (String::with_capacity(192), String::with_capacity(128));
        } else {
            policies.push_str(", ");
            limits.push_str(", ");
        }
        push_policy(&mut policies, &told);
        push_limit(&mut limits, &told);
    }
    if policies.is_empty() {
        return Vec::new();
    }
    vec![("ratelimit-policy", policies), ("ratelimit", limits)]
}

/// `"name";q=100;qu="tokens";w=60`
fn push_policy(out: &mut String, told: &Told<'_>) {
    let rule = &told.claim.rule;
    push_quoted(out, &rule.name);
    out.push_str(";q=");
    push_digits(out, integer(rule.amount, rule.unit));
    out.push_str(match rule.unit {
        // The unit that is meant when none is named.
        Unit::Requests => "",
        Unit::Tokens => r#";qu="tokens""#,
        Unit::InputTokens => r#";qu="input-tokens""#,
        Unit::OutputTokens => r#";qu="output-tokens""#,
        Unit::Money => r#";qu="micro-usd""#,
        Unit::Concurrent => r#";qu="concurrent-requests""#,
    });
    let length = match rule.window {
        Window::Sliding(length) | Window::Bucket { per: length, .. } => length,
        Window::Calendar(calendar) => calendar.usual_length(),
        Window::Open => return,
    };
    out.push_str(";w=");
    push_digits(out, whole_seconds(length).max(1));
}

/// `"name";r=50;t=30`. `t` is the time in which no more than `r` can be used: until the refused request would pass, which is then also
/// `retry-after`; otherwise until the limit is whole again.
fn push_limit(out: &mut String, told: &Told<'_>) {
    let rule = &told.claim.rule;
    push_quoted(out, &rule.name);
    out.push_str(";r=");
    push_digits(out, integer(told.standing.remaining, rule.unit));
    if rule.window != Window::Open {
        let time = told.denial.and_then(|denial| denial.wait).unwrap_or(told.standing.reset);
        out.push_str(";t=");
        push_digits(out, whole_seconds(time));
    }
}

fn integer(amount: i64, unit: Unit) -> u64 {
    let amount = if unit == Unit::Money { amount / 1000 } else { amount };
    amount.clamp(0, LARGEST).unsigned_abs()
}

/// A structured field's string. Checked rules' names hold nothing that needs care.
fn push_quoted(out: &mut String, name: &str) {
    let printable = |c: char| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' };
    out.push('"');
    out.extend(name.chars().map(printable));
    out.push('"');
}
