//! What Redis has still to be told: settlements in their order, and sums of what did not fit or could not be sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::counter::{Counter, micros};
use super::own::Own;
use super::script::Call;

/// Most operations that wait in their order; what comes on top is summed up by counter, and its holding runs out with its lease.
const MOST_WAITING: usize = 8192;
/// Operations in one call of the script, which nobody else can interrupt.
const PER_CALL: usize = 64;
/// Calls in one batch.
const CALLS: usize = 8;

/// One thing that has become of a counter.
pub(super) struct Operation {
    /// Whose.
    pub counter: Arc<Counter>,
    /// The holding that it is about, if it is about one.
    pub holding: Option<Holding>,
    /// What was used.
    pub used: i64,
    /// When, in microseconds since 1970.
    pub at: i64,
}

/// A holding, by the name that it has in Redis.
pub(super) struct Holding {
    /// Unique among all instances.
    pub id: Arc<str>,
    /// For how long it is held on from now; `None`: it is let go.
    pub lease: Option<Duration>,
}

/// Operations under one number, so that Redis does them once however often they are sent.
pub(super) struct Batch {
    /// Higher than those of all batches before.
    pub number: u64,
    /// What to do.
    pub operations: Vec<Operation>,
}

/// What Redis has still to be told. One lock around it also keeps settlements and their counting here together.
#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Operation>,
    /// Own use, told and untold.
    pub own: Own,
    /// On its way: sent again as it is until it is acknowledged.
    pub sending: Vec<Batch>,
    /// Reservations to be held on, by number.
    pub renewals: VecDeque<u64>,
    last_number: u64,
}

impl Outbox {
    /// Takes one in. `is_up`: Redis decides at the moment, so that it will be told soon.
    pub(super) fn push(&mut self, mut operation: Operation, is_up: bool, instances: u32) {
        let has_room = self.queue.len() < MOST_WAITING;
        // What is told late is summed up, because a bucket's debt shrinks meanwhile.
        let is_told = has_room && is_up;
        self.own.count(&operation.counter, operation.used, operation.at, is_told, instances);
        if !is_told {
            operation.used = 0;
        }
        if has_room && (operation.used > 0 || operation.holding.is_some()) {
            self.queue.push_back(operation);
        }
    }

    /// Makes the next batches, if none are on their way. `renew` gives what holds a reservation on, nothing when it has ended.
    pub(super) fn load(&mut self, now: i64, instances: u32, mut renew: impl FnMut(u64) -> Vec<Operation>) {
        while self.sending.len() < CALLS {
            let mut operations = Vec::new();
            while operations.len() < PER_CALL
                && let Some(id) = self.renewals.pop_front()
            {
                operations.extend(renew(id));
            }
            let room = PER_CALL.saturating_sub(operations.len()).min(self.queue.len());
            operations.extend(self.queue.drain(..room));
            if operations.len() < PER_CALL {
                let unsent = self.own.take_unsent(PER_CALL - operations.len(), now, instances);
                operations.extend(unsent.into_iter().map(|unsent| Operation {
                    counter: unsent.counter,
                    holding: None,
                    used: unsent.amount,
                    at: unsent.at,
                }));
            }
            if operations.is_empty() {
                return;
            }
            self.last_number += 1;
            self.sending.push(Batch { number: self.last_number, operations });
        }
    }

    /// Redis knows nothing any more: own use is told again, from the beginning.
    pub(super) fn begin_again(&mut self) {
        self.queue.clear();
        self.sending.clear();
        self.own.untell();
    }

    /// How many operations and sums wait.
    pub(super) fn waiting(&self) -> usize {
        let sending: usize = self.sending.iter().map(|batch| batch.operations.len()).sum();
        self.queue.len() + sending + self.own.unsent()
    }
}

impl Batch {
    /// The call that does it; `now` is this instance's time, by which the operations' ages are reckoned. Redis goes by its own, unless a
    /// test gives `time`.
    pub(super) fn call(&self, keys: [&str; 2], epoch: &str, now: i64, time: Option<i64>) -> Call {
        let time = time.map_or(String::new(), |time| time.to_string());
        let mut call = Call {
            keys: keys.map(str::to_owned).to_vec(),
            arguments: vec![epoch.to_owned(), time, self.number.to_string()],
        };
        for operation in &self.operations {
            call.keys.extend([operation.counter.uses.clone(), operation.counter.holds.clone()]);
            operation.counter.describe(&mut call.arguments);
            let (id, lease) = match &operation.holding {
                Some(holding) => (holding.id.to_string(), holding.lease.map_or(0, micros)),
                None => (String::new(), 0),
            };
            let age = (now - operation.at).max(0);
            let numbers = [operation.counter.amount(), lease, operation.used, age];
            call.arguments.push(id);
            call.arguments.extend(numbers.map(|number| number.to_string()));
        }
        call
    }
}
