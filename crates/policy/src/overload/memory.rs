//! Memory for bodies and streams: one count for the process, and what is still let in at which fill.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Class;

/// How full memory may be for a class to be let in, as shares of the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// For `low`.
    pub low: f64,
    /// For `normal`.
    pub normal: f64,
    /// For `high`.
    pub high: f64,
    /// For `critical`. What is above it is left to the streams that are under way.
    pub critical: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { low: 0.70, normal: 0.80, high: 0.90, critical: 0.95 }
    }
}

impl Thresholds {
    fn of(&self, class: Class) -> f64 {
        match class {
            Class::Low => self.low,
            Class::Normal => self.normal,
            Class::High => self.high,
            Class::Critical => self.critical,
        }
    }
}

/// Bytes held by bodies and streams in the whole process.
///
/// One atomic count: it is touched when a body is begun and done or grows by a step (16 KiB and more), not for every piece of a stream. What was charged must
/// be released, once, by the same amount; whoever holds the bytes does so when it is dropped.
#[derive(Debug)]
pub struct Memory {
    used: AtomicU64,
    budget: AtomicU64,
    thresholds: Thresholds,
}

impl Memory {
    /// Nothing used yet of `budget` bytes.
    pub fn new(budget: u64, thresholds: Thresholds) -> Self {
        Self { used: AtomicU64::new(0), budget: AtomicU64::new(budget), thresholds }
    }

    /// Changes the budget, bytes. What is used stays used.
    pub fn set_budget(&self, budget: u64) {
        self.budget.store(budget, Ordering::Relaxed);
    }

    /// Charges new work of a class, unless the bytes do not fit under its threshold. True: they are charged.
    pub fn admit(&self, class: Class, bytes: u64) -> bool {
        let bound = self.bound(class);
        let charge = |used: u64| used.checked_add(bytes).filter(|used| *used <= bound);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charge).is_ok()
    }

    /// Charges work that is under way: it is not stopped for want of room, but what comes after it sees the room gone.
    pub fn charge(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back what was charged. More than that is a fault of the caller and leaves nothing used rather than a count gone wild.
    pub fn release(&self, bytes: u64) {
        let rest = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Share of the budget in use: 0 for none; above 1 when work under way has outgrown it.
    pub fn fraction(&self) -> f64 {
        self.used() as f64 / (self.budget.load(Ordering::Relaxed).max(1)) as f64
    }

    /// Whether new work of a class is let in now.
    pub fn admits(&self, class: Class) -> bool {
        self.used() <= self.bound(class)
    }

    /// The lowest class that is let in now. None: everything is shed.
    pub fn lowest_admitted(&self) -> Option<Class> {
        Class::ALL.into_iter().find(|class| self.admits(*class))
    }

    /// Whether the process may be sent traffic: false only when everything is shed.
    pub fn is_ready(&self) -> bool {
        self.admits(Class::Critical)
    }

    fn bound(&self, class: Class) -> u64 {
        (self.budget.load(Ordering::Relaxed) as f64 * self.thresholds.of(class)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_94_the_lowest_class_is_shed_first_and_ready_only_falls_when_all_is_shed() {
        let memory = Memory::new(1000, Thresholds::default());
        let lowest = |used: u64| {
            memory.charge(used);
            let lowest = memory.lowest_admitted();
            assert_eq!(memory.is_ready(), lowest.is_some());
            memory.release(used);
            lowest
        };
        assert_eq!(lowest(0), Some(Class::Low));
        assert_eq!(lowest(701), Some(Class::Normal));
        assert_eq!(lowest(801), Some(Class::High));
        assert_eq!(lowest(901), Some(Class::Critical));
        assert_eq!(lowest(951), None);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn a_body_that_does_not_fit_is_not_charged() {
        let memory = Memory::new(1000, Thresholds::default());
        assert!(memory.admit(Class::Low, 700));
        assert!(!memory.admit(Class::Low, 1));
        assert!(!memory.admit(Class::Critical, u64::MAX));
        assert!(memory.admit(Class::High, 200));
        assert_eq!(memory.used(), 900);
        memory.release(5000);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn threads_together_never_pass_a_threshold() {
        let memory = Memory::new(100_000, Thresholds::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..20_000u64 {
                        if memory.admit(Class::Normal, 1 + round % 977) {
                            assert!(memory.used() <= 80_000);
                            if round % 3 > 0 {
                                memory.release(1 + round % 977);
                            }
                        }
                    }
                });
            }
        });
        assert!(memory.fraction() > 0.7, "{}", memory.fraction());
    }
}
