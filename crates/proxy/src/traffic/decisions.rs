//! The last decisions, for people who wonder why a target was chosen.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tidegate_core::RequestId;
use tidegate_policy::balance::{Strategy, Why};

/// So many are kept.
const KEPT: usize = 1000;

/// Which target of a pool was chosen, and why.
#[derive(Clone, Debug)]
pub struct Decision {
    /// When, in Unix microseconds.
    pub at: i64,
    /// For which exchange.
    pub exchange: RequestId,
    /// The pool.
    pub pool: Arc<str>,
    /// How it chooses.
    pub strategy: Strategy,
    /// The chosen target's label; `None`: none could be used.
    pub target: Option<Arc<str>>,
    /// Why it.
    pub why: Why,
    /// How many of how many could be used.
    pub usable: (u32, u32),
    /// Whether open breakers were not heeded, as too few were healthy.
    pub is_panic: bool,
}

/// The last thousand.
#[derive(Debug, Default)]
pub struct Decisions(Mutex<VecDeque<Decision>>);

impl Decisions {
    /// Adds one and forgets the oldest.
    pub fn add(&self, decision: Decision) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(decision);
    }

    /// The last ones, newest first.
    pub fn last(&self, most: usize) -> Vec<Decision> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().take(most).cloned().collect()
    }
}
