//! `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-11 has them.

use std::sync::Arc;

use tidegate_core::digits::push_number;

use super::{Lines, Teller, Told, lines, whole_seconds};
use crate::limit::{Rule, Unit, Window};

/// Largest integer of a structured field (RFC 9651, section 3.3.1).
const LARGEST: i64 = 999_999_999_999_999;

const ORDER: [Unit; super::UNITS] =
    [Unit::Requests, Unit::Tokens, Unit::InputTokens, Unit::OutputTokens, Unit::Money, Unit::Concurrent];

impl Teller<'_> {
    /// The rules that are told, in the order of the lines.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let places = ORDER.into_iter().filter_map(|unit| self.tightest[unit as usize]);
        places.map(|place| &self.claims[place.claim].rule)
    }

    /// The value of `ratelimit-policy`, with one item for each unit that is limited. It follows from [`Self::rules`] alone.
    ///
    /// Quotas must be integers there, so money is told in millionths of a dollar (`qu="micro-usd"`).
    pub fn policy(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        self.push_items(&mut out, push_policy);
        out
    }

    /// `ratelimit`, with the same items; nothing where nothing is limited.
    pub fn standard(&self, out: &mut Lines) {
        if !self.claims.is_empty() {
            out.add(lines::LIMIT, |out| self.push_items(out, push_limit));
        }
    }

    fn push_items(&self, out: &mut Vec<u8>, push: impl Fn(&mut Vec<u8>, &Told<'_>)) {
        let mut is_first = true;
        for told in ORDER.into_iter().filter_map(|unit| self.tightest(unit)) {
            if !is_first {
                out.extend_from_slice(b", ");
            }
            is_first = false;
            push(out, &told);
        }
    }
}

/// `"name";q=100;qu="tokens";w=60`
fn push_policy(out: &mut Vec<u8>, told: &Told<'_>) {
    let rule = &told.claim.rule;
    push_quoted(out, &rule.name);
    out.extend_from_slice(b";q=");
    push_number(out, integer(rule.amount, rule.unit), 1);
    out.extend_from_slice(match rule.unit {
        // The unit that is meant when none is named.
        Unit::Requests => b"",
        Unit::Tokens => br#";qu="tokens""#,
        Unit::InputTokens => br#";qu="input-tokens""#,
        Unit::OutputTokens => br#";qu="output-tokens""#,
        Unit::Money => br#";qu="micro-usd""#,
        Unit::Concurrent => br#";qu="concurrent-requests""#,
    });
    let length = match rule.window {
        Window::Sliding(length) | Window::Bucket { per: length, .. } => length,
        Window::Calendar(calendar) => calendar.usual_length(),
        Window::Open => return,
    };
    out.extend_from_slice(b";w=");
    push_number(out, whole_seconds(length).max(1), 1);
}

/// `"name";r=50;t=30`. `t` is the time in which no more than `r` can be used: until the refused request would pass, which is then also
/// `retry-after`; otherwise until the limit is whole again.
fn push_limit(out: &mut Vec<u8>, told: &Told<'_>) {
    let rule = &told.claim.rule;
    push_quoted(out, &rule.name);
    out.extend_from_slice(b";r=");
    push_number(out, integer(told.standing.remaining, rule.unit), 1);
    if rule.window != Window::Open {
        let time = told.denial.and_then(|denial| denial.wait).unwrap_or(told.standing.reset);
        out.extend_from_slice(b";t=");
        push_number(out, whole_seconds(time), 1);
    }
}

fn integer(amount: i64, unit: Unit) -> u64 {
    let amount = if unit == Unit::Money { amount / 1000 } else { amount };
    amount.clamp(0, LARGEST).unsigned_abs()
}

/// A structured field's string. Checked rules' names hold nothing that needs care.
fn push_quoted(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    if name.bytes().all(is_plain) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.extend(name.chars().map(|c| u8::try_from(c).ok().filter(|byte| is_plain(*byte)).unwrap_or(b'_')));
    }
    out.push(b'"');
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}
