//! Hashes of keys that were presented lately and exist, so that a key that comes again is not hashed at length again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::hasher::{Hash, Hasher, Taken};

/// In so many parts, so that threads seldom meet.
const PARTS: usize = 16;
/// Hashes in each part; one that is full begins anew. Two megabytes in all.
const KEPT: usize = 2048;

/// What the secret of tags is made of. No key looks like it.
const LABEL: &str = "the secret that presented keys are tagged with in memory";

/// A hash for each tag of a presented key. Keys themselves are not kept: a tag is SipHash-2-4 of 128 bits under a secret that is made of the
/// one that keys are hashed with, so that neither a tag nor how far a comparison of tags gets can be steered by whoever guesses. Tags never
/// leave the memory. Only keys that exist get in, and what may be done with them is asked anew each time.
#[derive(Debug)]
pub(super) struct Memo {
    secret: [u64; 2],
    parts: [Mutex<HashMap<Tag, Hash, Taken>>; PARTS],
}

/// What stands for a presented key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u64, u64);

impl std::hash::Hash for Tag {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Memo {
    pub(super) fn new(hasher: &Hasher) -> Self {
        let [low, high, ..] = hasher.hash(LABEL).words();
        Self { secret: [low, high], parts: Default::default() }
    }

    pub(super) fn tag(&self, presented: &str) -> Tag {
        sip_128(self.secret, presented.as_bytes())
    }

    pub(super) fn get(&self, tag: Tag) -> Option<Hash> {
        self.part(tag).get(&tag).copied()
    }

    pub(super) fn put(&self, tag: Tag, hash: Hash) {
        let mut part = self.part(tag);
        if part.len() >= KEPT {
            part.clear();
        }
        part.insert(tag, hash);
    }

    fn part(&self, tag: Tag) -> std::sync::MutexGuard<'_, HashMap<Tag, Hash, Taken>> {
        self.parts[tag.1 as usize % PARTS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SipHash-2-4 with 128 bits, after the paper by Aumasson and Bernstein and its addition for 128 bits.
fn sip_128(secret: [u64; 2], bytes: &[u8]) -> Tag {
    let mut state = Sip::new(secret);
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().for_each(|word| state.take(u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = bytes.len() as u8;
    state.take(u64::from_le_bytes(last));
    state.2 ^= 0xEE;
    let low = state.finish();
    state.1 ^= 0xDD;
    Tag(low, state.finish())
}

struct Sip(u64, u64, u64, u64);

impl Sip {
    fn new([low, high]: [u64; 2]) -> Self {
        Self(
            low ^ 0x736F_6D65_7073_6575,
            high ^ 0x646F_7261_6E64_6F6D ^ 0xEE,
            low ^ 0x6C79_6765_6E65_7261,
            high ^ 0x7465_6462_7974_6573,
        )
    }

    fn take(&mut self, word: u64) {
        self.3 ^= word;
        self.round();
        self.round();
        self.0 ^= word;
    }

    fn finish(&mut self) -> u64 {
        (0..4).for_each(|_| self.round());
        self.0 ^ self.1 ^ self.2 ^ self.3
    }

    fn round(&mut self) {
        self.0 = self.0.wrapping_add(self.1);
        self.1 = self.1.rotate_left(13) ^ self.0;
        self.0 = self.0.rotate_left(32);
        self.2 = self.2.wrapping_add(self.3);
        self.3 = self.3.rotate_left(16) ^ self.2;
        self.0 = self.0.wrapping_add(self.3);
        self.3 = self.3.rotate_left(21) ^ self.0;
        self.2 = self.2.wrapping_add(self.1);
        self.1 = self.1.rotate_left(17) ^ self.2;
        self.2 = self.2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use tidegate_core::Secret;

    use super::*;

    fn memo(secret: &str) -> (Memo, Hash) {
        let hasher = Hasher::given(&Secret::new(secret)).unwrap();
        (Memo::new(&hasher), hasher.hash("tg-x"))
    }

    #[test]
    fn tags_are_siphash_2_4_of_128_bits() {
        // The first and second of the reference implementation's test vectors (`vectors_sip128`).
        let secret = [0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908];
        let tag = |length: u8| {
            let Tag(low, high) = sip_128(secret, &(0..length).collect::<Vec<u8>>());
            [low.to_le_bytes(), high.to_le_bytes()].concat()
        };
        assert_eq!(
            tag(0),
            [0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93]
        );
        assert_eq!(
            tag(1),
            [0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45]
        );
    }

    #[test]
    fn tags_depend_on_the_secret_and_on_all_of_the_key() {
        let ((one, _), (other, _)) = (memo("0123456789abcdef"), memo("0123456789abcdeF"));
        assert_ne!(one.tag("tg-x"), other.tag("tg-x"));
        assert_ne!(one.tag("tg-x"), one.tag("tg-x\0"));
        assert_eq!(one.tag("tg-x"), one.tag("tg-x"));
    }

    #[test]
    fn fault_81_a_million_keys_do_not_fill_the_memory() {
        let (memo, hash) = memo("0123456789abcdef");
        for number in 0..3 * (PARTS * KEPT) {
            memo.put(memo.tag(&format!("tg-{number}")), hash);
        }
        let kept: usize = memo.parts.iter().map(|part| part.lock().unwrap().len()).sum();
        assert!(kept <= PARTS * KEPT, "{kept}");
        assert!(memo.get(memo.tag("tg-never")).is_none());
    }
}
