//! What every request asks: whose key is this?

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tidegate_core::Secret;
use tidegate_policy::access::Key;

use super::feed::Feed;
use super::guard::Guard;
use super::hasher::{Hash, Taken};
use super::lookup::{Answer, Lookup};
use super::memo::Memo;
use super::{Hasher, KeysError, credential};
use crate::{Database, StoreError};

/// Longest wait for a key that has to be asked for.
const LONGEST_QUESTION: Duration = Duration::from_secs(2);

/// The answer to a presented key.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A key that exists; whether it may be used for this request is another question ([`Key::admits`]).
    Key(Arc<Key>),
    /// No such key (401).
    Unknown,
    /// Too many wrong keys came from this network (429); this one was not looked up.
    SlowDown {
        /// How long that lasts.
        wait: Duration,
    },
    /// The database is away and the key is not known by heart (503).
    Unavailable,
}

/// Keys by heart. A key that was asked for once is found without waiting, for as long as it has not changed; when the database is away
/// too.
#[derive(Debug)]
pub struct Directory {
    hasher: Hasher,
    memo: Memo,
    fixed: ArcSwap<HashMap<Hash, Arc<Key>, Taken>>,
    lookup: Lookup,
    feed: Feed,
    guard: Guard,
    slowed: AtomicU64,
}

/// Figures for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Questions put to the database so far.
    pub questions: u64,
    /// Keys that are known by heart, roughly.
    pub kept: u64,
    /// Keys that were not looked up because their network guesses.
    pub slowed: u64,
}

impl Directory {
    /// Opens the directory. A task of its own reads on in `audit` until the directory is dropped, and forgets what has changed.
    pub async fn open(database: Database, hasher: Hasher) -> Result<Arc<Self>, StoreError> {
        let feed = Feed::at_the_end(&database).await?;
        let directory = Arc::new(Self {
            memo: Memo::new(&hasher),
            hasher,
            fixed: ArcSwap::default(),
            lookup: Lookup::new(database),
            feed,
            guard: Guard::new(),
            slowed: AtomicU64::new(0),
        });
        tokio::spawn(super::feed::follow(Arc::downgrade(&directory)));
        Ok(directory)
    }

    /// Replaces the keys that the config gives in full; they go before those of the database. A key in two places is a mistake of the
    /// config: the last one wins.
    pub fn set_fixed(&self, keys: Vec<(Secret, Key)>) {
        let hash = |secret: &Secret| self.hasher.hash(secret.expose());
        self.fixed
            .store(Arc::new(keys.into_iter().map(|(secret, key)| (hash(&secret), key.into())).collect()));
    }

    /// Whether a text can be a key in the config at all: printable ASCII without spaces, up to 256 characters.
    pub fn can_be_fixed(secret: &Secret) -> bool {
        credential::is_plausible(secret.expose())
    }

    /// Whose key this is. Known keys are answered without waiting, others within two seconds.
    pub async fn find(&self, presented: &str, from: IpAddr) -> Found {
        match self.glance(presented) {
            Glance::Found(found) => found,
            Glance::Ask(hash) => {
                let answer = tokio::time::timeout(LONGEST_QUESTION, self.ask(hash, from)).await;
                answer.unwrap_or(Found::Unavailable)
            }
        }
    }

    /// The same without waiting: `None` if the database must be asked.
    pub fn find_known(&self, presented: &str) -> Option<Found> {
        match self.glance(presented) {
            Glance::Found(found) => Some(found),
            Glance::Ask(_) => None,
        }
    }

    /// Forgets what has changed since the last time, now instead of within 300 milliseconds.
    pub async fn catch_up(&self) -> Result<(), KeysError> {
        Ok(self.feed.catch_up(&self.lookup).await?)
    }

    /// Figures for metrics.
    pub fn stats(&self) -> Stats {
        Stats {
            questions: self.lookup.questions(),
            kept: self.lookup.count(),
            slowed: self.slowed.load(Ordering::Relaxed),
        }
    }

    fn glance(&self, presented: &str) -> Glance {
        if !credential::is_plausible(presented) {
            return Glance::Found(Found::Unknown);
        }
        let is_ours = credential::is_well_formed(presented, credential::CALLER);
        let fixed = self.fixed.load();
        if fixed.is_empty() && !is_ours {
            return Glance::Found(Found::Unknown);
        }
        let tag = self.memo.tag(presented);
        if let Some(hash) = self.memo.get(tag) {
            return self.glance_at(hash, &fixed, is_ours);
        }
        let hash = self.hasher.hash(presented);
        let glance = self.glance_at(hash, &fixed, is_ours);
        if matches!(glance, Glance::Found(Found::Key(_))) {
            self.memo.put(tag, hash);
        }
        glance
    }

    fn glance_at(&self, hash: Hash, fixed: &HashMap<Hash, Arc<Key>, Taken>, is_ours: bool) -> Glance {
        if let Some(key) = fixed.get(&hash) {
            return Glance::Found(Found::Key(Arc::clone(key)));
        }
        if !is_ours {
            return Glance::Found(Found::Unknown);
        }
        self.lookup.kept(hash).map_or(Glance::Ask(hash), |answer| Glance::Found(answer.into()))
    }

    async fn ask(&self, hash: Hash, from: IpAddr) -> Found {
        let watch = self.guard.watch(from);
        let Some(turn) = watch.enter().await else {
            self.slowed.fetch_add(1, Ordering::Relaxed);
            return Found::SlowDown { wait: self.guard.wait(&watch) };
        };
        // Somebody else may have asked for it meanwhile.
        if let Some(answer) = self.lookup.kept(hash) {
            return answer.into();
        }
        let (answer, asked) = self.lookup.ask(hash).await;
        if asked && matches!(answer, Answer::Wrong) {
            turn.was_wrong();
        }
        answer.into()
    }
}

/// What can be said without waiting.
enum Glance {
    Found(Found),
    Ask(Hash),
}

impl From<Answer> for Found {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Known(entry) => Self::Key(entry.key),
            Answer::Wrong => Self::Unknown,
            Answer::Failed => Self::Unavailable,
        }
    }
}
