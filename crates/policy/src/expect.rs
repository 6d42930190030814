//! What a request will use at most, learnt from what others have used.

mod tail;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use crate::limit::spec;
use tail::Tail;

/// Most models that are told apart. The others are learnt of together.
const MODELS: usize = 1024;
/// Tokens that are answered at most when nobody has said so and nothing has been learnt yet.
const FIRST_OUTPUT: u64 = 4096;
/// Real prompt tokens for each estimated one, at most, when nothing has been learnt yet: the estimate is a quarter of the bytes, and no
/// token is shorter than a byte.
const FIRST_RATIO: f64 = 4.0;
/// From so many requests on what was learnt stands alone.
const ENOUGH: f32 = 50.0;
/// After so many requests a bound that holds is reckoned anew; one that is exceeded is at once.
const RENEWED: u32 = 16;
/// The share of requests that may use more than expected.
const EXCEEDING: f32 = 0.01;
/// Tokens that every prompt has beside its text, so that short ones do not spoil the ratio.
const FRAME: u64 = 8;
/// More than any limit can be, and far from where sums overflow.
const ABSURD: u64 = spec::MOST as u64 + 1;

/// Upper bounds of what requests use, by target model: what about 99 of 100 like it stay under. The last one or two thousand requests count most.
#[derive(Debug, Default)]
pub struct Expect {
    models: RwLock<HashMap<Box<str>, Model>>,
    others: Model,
}

/// What is known of a model. The bounds are kept ready: many ask, few teach.
#[derive(Debug)]
struct Model {
    /// Real prompt tokens for each estimated one, as the bits of an `f64`.
    ratio: AtomicU64,
    output: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    ratios: Learnt,
    outputs: Learnt,
}

/// A histogram, and how often something was added since its bound was reckoned.
#[derive(Debug)]
struct Learnt {
    tail: Tail,
    added: u32,
}

impl Learnt {
    fn new(tail: Tail) -> Self {
        Self { tail, added: 0 }
    }

    /// Adds a number. A new bound, when one is due: `bound` stands now.
    fn add(&mut self, number: f64, bound: f64, first: f64) -> Option<f64> {
        self.tail.add(number);
        self.added += 1;
        let is_due = number > bound || self.added >= RENEWED || self.tail.total() <= ENOUGH;
        if !is_due {
            return None;
        }
        self.added = 0;
        let seen = self.tail.exceeded_by(EXCEEDING);
        // As long as little has been seen, no less than a first guess.
        Some(if self.tail.total() < ENOUGH { seen.max(first) } else { seen })
    }
}

impl Default for Model {
    fn default() -> Self {
        // Ratios from 1/16 to 256 in steps of 4 %, outputs from 1 to 16 million tokens in steps of 9 %.
        let seen = Seen { ratios: Learnt::new(Tail::new(-4, 16)), outputs: Learnt::new(Tail::new(0, 8)) };
        Self {
            ratio: AtomicU64::new(FIRST_RATIO.to_bits()),
            output: AtomicU64::new(FIRST_OUTPUT),
            seen: Mutex::new(seen),
        }
    }
}

impl Expect {
    /// Nothing learnt yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Most prompt tokens and most answer tokens (of all `n` answers together) of a request to a target's model. `max_tokens` is taken at its word.
    /// Neither is more than a little above 10^15, whatever the request says.
    pub fn most(&self, model: &str, estimated_input: u64, max_tokens: Option<u64>, n: u64) -> (u64, u64) {
        let (ratio, output) = self.with(model, |known| {
            (f64::from_bits(known.ratio.load(Ordering::Relaxed)), known.output.load(Ordering::Relaxed))
        });
        let framed = estimated_input.min(ABSURD).saturating_add(FRAME);
        let input = (framed as f64 * ratio).ceil() as u64;
        let output = max_tokens.unwrap_or(output).saturating_mul(n.max(1));
        (input.min(ABSURD), output.min(ABSURD))
    }

    /// Learns from a request that is done: its real tokens as the provider told them, and whether it had named a `max_tokens`.
    pub fn learn(
        &self,
        model: &str,
        estimated_input: u64,
        real_input: u64,
        real_output: u64,
        had_max_tokens: bool,
    ) {
        let learn = |known: &Model| {
            let mut seen = known.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if estimated_input > 0 && real_input > 0 {
                let ratio = real_input as f64 / estimated_input.saturating_add(FRAME) as f64;
                let now = f64::from_bits(known.ratio.load(Ordering::Relaxed));
                if let Some(ratio) = seen.ratios.add(ratio, now, FIRST_RATIO) {
                    known.ratio.store(ratio.to_bits(), Ordering::Relaxed);
                }
            }
            if !had_max_tokens {
                let now = known.output.load(Ordering::Relaxed) as f64;
                if let Some(output) = seen.outputs.add(real_output.max(1) as f64, now, FIRST_OUTPUT as f64) {
                    known.output.store(output.ceil() as u64, Ordering::Relaxed);
                }
            }
        };
        if self.with_known(model, learn).is_none() {
            self.make_room_for(model);
            self.with(model, learn);
        }
    }

    fn with<T>(&self, model: &str, see: impl Fn(&Model) -> T) -> T {
        self.with_known(model, &see).unwrap_or_else(|| see(&self.others))
    }

    fn with_known<T>(&self, model: &str, see: impl FnOnce(&Model) -> T) -> Option<T> {
        // Held while it is looked at, which is short, and waited for only when a model comes for the first time.
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.get(model).map(see)
    }

    fn make_room_for(&self, model: &str) {
        if self.models.read().unwrap_or_else(PoisonError::into_inner).len() >= MODELS {
            return;
        }
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        if models.len() < MODELS {
            models.entry(model.into()).or_default();
        }
    }
}
