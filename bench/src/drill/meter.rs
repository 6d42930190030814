//! What is counted while a drill runs, in windows of a quarter of a second.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::caller::Outcome;

/// Length of a window in seconds.
pub(crate) const WINDOW: f64 = 0.25;

/// What happened in one window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// Requests sent, with those that are sent again.
    pub(crate) asked: u32,
    /// Seconds that each good answer took.
    pub(crate) good: Vec<f64>,
    /// Seconds that each refusal took.
    pub(crate) refused: Vec<f64>,
    /// Clients that ran out of patience.
    pub(crate) left: u32,
    /// Other errors.
    pub(crate) failed: u32,
    /// Resident memory of the gateway in MiB, at the window's end.
    pub(crate) mib: f64,
    /// Requests in the provider, at the window's end.
    pub(crate) present: usize,
}

/// How callers fared, with their own further tries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fared {
    pub(crate) good: u32,
    pub(crate) bad: u32,
}

/// All that is counted of one side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) windows: Vec<Window>,
    /// Callers of high priority.
    pub(crate) high: Fared,
    /// All others.
    pub(crate) usual: Fared,
    /// Seconds that the first refusal took.
    pub(crate) first_refusal: Option<f64>,
    /// Some words of the first failure that is neither a refusal nor lost patience.
    pub(crate) why: Option<String>,
}

/// Counts, by the time since the start.
pub(crate) struct Meter {
    start: Instant,
    counted: Mutex<Counted>,
}

impl Meter {
    /// Begins at that time.
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, counted: Mutex::default() }
    }

    /// A request leaves.
    pub(crate) fn asked(&self) {
        self.now(|_, window| window.asked += 1);
    }

    /// What became of it after so many seconds.
    pub(crate) fn became(&self, outcome: &Outcome, took: f64) {
        self.now(|counted, window| match outcome {
            Outcome::Good => window.good.push(took),
            Outcome::Refused { .. } => {
                counted.first_refusal.get_or_insert(took);
                window.refused.push(took);
            }
            Outcome::Left => window.left += 1,
            Outcome::Failed(why) => {
                counted.why.get_or_insert_with(|| why.clone());
                window.failed += 1;
            }
        });
    }

    /// A caller has an answer, or has given up.
    pub(crate) fn ended(&self, high: bool, good: bool) {
        let mut counted = self.lock();
        let fared = if high { &mut counted.high } else { &mut counted.usual };
        if good { fared.good += 1 } else { fared.bad += 1 }
    }

    /// What the gateway and the provider hold just now.
    pub(crate) fn holds(&self, mib: f64, present: usize) {
        self.now(|_, window| (window.mib, window.present) = (mib, present));
    }

    /// All of it so far.
    pub(crate) fn counted(&self) -> Counted {
        self.lock().clone()
    }

    /// The last `count` windows before this one, added up, for a line of progress.
    pub(crate) fn lately(&self, count: usize) -> Window {
        let counted = self.lock();
        let mut sum = Window::default();
        for window in counted.windows.iter().rev().skip(1).take(count) {
            sum.asked += window.asked;
            sum.good.extend(&window.good);
            sum.refused.extend(&window.refused);
            sum.left += window.left;
            sum.failed += window.failed;
            sum.mib = sum.mib.max(window.mib);
            sum.present = sum.present.max(window.present);
        }
        sum
    }

    fn now(&self, change: impl FnOnce(&mut Counted, &mut Window)) {
        let place = (self.start.elapsed().as_secs_f64() / WINDOW) as usize;
        let mut counted = self.lock();
        while counted.windows.len() <= place {
            // Until it is looked at again, memory is what it was.
            let (mib, present) = counted.windows.last().map_or((0.0, 0), |last| (last.mib, last.present));
            counted.windows.push(Window { mib, present, ..Window::default() });
        }
        let mut window = std::mem::take(&mut counted.windows[place]);
        change(&mut counted, &mut window);
        counted.windows[place] = window;
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fared {
    /// The share that got an answer; 1 where nobody asked.
    pub(crate) fn share(self) -> f64 {
        let all = self.good + self.bad;
        if all == 0 { 1.0 } else { f64::from(self.good) / f64::from(all) }
    }
}

impl Counted {
    /// The windows between two times.
    pub(crate) fn between(&self, [start, end]: [f64; 2]) -> &[Window] {
        let place = |time: f64| ((time / WINDOW) as usize).min(self.windows.len());
        self.windows.get(place(start)..place(end)).unwrap_or_default()
    }
}
