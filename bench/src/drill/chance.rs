//! Chance that is the same in every run: splitmix64.

/// A seeded source of chance.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The same seed gives the same run.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.any() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Within bounds.
    pub(crate) fn within(&mut self, [least, most]: [f64; 2]) -> f64 {
        least + (most - least) * self.share()
    }

    /// Seconds until the next of so many independent arrivals per second.
    pub(crate) fn gap(&mut self, rate: f64) -> f64 {
        -(1.0 - self.share()).ln() / rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_make_up_the_rate() {
        let mut chance = Chance::new(1);
        let sum: f64 = (0..10_000).map(|_| chance.gap(50.0)).sum();
        assert!((sum - 200.0).abs() < 8.0, "{sum}");
    }
}
