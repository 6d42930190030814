//! Several credentials of one provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::event::{Event, Out, Standing};
use super::state::Health;

/// The credentials of a provider, used in turn. One that the provider does not take is out; one that it limits rests until the named time.
#[derive(Debug)]
pub struct Credentials {
    each: Vec<Arc<Health>>,
    turn: AtomicUsize,
}

/// None of the credentials can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCredential {
    /// When the first of them may be used again; `None`: the provider takes none of them any more.
    pub until: Option<i64>,
}

impl Credentials {
    /// So many, all good.
    pub fn new(count: usize) -> Self {
        Self::of((0..count).map(|_| Arc::default()).collect())
    }

    /// Those of which that is known already.
    pub fn of(each: Vec<Arc<Health>>) -> Self {
        Self { each, turn: AtomicUsize::new(0) }
    }

    /// The place of the next credential that is good.
    pub fn next(&self, now: i64) -> Result<usize, NoCredential> {
        let count = self.each.len();
        let turn = self.turn.fetch_add(1, Relaxed);
        let mut places = (0..count).map(|step| turn.wrapping_add(step) % count);
        let good = places.find(|&place| matches!(self.each[place].standing(now), Standing::Ready(_)));
        good.ok_or_else(|| NoCredential { until: self.until(now) })
    }

    /// The provider limits this one (429) until the time that it named, if it did.
    pub fn limited(&self, place: usize, until: Option<i64>, now: i64) -> Option<Event> {
        self.each.get(place).map(|health| health.limited(until, now))
    }

    /// The provider does not take this one (401, 402, 403).
    pub fn out(&self, place: usize) -> Option<Event> {
        self.each.get(place)?.credential_out()
    }

    /// This one was replaced or paid for.
    pub fn back(&self, place: usize, now: i64) -> Option<Event> {
        let health = self.each.get(place)?;
        health.close_by_hand(now);
        health.credential_back()
    }

    /// This one was of use: its next rest begins short again.
    pub fn worked(&self, place: usize) {
        if let Some(health) = self.each.get(place) {
            health.had_room();
        }
    }

    fn until(&self, now: i64) -> Option<i64> {
        let rests = self.each.iter().filter_map(|health| match health.standing(now) {
            Standing::Out(Out::Limited(until)) => Some(until),
            _ => None,
        });
        rests.min()
    }
}
