//! How large numbers were, of late: a histogram that forgets.

const BINS: usize = 192;
/// When so many have been added, all count half. So the last one or two thousand count most.
const FULL: f32 = 2048.0;

/// A histogram over powers of two, each in several steps.
#[derive(Debug)]
pub(super) struct Tail {
    /// The power of two at which the first bin begins.
    lowest: i32,
    /// Bins in each doubling.
    steps: i32,
    bins: Box<[f32; BINS]>,
    total: f32,
}

impl Tail {
    pub(super) fn new(lowest: i32, steps: i32) -> Self {
        Self { lowest, steps, bins: Box::new([0.0; BINS]), total: 0.0 }
    }

    /// Adds a number above 0. What lies beyond the bins counts in the last or the first.
    pub(super) fn add(&mut self, number: f64) {
        if self.total >= FULL {
            self.bins.iter_mut().for_each(|bin| *bin /= 2.0);
            self.total /= 2.0;
        }
        let place = ((number.log2() - f64::from(self.lowest)) * f64::from(self.steps)).floor();
        // A conversion that saturates: NaN and what is below become 0.
        self.bins[(place as usize).min(BINS - 1)] += 1.0;
        self.total += 1.0;
    }

    /// How much counts; of the first `FULL` each number counts 1.
    pub(super) fn total(&self) -> f32 {
        self.total
    }

    /// The upper edge of the bin above which no more than that share lies.
    pub(super) fn exceeded_by(&self, share: f32) -> f64 {
        let (mut above, allowed) = (0.0, self.total * share);
        let place = self.bins.iter().rposition(|bin| {
            above += bin;
            above > allowed
        });
        let edge = place.map_or(0, |place| place as i32 + 1);
        (f64::from(edge) / f64::from(self.steps) + f64::from(self.lowest)).exp2()
    }
}
