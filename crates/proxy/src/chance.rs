//! Chance for what needs some: which target, how long a jittered wait, ids.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use tidegate_core::RequestId;

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0x7469_6465_u32) | 1);
}

/// A number in `0.0..1.0`. Not for secrets.
pub fn chance() -> f64 {
    (bits() >> 11) as f64 / (1u64 << 53) as f64
}

/// A fresh exchange's id.
pub fn request_id(arrived: SystemTime) -> RequestId {
    let millis = arrived.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    RequestId::from_parts(millis, u128::from(bits()) << 64 | u128::from(bits()))
}

/// xorshift64*, seeded by the operating system for each thread.
fn bits() -> u64 {
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
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
