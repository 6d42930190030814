//! Who fetches what: of several requests that miss the same answer at the same time, one goes, and the others wait for what it brings.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Those who are on their way, by what they fetch.
#[derive(Clone, Debug, Default)]
pub struct Flights {
    all: Arc<Mutex<HashMap<Arc<str>, watch::Receiver<()>>>>,
}

/// One who is on its way. Dropped, it has come back, and all who wait for it look again.
#[derive(Debug)]
pub struct Flight {
    flights: Flights,
    key: Arc<str>,
    /// Dropped after the entry, which is what those who wait notice.
    _here: watch::Sender<()>,
}

impl Flights {
    /// Goes, or gives what tells when the one who is on its way has come back.
    pub fn go(&self, key: &Arc<str>) -> Result<Flight, watch::Receiver<()>> {
        match self.lock().entry(key.clone()) {
            Entry::Occupied(other) => Err(other.get().clone()),
            Entry::Vacant(place) => {
                let (here, seen) = watch::channel(());
                place.insert(seen);
                Ok(Flight { flights: self.clone(), key: key.clone(), _here: here })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, watch::Receiver<()>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

/// Waits until the one who is on its way has come back.
pub async fn come_back(mut other: watch::Receiver<()>) {
    // Nothing is ever sent: the sender goes.
    while other.changed().await.is_ok() {}
}
