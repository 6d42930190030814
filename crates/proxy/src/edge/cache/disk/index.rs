//! Which answers are on the disk, and in which files.

use std::collections::{HashMap, VecDeque};

use http::{HeaderMap, HeaderName};
use tidegate_policy::edge::caching::vary;

use crate::edge::cache::key::Key;
use crate::edge::cache::stored::Stored;

/// The files of all keys.
#[derive(Debug, Default)]
pub struct Index {
    keys: HashMap<Key, Vec<Entry>>,
    /// Files in the order in which they are looked at when room is needed; some are gone already.
    queue: VecDeque<(Key, u64)>,
    /// Bytes of all files.
    pub bytes: u64,
    /// How many there are.
    pub files: usize,
    /// Keys that are being forgotten, each so many times: what is on its way to the disk under them is void.
    forgotten: HashMap<Key, u32>,
}

#[derive(Debug)]
struct Entry {
    names: Vec<HeaderName>,
    variant: Vec<u8>,
    file: u64,
    bytes: u64,
    is_used: bool,
}

impl Index {
    /// The newest file whose answer fits.
    pub fn find(&mut self, key: &str, outward: impl Fn() -> HeaderMap) -> Option<u64> {
        if self.forgotten.contains_key(key) {
            return None;
        }
        let entries = self.keys.get_mut(key)?;
        let depends = entries.iter().any(|entry| !entry.names.is_empty());
        let outward = if depends { outward() } else { HeaderMap::new() };
        let fits = |entry: &&mut Entry| vary::key(&entry.names, &outward) == entry.variant;
        let found = entries.iter_mut().rev().find(fits)?;
        found.is_used = true;
        Some(found.file)
    }

    /// Enters a file in place of the one for the same variant; gives the files that are not needed any more.
    pub fn enter(&mut self, key: &Key, stored: &Stored, (file, bytes): (u64, u64)) -> Vec<u64> {
        if self.forgotten.contains_key(key) {
            return vec![file];
        }
        let entries = self.keys.entry(key.clone()).or_default();
        let mut gone = Vec::new();
        entries.retain(|entry| {
            let is_same = entry.names == stored.names && entry.variant == stored.variant;
            if is_same {
                gone.push(entry.file);
                self.bytes -= entry.bytes;
                self.files -= 1;
            }
            !is_same
        });
        let (names, variant) = (stored.names.clone(), stored.variant.clone());
        entries.push(Entry { names, variant, file, bytes, is_used: false });
        self.queue.push_back((key.clone(), file));
        self.bytes += bytes;
        self.files += 1;
        gone
    }

    /// Takes a key's files out, and lets none in until [`Index::end_forgetting`].
    pub fn begin_forgetting(&mut self, key: &Key) -> Vec<u64> {
        *self.forgotten.entry(key.clone()).or_default() += 1;
        let entries = self.keys.remove(key).unwrap_or_default();
        self.bytes -= entries.iter().map(|entry| entry.bytes).sum::<u64>();
        self.files -= entries.len();
        entries.iter().map(|entry| entry.file).collect()
    }

    /// What was on its way when the key was forgotten has arrived.
    pub fn end_forgetting(&mut self, key: &Key) {
        if let Some(times) = self.forgotten.get_mut(key) {
            *times -= 1;
            if *times == 0 {
                self.forgotten.remove(key);
            }
        }
    }

    /// Takes one file out.
    pub fn drop_file(&mut self, key: &str, file: u64) {
        let Some(entries) = self.keys.get_mut(key) else { return };
        if let Some(at) = entries.iter().position(|entry| entry.file == file) {
            self.bytes -= entries.remove(at).bytes;
            self.files -= 1;
        }
        if entries.is_empty() {
            self.keys.remove(key);
        }
    }

    /// Takes files out until the rest takes no more than that: those that were not used since they were last looked at.
    pub fn make_room(&mut self, budget: u64) -> Vec<u64> {
        let mut gone = Vec::new();
        while self.bytes > budget {
            let Some((key, file)) = self.queue.pop_front() else { break };
            let entries = self.keys.get_mut(&key);
            let entry = entries.and_then(|entries| entries.iter_mut().find(|entry| entry.file == file));
            match entry {
                Some(entry) if entry.is_used => {
                    entry.is_used = false;
                    self.queue.push_back((key, file));
                }
                Some(_) => {
                    self.drop_file(&key, file);
                    gone.push(file);
                }
                None => {}
            }
        }
        // Places of files that went otherwise.
        if self.queue.len() > 2 * self.files + 64 {
            let keys = &self.keys;
            self.queue.retain(|(key, file)| {
                keys.get(key).is_some_and(|entries| entries.iter().any(|entry| entry.file == *file))
            });
        }
        gone
    }
}
