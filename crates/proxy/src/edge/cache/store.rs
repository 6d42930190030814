//! The memory of all routes' caches: answers by key and variant, bounded in bytes; what was not used lately goes first.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use tidegate_policy::edge::caching::vary;

use super::disk::Disk;
use super::flight::Flights;
use super::key::Key;
use super::stored::Stored;

/// Most variants of one key; the oldest goes.
const VARIANTS: usize = 32;
/// What the bookkeeping of a key takes, in bytes, beside the key, which is kept twice.
const OVERHEAD: u64 = 256;
/// For so long a key whose answer could not be kept is not waited for, in seconds.
const PASSING: i64 = 10;

/// A cache's memory. It outlives reloads.
#[derive(Debug, Default)]
pub struct CacheStore {
    shelves: RwLock<Shelves>,
    /// Most bytes.
    budget: AtomicU64,
    /// Bytes of answers that are being written down.
    recording: AtomicU64,
    /// Numbers of events, so that what was asked for before a write is not kept after it.
    clock: AtomicU64,
    /// The disk behind it.
    disk: ArcSwapOption<Disk>,
    /// Who fetches what.
    pub(super) flights: Flights,
}

/// How much is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheBounds {
    /// Most bytes in memory; 0: nothing is kept.
    pub memory: u64,
    /// A folder for more, and most bytes there.
    pub disk: Option<(PathBuf, u64)>,
}

#[derive(Debug, Default)]
struct Shelves {
    slots: HashMap<Key, Slot>,
    /// All keys of `slots`, in the order in which they are looked at when room is needed.
    queue: VecDeque<Key>,
    bytes: u64,
}

/// What is known of one key.
#[derive(Debug, Default)]
struct Slot {
    /// The newest last.
    variants: Vec<Arc<Stored>>,
    bytes: u64,
    /// Whether it was used since it was last looked at for room.
    is_used: AtomicBool,
    /// What was asked for before this event is void.
    void_before: u64,
    /// Until when its answers are thought not to be kept, in seconds.
    passes_until: i64,
}

/// What is there for a request.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// The answer that fits.
    pub stored: Option<Arc<Stored>>,
    /// What the request says in the headers on which the newest answer depends, where there is any.
    pub variant: Option<Vec<u8>>,
    /// Whether the last answer could not be kept.
    pub passes: bool,
}

impl CacheStore {
    /// A memory of so many bytes.
    pub fn new(budget: u64) -> Arc<Self> {
        let store = Self::default();
        store.set_budget(budget);
        Arc::new(store)
    }

    /// Bounds it anew. A folder that cannot be used is told in the log, and done without.
    pub fn bound(&self, bounds: &CacheBounds) {
        self.set_budget(bounds.memory);
        let Some((folder, bytes)) = bounds.disk.as_ref().filter(|_| bounds.memory > 0) else {
            return self.disk.store(None);
        };
        match self.disk.load_full().filter(|disk| disk.folder() == folder) {
            Some(disk) => disk.set_budget(*bytes),
            None => match Disk::open(folder, *bytes) {
                Ok(disk) => self.disk.store(Some(disk)),
                Err(error) => {
                    self.disk.store(None);
                    tracing::warn!(%error, folder = %folder.display(), "answers are not kept on disk");
                }
            },
        }
    }

    /// The disk behind it.
    pub fn disk(&self) -> Option<Arc<Disk>> {
        self.disk.load_full()
    }

    /// Changes its size; what is too much goes.
    pub fn set_budget(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::Relaxed);
        self.write().make_room(bytes);
    }

    /// Bytes in use, and how many keys have answers or notes.
    pub fn used(&self) -> (u64, usize) {
        let shelves = self.read();
        (shelves.bytes, shelves.slots.len())
    }

    /// The number of the moment, for [`CacheStore::put`].
    pub(super) fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Looks for the newest answer that fits; `outward` gives the request's headers as the upstream sees them, and is only asked where answers depend
    /// on them.
    pub(super) fn look<'h>(&self, key: &str, now: i64, outward: impl FnOnce() -> &'h HeaderMap) -> Looked {
        let shelves = self.read();
        let Some(slot) = shelves.slots.get(key) else { return Looked::default() };
        let depends = slot.variants.iter().any(|stored| !stored.names.is_empty());
        let (stored, variant) = if depends {
            let outward = outward();
            let newest = slot.variants.last().map(|stored| vary::key(&stored.names, outward));
            (slot.variants.iter().rev().find(|stored| stored.fits(outward)), newest)
        } else {
            (slot.variants.last(), None)
        };
        if stored.is_some() {
            slot.is_used.store(true, Ordering::Relaxed);
        }
        Looked { stored: stored.cloned(), variant, passes: now < slot.passes_until }
    }

    /// Keeps an answer in place of the one for the same variant, unless its key became void after `asked`.
    pub(super) fn put(&self, key: &Key, stored: Arc<Stored>, asked: u64) {
        let is_kept = self.lift(key, stored.clone(), asked);
        if let Some(disk) = self.disk.load().as_ref().filter(|_| is_kept) {
            disk.put(key, &stored);
        }
    }

    /// The same for an answer that the disk has; says whether it is kept.
    pub(super) fn lift(&self, key: &Key, stored: Arc<Stored>, asked: u64) -> bool {
        self.change(key, |slot| {
            if asked < slot.void_before {
                return false;
            }
            slot.passes_until = 0;
            let same =
                |other: &Arc<Stored>| (&other.names, &other.variant) == (&stored.names, &stored.variant);
            slot.variants.retain(|other| !same(other));
            if slot.variants.len() >= VARIANTS {
                slot.variants.remove(0);
            }
            slot.variants.push(stored);
            true
        })
    }

    /// Puts a renewed answer, or none, in place of one that is still kept.
    pub(super) fn replace(&self, key: &Key, old: &Arc<Stored>, new: Option<Arc<Stored>>) {
        let is_replaced = self.change(key, |slot| {
            let before = slot.variants.len();
            slot.variants.retain(|stored| !Arc::ptr_eq(stored, old));
            let is_there = slot.variants.len() < before;
            if is_there {
                slot.variants.extend(new.clone());
            }
            is_there
        });
        match (self.disk.load().as_ref().filter(|_| is_replaced), new) {
            (Some(disk), Some(new)) => disk.put(key, &new),
            (Some(disk), None) => disk.forget(key),
            (None, _) => {}
        }
    }

    /// Forgets a key's answers, and those that are on their way.
    pub(super) fn forget(&self, key: &Key) {
        let void_before = self.tick() + 1;
        self.change(key, |slot| {
            slot.variants.clear();
            slot.void_before = void_before;
        });
        if let Some(disk) = self.disk.load().as_ref() {
            disk.forget(key);
        }
    }

    /// Notes that a key's answer could not be kept.
    pub(super) fn note_passing(&self, key: &Key, now: i64) {
        self.change(key, |slot| slot.passes_until = now + PASSING);
    }

    /// Changes what is known of a key, and makes the room that this takes.
    fn change<T>(&self, key: &Key, change: impl FnOnce(&mut Slot) -> T) -> T {
        let budget = self.budget.load(Ordering::Relaxed);
        let mut shelves = self.write();
        let slot = shelves.slot(key);
        let changed = change(slot);
        let after = slot.variants.iter().map(|stored| stored.size()).sum();
        let before = std::mem::replace(&mut slot.bytes, after);
        shelves.bytes = shelves.bytes - before + after;
        shelves.make_room(budget);
        changed
    }

    /// Takes room for an answer that is being written down: no more at once than may be kept.
    pub(super) fn take_room(&self, bytes: u64) -> bool {
        let before = self.recording.fetch_add(bytes, Ordering::Relaxed);
        let fits = before + bytes <= self.budget.load(Ordering::Relaxed);
        if !fits {
            self.give_room(bytes);
        }
        fits
    }

    /// Gives that room back.
    pub(super) fn give_room(&self, bytes: u64) {
        self.recording.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, Shelves> {
        self.shelves.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shelves> {
        self.shelves.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    /// The slot of a key, made if there is none.
    fn slot(&mut self, key: &Key) -> &mut Slot {
        if !self.slots.contains_key(key) {
            self.queue.push_back(key.clone());
            self.bytes += overhead(key);
        }
        self.slots.entry(key.clone()).or_default()
    }

    /// Lets keys go until the rest takes no more than that: from the front of the queue those that were not used, while those that were go to its back
    /// once.
    fn make_room(&mut self, budget: u64) {
        while self.bytes > budget {
            let Some(key) = self.queue.pop_front() else { return };
            let Some(slot) = self.slots.get(&key) else { continue };
            if slot.is_used.swap(false, Ordering::Relaxed) {
                self.queue.push_back(key);
                continue;
            }
            self.bytes -= slot.bytes + overhead(&key);
            self.slots.remove(&key);
        }
    }
}

fn overhead(key: &Key) -> u64 {
    key.len() as u64 + OVERHEAD
}
