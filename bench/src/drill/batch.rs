//! A model server's batch: it takes in whatever comes, and all in it share what it can do.
//!
//! Up to its slots each answer takes its time. Beyond them all get slower, and what the server does as a whole gets less
//! too, down to half: answers are pushed out of the cache and begun again. That is how a queue in the provider looks from
//! outside, and why asking more of an overloaded one gives less.

use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// So much of its work is lost for each time that the batch is filled over.
const LOSS: f64 = 0.1;

/// Not more than so much is lost.
const LEAST: f64 = 0.5;

/// The batch, shared by the connections of a provider.
#[derive(Clone, Default)]
pub(crate) struct Batch(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// How much of an answer each one in the batch has got since the start.
    done: f64,
    present: usize,
    awaited: BinaryHeap<Awaited>,
}

struct Awaited {
    at: f64,
    wake: oneshot::Sender<()>,
}

/// One answer in the batch. Dropping it takes it out.
pub(crate) struct Job {
    batch: Batch,
    start: f64,
    size: f64,
}

impl Batch {
    /// Takes in an answer of this size; 1 is the usual one.
    pub(crate) fn begin(&self, size: f64) -> Job {
        let mut state = self.state();
        state.present += 1;
        Job { batch: self.clone(), start: state.done, size }
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&self, seconds: f64, slots: f64, service: f64) {
        let mut state = self.state();
        state.done += seconds * speed(state.present as f64 / slots) / service;
        while state.awaited.peek().is_some_and(|awaited| awaited.at <= state.done) {
            // Nobody listens where the client has gone.
            if let Some(awaited) = state.awaited.pop() {
                awaited.wake.send(()).ok();
            }
        }
    }

    /// How many are in it.
    pub(crate) fn present(&self) -> usize {
        self.state().present
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of one answer, where the batch is filled so many times: 1 is full speed.
fn speed(filled: f64) -> f64 {
    if filled <= 1.0 { 1.0 } else { (1.0 - LOSS * (filled - 1.0)).max(LEAST) / filled }
}

impl Job {
    /// Waits until this share of the answer (0 to 1) is there.
    pub(crate) async fn until(&self, share: f64) {
        let (wake, woken) = oneshot::channel();
        self.batch.state().awaited.push(Awaited { at: self.start + self.size * share, wake });
        woken.await.ok();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.batch.state().present -= 1;
    }
}

/// The earliest is the greatest.
impl Ord for Awaited {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.at.total_cmp(&self.at)
    }
}

impl PartialOrd for Awaited {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Awaited {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Awaited {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_its_slots_the_batch_does_less_not_more() {
        let whole = |filled: f64| filled * speed(filled);
        assert!(whole(0.5) < whole(1.0) && whole(1.2) < whole(1.0) && whole(3.0) < whole(1.2));
        assert!((whole(1.0) - 1.0).abs() < 1e-9 && (whole(100.0) - LEAST).abs() < 1e-9);
    }

    #[tokio::test]
    async fn an_answer_is_there_when_its_work_is_done() {
        let batch = Batch::default();
        let job = batch.begin(1.0);
        let waiting = tokio::spawn(async move { job.until(1.0).await });
        while batch.state().awaited.is_empty() {
            tokio::task::yield_now().await;
        }
        batch.pass(0.19, 4.0, 0.2);
        assert_eq!(batch.state().awaited.len(), 1);
        batch.pass(0.02, 4.0, 0.2);
        waiting.await.unwrap();
        assert_eq!(batch.present(), 0);
    }
}
