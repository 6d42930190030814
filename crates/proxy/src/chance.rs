//! Chance for decisions that need some: which target, how long a jittered wait.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0x7469_6465_u32) | 1);
}

/// A number in `0.0..1.0` (xorshift64*, seeded by the operating system for each thread). Not for secrets.
pub fn chance() -> f64 {
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        (x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_over_the_range() {
        let mean = (0..10_000).map(|_| chance()).inspect(|c| assert!((0.0..1.0).contains(c))).sum::<f64>()
            / 10_000.0;
        assert!((0.47..0.53).contains(&mean), "{mean}");
    }
}
