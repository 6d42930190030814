//! Reservations that are open: what they hold, and when their leases are to be renewed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_policy::limit::Claim;

use super::counter::{Counter, micros};

/// Into how many parts a lease is divided: two renewals may fail before it runs out.
const PARTS: i64 = 3;

/// An open reservation.
#[derive(Clone)]
pub(super) struct Living {
    /// What it claims here: of an instance's share when there is a Redis.
    pub claims: Arc<[Claim]>,
    /// What it claims in Redis; empty without.
    pub counters: Arc<[Arc<Counter>]>,
    /// For how long it holds unless it is renewed.
    pub lease: Duration,
    renew_at: i64,
}

impl Living {
    pub(super) fn new(
        claims: Arc<[Claim]>,
        counters: Arc<[Arc<Counter>]>,
        lease: Duration,
        now: i64,
    ) -> Self {
        Self { claims, counters, lease, renew_at: now.saturating_add(micros(lease) / PARTS) }
    }
}

/// All open reservations, by number.
#[derive(Default)]
pub(super) struct Register(Mutex<HashMap<u64, Living>>);

impl Register {
    pub(super) fn insert(&self, id: u64, living: Living) {
        self.lock().insert(id, living);
    }

    /// Takes out what a reservation claims from that place on; what is before it stays.
    pub(super) fn take_from(&self, id: u64, place: usize) -> Option<Living> {
        let mut all = self.lock();
        if place == 0 {
            return all.remove(&id);
        }
        let kept = all.get_mut(&id)?;
        let gone = Living {
            claims: kept.claims.get(place..)?.into(),
            counters: kept.counters.get(place..)?.into(),
            ..kept.clone()
        };
        kept.claims = kept.claims[..place].into();
        kept.counters = kept.counters[..place].into();
        Some(gone)
    }

    pub(super) fn get(&self, id: u64) -> Option<Living> {
        self.lock().get(&id).cloned()
    }

    /// The numbers of all.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.lock().keys().copied().collect()
    }

    /// Those whose leases are to be renewed now; they count as renewed.
    pub(super) fn take_due(&self, now: i64) -> Vec<(u64, Living)> {
        let mut due = Vec::new();
        for (id, living) in self.lock().iter_mut().filter(|(_, living)| living.renew_at <= now) {
            living.renew_at = now.saturating_add(micros(living.lease) / PARTS);
            due.push((*id, living.clone()));
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Living>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
