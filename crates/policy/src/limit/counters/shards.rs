//! Where counters are kept: in shards, each behind its lock, taken in one order by everybody.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

use super::counter::Counter;
use super::micros;
use crate::limit::{Claim, Window};

/// As many as a `u128` has bits, so that a set of shards is one number.
const SHARDS: u32 = u128::BITS;

/// All counters.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Box<[Padded]>,
    /// Unknown to callers, so that nobody can choose subjects that fall together.
    seed: u64,
}

/// On cache lines of its own: neighbours do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(Mutex<Shard>);

/// Some of the counters.
#[derive(Debug, Default)]
pub(super) struct Shard(HashTable<Counter>);

/// Several shards, locked together.
pub(super) struct Locked<'a> {
    /// Their numbers, as bits.
    set: u128,
    /// In ascending order of their numbers.
    guards: Vec<MutexGuard<'a, Shard>>,
}

impl Shards {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Padded::default()).collect();
        Self { shards, seed: RandomState::new().hash_one(0u8) }
    }

    /// The hash of the counter that a claim is on. Counters are told apart by it within one request.
    pub(super) fn hash(&self, claim: &Claim) -> u64 {
        let (kind, length) = match claim.rule.window {
            Window::Open => (0, 0),
            Window::Calendar(calendar) => (1, calendar as u64),
            Window::Sliding(length) => (2, micros(length) as u64),
            Window::Bucket { per, .. } => (3, micros(per) as u64),
        };
        let state = fold(self.seed, length << 2 | kind);
        fold_text(fold_text(state, &claim.rule.name), &claim.subject)
    }

    /// Locks the shard of one counter.
    pub(super) fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        self.lock_number(number(hash))
    }

    /// Locks the shards of several counters. In ascending order, so that nobody waits for anybody who waits for them.
    pub(super) fn lock_all(&self, hashes: impl Iterator<Item = u64>) -> Locked<'_> {
        let set = hashes.fold(0u128, |set, hash| set | 1 << number(hash));
        let mut guards = Vec::with_capacity(set.count_ones() as usize);
        let mut rest = set;
        while rest != 0 {
            guards.push(self.lock_number(rest.trailing_zeros()));
            rest &= rest - 1;
        }
        Locked { set, guards }
    }

    /// Each shard in turn.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        (0..SHARDS).map(|number| self.lock_number(number))
    }

    fn lock_number(&self, number: u32) -> MutexGuard<'_, Shard> {
        // A panic in between leaves a counter at worst with something held, and that ends with its lease.
        self.shards[number as usize].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Locked<'_> {
    /// The shard of a counter for which it was locked.
    pub(super) fn shard(&mut self, hash: u64) -> &mut Shard {
        let before = self.set & ((1 << number(hash)) - 1);
        &mut self.guards[before.count_ones() as usize]
    }
}

impl Shard {
    pub(super) fn find(&mut self, hash: u64, claim: &Claim) -> Option<&mut Counter> {
        self.0.find_mut(hash, |counter| counter.hash == hash && counter.is_of(claim))
    }

    /// Where a counter is, until one is added to its shard or forgotten.
    pub(super) fn place(&self, hash: u64, claim: &Claim) -> Option<usize> {
        self.0.find_bucket_index(hash, |counter| counter.hash == hash && counter.is_of(claim))
    }

    /// The counter at that place.
    pub(super) fn at(&mut self, place: usize) -> Option<&mut Counter> {
        self.0.get_bucket_mut(place)
    }

    pub(super) fn find_or_insert(&mut self, hash: u64, claim: &Claim, now: i64) -> &mut Counter {
        let is_it = |counter: &Counter| counter.hash == hash && counter.is_of(claim);
        let entry = self.0.entry(hash, is_it, |counter| counter.hash);
        entry.or_insert_with(|| Counter::new(hash, claim, now)).into_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets counters that a new one would do as well as.
    pub(super) fn sweep(&mut self, now: i64) {
        self.0.retain(|counter| {
            counter.advance(now);
            !counter.is_unused()
        });
        if self.0.capacity() > 4 * self.0.len().max(8) {
            self.0.shrink_to(2 * self.0.len(), |counter| counter.hash);
        }
    }
}

/// From bits that a table does not use first.
fn number(hash: u64) -> u32 {
    (hash >> 40) as u32 % SHARDS
}

/// Mixes a text into a hash: eight bytes at a time, each step a multiplication whose halves are laid over each other. Not for anything that
/// must not be forged; cheap, and not to be guessed without the seed.
fn fold_text(state: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let state = fold(state, bytes.len() as u64);
    // The last eight bytes whole, though some of them may have had their turn.
    let Some(last) = bytes.last_chunk::<8>() else {
        return fold(state, bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    };
    let (chunks, _) = bytes.as_chunks::<8>();
    let state = chunks.iter().fold(state, |state, chunk| fold(state, u64::from_le_bytes(*chunk)));
    fold(state, u64::from_le_bytes(*last))
}

fn fold(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word) * 0x9E37_79B9_7F4A_7C15;
    (product as u64 ^ (product >> 64) as u64).wrapping_add(0x2545_F491_4F6C_DD1D)
}
