//! What is known of each target by now. It outlives reloads.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate_policy::balance::Gauge;
use tidegate_policy::health::{Event, Phase};

use super::KeyTable;
use super::gate::Gate;

/// What is known of one target by now.
#[derive(Debug)]
pub struct Live {
    /// `provider/model`.
    pub label: Arc<str>,
    /// A hash of the label, the same in every process.
    pub id: u64,
    /// Health, speed, load.
    pub gauge: Gauge,
    /// Room.
    pub gate: Gate,
    /// How often its breaker opened.
    opened: AtomicU64,
}

impl Live {
    /// A target of which nothing is known.
    pub fn new(label: Arc<str>) -> Arc<Self> {
        let mut hasher = DefaultHasher::new();
        label.hash(&mut hasher);
        let id = hasher.finish();
        Arc::new(Self {
            label,
            id,
            gauge: Gauge::default(),
            gate: Gate::default(),
            opened: AtomicU64::new(0),
        })
    }

    /// How often its breaker opened.
    pub fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    /// Tells the operator of a change.
    pub fn note(&self, event: Event) {
        let target = &*self.label;
        match event {
            Event::Opened { cause, until } => {
                self.opened.fetch_add(1, Relaxed);
                let seconds = until.saturating_sub(crate::clock::micros()) / 1_000_000;
                tracing::warn!(target, cause = cause.word(), seconds, "the target's breaker is open");
            }
            Event::HalfOpened => tracing::info!(target, "the target gets a trial"),
            Event::Closed => tracing::info!(target, "the target is well again"),
            Event::Limited { .. } => tracing::debug!(target, "the provider has no room"),
            Event::CredentialOut => tracing::warn!(target, "the provider refuses the credential"),
            Event::CredentialBack => tracing::info!(target, "the credential is used again"),
            Event::Suspicious { .. } => tracing::info!(target, "another instance has opened its breaker"),
        }
    }
}

/// All targets by their labels.
#[derive(Debug, Default)]
pub struct LiveTable {
    targets: Mutex<HashMap<Arc<str>, Arc<Live>>>,
    /// The providers' keys.
    pub keys: KeyTable,
}

impl LiveTable {
    /// What is known of that target; of an unknown one, nothing yet.
    pub fn get(&self, label: &Arc<str>) -> Arc<Live> {
        let mut table = self.lock();
        table.entry(label.clone()).or_insert_with(|| Live::new(label.clone())).clone()
    }

    /// What is known of that target, if anything.
    pub fn find(&self, label: &str) -> Option<Arc<Live>> {
        self.lock().get(label).cloned()
    }

    /// All, by label.
    pub fn all(&self) -> Vec<Arc<Live>> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by(|a, b| a.label.cmp(&b.label));
        all
    }

    /// Forgets those that nobody has any more, unless somebody has taken them out by hand.
    pub fn tidy(&self) {
        let is_held = |live: &Live| live.gauge.health().phase() == Phase::Held;
        self.lock().retain(|_, live| Arc::strong_count(live) > 1 || is_held(live));
        self.keys.tidy();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Live>>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
