//! An average that forgets, and jumps to peaks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The peak-EWMA of times as Finagle and Linkerd have it: a higher value counts at once, a lower one by and by; and what nobody measures any
/// more fades, so that a target that was slow is tried again. Value and moment are in one word, which is read and written whole.
#[derive(Debug, Default)]
pub(crate) struct PeakEwma {
    /// The value in microseconds as the bits of an `f32` (0: unknown), and the moment in milliseconds, whose upper half is cut off.
    word: AtomicU64,
}

impl PeakEwma {
    /// A measured time, in microseconds; `decay`: how long a value takes to fade to 1/e.
    pub(crate) fn observe(&self, took: i64, decay: i64, now: i64) {
        let took = (took.max(1)) as f32;
        let known = self.word.load(Relaxed);
        let value = if known == 0 {
            took
        } else {
            // Of what comes at the same time on several threads one may be lost; it is an average.
            let weight = fading(known, decay, now);
            let mean = value(known) * weight + took * (1.0 - weight);
            if took > value(known) { took } else { mean }
        };
        self.word.store(pack(value, now), Relaxed);
    }

    /// The value now, in microseconds, faded; `None` if nothing was ever measured.
    pub(crate) fn faded(&self, decay: i64, now: i64) -> Option<f32> {
        let known = self.word.load(Relaxed);
        (known != 0).then(|| value(known) * fading(known, decay, now))
    }

    /// The value as it was when it was last measured, in microseconds; 0 if never.
    pub(crate) fn last(&self) -> f32 {
        value(self.word.load(Relaxed))
    }
}

fn value(word: u64) -> f32 {
    f32::from_bits((word >> 32) as u32)
}

fn pack(value: f32, now: i64) -> u64 {
    u64::from(value.to_bits()) << 32 | u64::from(millis(now))
}

fn millis(now: i64) -> u32 {
    (now / 1000) as u32
}

/// What is left of 1 since the word was written.
fn fading(word: u64, decay: i64, now: i64) -> f32 {
    // A moment that seems to lie ahead by less than 24 days is a clock that went back.
    let gone = millis(now).wrapping_sub(word as u32) as i32;
    let decay = (decay / 1000).max(1) as f32;
    (-(gone.max(0) as f32) / decay).exp()
}
