//! What this instance itself has used, by counter and time: for a Redis that was away, or that came back empty.

use std::collections::HashMap;
use std::sync::Arc;

use tidegate_policy::limit::Window;

use super::counter::{Counter, MOST, micros};

/// Into how many parts a sliding window is divided here; what Redis is told late is told within a twentieth of the window.
const PARTS: i64 = 20;
const DAY: i64 = 86_400_000_000;

/// Own use of all counters whose windows still run.
#[derive(Default)]
pub(super) struct Own {
    counters: HashMap<String, Use>,
}

struct Use {
    counter: Arc<Counter>,
    parts: Vec<Part>,
}

/// One part of a window.
struct Part {
    number: i64,
    /// The last use in it.
    at: i64,
    used: i64,
    /// How much of it Redis has not been told.
    unsent: i64,
}

/// Some use that Redis has not been told.
pub(super) struct Unsent {
    /// Whose.
    pub counter: Arc<Counter>,
    /// How much.
    pub amount: i64,
    /// When, in microseconds since 1970.
    pub at: i64,
}

impl Own {
    /// Counts what was used at that time; `is_told`: Redis knows it, or is told by other means. `instances` share a bucket's flow.
    pub(super) fn count(
        &mut self,
        counter: &Arc<Counter>,
        amount: i64,
        at: i64,
        is_told: bool,
        instances: u32,
    ) {
        if amount <= 0 || counter.claim.rule.window == Window::Open {
            return;
        }
        if !self.counters.contains_key(&counter.uses) {
            let entry = Use { counter: Arc::clone(counter), parts: Vec::new() };
            self.counters.insert(counter.uses.clone(), entry);
        }
        let Some(entry) = self.counters.get_mut(&counter.uses) else { return };
        entry.counter = Arc::clone(counter);
        let number = part_number(&counter.claim.rule.window, at);
        let unsent = if is_told { 0 } else { amount };
        match entry.parts.iter_mut().rev().find(|part| part.number == number) {
            Some(part) => {
                part.flow_back(counter, at, instances);
                part.at = part.at.max(at);
                part.used = part.used.saturating_add(amount).min(MOST);
                part.unsent = part.unsent.saturating_add(unsent).min(MOST);
            }
            None => entry.parts.push(Part { number, at, used: amount, unsent }),
        }
    }

    /// Redis knows nothing any more: everything has to be told again.
    pub(super) fn untell(&mut self) {
        for part in self.counters.values_mut().flat_map(|entry| &mut entry.parts) {
            part.unsent = part.used;
        }
    }

    /// Takes up to so many uses that Redis has not been told; they count as told.
    pub(super) fn take_unsent(&mut self, most: usize, now: i64, instances: u32) -> Vec<Unsent> {
        let mut taken = Vec::new();
        for entry in self.counters.values_mut() {
            for part in &mut entry.parts {
                if part.unsent > 0 && taken.len() < most {
                    part.flow_back(&entry.counter, now, instances);
                    let amount = std::mem::take(&mut part.unsent);
                    taken.push(Unsent { counter: Arc::clone(&entry.counter), amount, at: part.at });
                }
            }
            if taken.len() >= most {
                break;
            }
        }
        taken
    }

    /// How many uses Redis has not been told.
    pub(super) fn unsent(&self) -> usize {
        self.counters.values().flat_map(|entry| &entry.parts).filter(|part| part.unsent > 0).count()
    }

    /// Forgets what no window holds any more.
    pub(super) fn sweep(&mut self, now: i64, instances: u32) {
        self.counters.retain(|_, entry| {
            let window = &entry.counter.claim.rule.window;
            let counter = &entry.counter;
            entry.parts.retain_mut(|part| {
                part.flow_back(counter, now, instances);
                let is_open = window_length(window).is_none_or(|length| part.at.saturating_add(length) > now);
                part.used > 0 && is_open
            });
            !entry.parts.is_empty()
        });
    }
}

impl Part {
    /// A bucket's debt shrinks as its share flows back; in windows nothing does.
    fn flow_back(&mut self, counter: &Counter, now: i64, instances: u32) {
        let rule = &counter.claim.rule;
        let Window::Bucket { per, .. } = rule.window else { return };
        if now <= self.at {
            return;
        }
        let time = i128::from(now - self.at);
        let divisor = i128::from(micros(per).max(1)) * i128::from(instances.max(1));
        let flow = time * i128::from(rule.amount) / divisor;
        if flow > 0 {
            let flow = i64::try_from(flow).unwrap_or(i64::MAX);
            self.used = self.used.saturating_sub(flow).max(0);
            self.unsent = self.unsent.min(self.used);
            self.at = now;
        }
    }
}

/// Parts never reach over the border of two windows: calendars' borders are whole days, or shorter than one.
fn part_number(window: &Window, at: i64) -> i64 {
    match window {
        Window::Sliding(length) => at.div_euclid((micros(*length) / PARTS).max(1)),
        Window::Calendar(calendar) => at.div_euclid(micros(calendar.usual_length()).min(DAY)),
        Window::Bucket { .. } | Window::Open => 0,
    }
}

/// How long after a use its window may still run; `None`: not a matter of time.
fn window_length(window: &Window) -> Option<i64> {
    match window {
        Window::Sliding(length) => Some(micros(*length) + micros(*length) / PARTS),
        Window::Calendar(calendar) => Some(micros(calendar.usual_length()) + DAY),
        Window::Bucket { .. } | Window::Open => None,
    }
}
