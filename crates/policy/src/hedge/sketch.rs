//! A histogram of durations in steps of a twentieth, which forgets.

use std::time::Duration;

/// Upper bound of the first step, microseconds.
const FIRST: f64 = 1000.0;
/// Each step is so many times as long as the one before.
const STEP: f64 = 1.05;
/// Up to a little over 15 minutes.
const STEPS: usize = 282;
/// With so many samples all are halved: the last few hundred count most.
const MOST: f64 = 600.0;
/// The quantile is worth reading anew after so many samples.
const DUE_EVERY: u32 = 16;

#[derive(Debug)]
pub(super) struct Sketch {
    counts: Box<[f32; STEPS]>,
    total: f64,
    since_read: u32,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { counts: Box::new([0.0; STEPS]), total: 0.0, since_read: 0 }
    }
}

impl Sketch {
    pub(super) fn add(&mut self, took: Duration) {
        let steps = (took.as_micros().max(1) as f64 / FIRST).ln() / STEP.ln();
        let step = steps.ceil().clamp(0.0, (STEPS - 1) as f64) as usize;
        self.counts[step] += 1.0;
        self.total += 1.0;
        self.since_read = self.since_read.saturating_add(1);
        if self.total >= MOST {
            self.counts.iter_mut().for_each(|count| *count /= 2.0);
            self.total /= 2.0;
        }
    }

    pub(super) fn total(&self) -> f64 {
        self.total
    }

    /// Whether enough has been added since the last reading.
    pub(super) fn is_due(&self) -> bool {
        self.since_read >= DUE_EVERY
    }

    /// What a share of the samples stays under, at most a step too long.
    pub(super) fn quantile(&mut self, share: f64) -> Duration {
        self.since_read = 0;
        let mut rest = self.total * share.clamp(0.0, 1.0);
        let found = self.counts.iter().position(|count| {
            rest -= f64::from(*count);
            rest <= 1e-6
        });
        let step = found.unwrap_or(STEPS - 1);
        Duration::from_micros((FIRST * STEP.powi(step as i32)) as u64)
    }
}
