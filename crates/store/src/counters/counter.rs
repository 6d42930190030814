//! One counter as Redis knows it: its keys and how the scripts are told of its window.

use std::time::Duration;

use tidegate_policy::limit::{Amounts, Calendar, Claim, Window};

/// Most that is claimed or counted at once: above every limit but money's highest, and far enough below 2^53, up to which sums in the scripts
/// are exact. Money above nine million dollars is held to within 128 billionths of a dollar for each change.
pub(super) const MOST: i64 = 4_000_000_000_000_000;
/// Slots of a sliding window.
const SLOTS: i64 = 100;
/// Longest time for which a counter's keys are kept beyond a lease.
const LONGEST_KEEP: i64 = 400 * 86_400 * SECOND;
const SECOND: i64 = 1_000_000;

/// One claim and the keys of its counter.
#[derive(Debug)]
pub(super) struct Counter {
    /// The claim; its rule is the whole one, not an instance's share.
    pub claim: Claim,
    /// The key of what is used.
    pub uses: String,
    /// The key of what is held.
    pub holds: String,
}

impl Counter {
    /// `tag` is what all keys begin with, the hash tag included.
    pub(super) fn new(tag: &str, claim: Claim) -> Self {
        let rule = &claim.rule;
        // A counter of another kind of window is another counter: what is in them cannot be compared.
        let window = match rule.window {
            Window::Sliding(length) => format!("s{}", micros(length)),
            Window::Calendar(calendar) => format!("c{}", word(calendar)),
            Window::Bucket { per, .. } => format!("b{}", micros(per)),
            Window::Open => "o".to_owned(),
        };
        let name = format!("{}|{window}|{}", rule.name, claim.subject);
        Self { uses: format!("{tag}u:{name}"), holds: format!("{tag}h:{name}"), claim }
    }

    /// Whether its amount is held until it is settled.
    pub(super) fn is_held(&self) -> bool {
        !self.claim.counts_at_once()
    }

    /// The amount claimed, within what the scripts can add up.
    pub(super) fn amount(&self) -> i64 {
        self.claim.amount.clamp(0, MOST)
    }

    /// What was used, within what the scripts can add up.
    pub(super) fn used(&self, amounts: &Amounts) -> i64 {
        self.claim.used(amounts).clamp(0, MOST)
    }

    /// Kind, span, unit or flow, and how long its keys matter: four arguments of the scripts, times in microseconds.
    pub(super) fn describe(&self, arguments: &mut Vec<String>) {
        let rule = &self.claim.rule;
        let (kind, span, detail, keep) = match rule.window {
            Window::Sliding(length) => ("s", slot_length(length), "0".to_owned(), micros(length)),
            Window::Calendar(calendar) => {
                ("c", 0, word(calendar).to_owned(), micros(calendar.usual_length()) + 86_400 * SECOND)
            }
            Window::Bucket { per, burst } => {
                let fills = i128::from(burst) * i128::from(micros(per)) / i128::from(rule.amount.max(1));
                let keep = i64::try_from(fills).unwrap_or(i64::MAX).clamp(micros(per), LONGEST_KEEP);
                ("b", micros(per), rule.amount.to_string(), keep)
            }
            Window::Open => ("o", 0, "0".to_owned(), 0),
        };
        arguments.extend([kind.to_owned(), span.to_string(), detail, keep.min(LONGEST_KEEP).to_string()]);
    }
}

/// The length of a sliding window's slot, in microseconds; rounded up, so that the slots together are never shorter than the window.
fn slot_length(window: Duration) -> i64 {
    let micros = micros(window);
    (micros / SLOTS + i64::from(micros % SLOTS > 0)).max(1)
}

/// A time in microseconds.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4)
}

fn word(calendar: Calendar) -> &'static str {
    match calendar {
        Calendar::Second => "second",
        Calendar::Minute => "minute",
        Calendar::Hour => "hour",
        Calendar::Day => "day",
        Calendar::Week => "week",
        Calendar::Month => "month",
    }
}
