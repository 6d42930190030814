//! Writes an answer down while it is relayed. Only one that came whole is kept.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tidegate_policy::edge::caching::CacheRules;

use super::flight::Flight;
use super::key::Key;
use super::store::CacheStore;
use super::stored::Head;

/// An answer that is being written down. Dropped before its end, it is forgotten.
#[derive(Debug)]
pub struct Recorder {
    store: Arc<CacheStore>,
    key: Key,
    head: Head,
    outward: HeaderMap,
    rules: CacheRules,
    /// When it was asked for, on the store's clock.
    asked: u64,
    body: Vec<u8>,
    /// The length that the answer announces.
    length: Option<u64>,
    /// The longest that is kept.
    limit: u64,
    /// Room taken in the store; `None`: it has become too much, and is not written down any more.
    room: Option<u64>,
    /// Those who wait for it.
    flight: Option<Flight>,
}

/// Where and under which key.
#[derive(Debug)]
pub struct Place {
    /// Where.
    pub store: Arc<CacheStore>,
    /// Under which key.
    pub key: Key,
    /// When it was asked for, on the store's clock.
    pub asked: u64,
    /// The longest body.
    pub limit: u64,
}

impl Recorder {
    /// Begins; none where the announced length is too much already, or too much is being written down.
    pub(super) fn begin(
        place: Place,
        head: Head,
        outward: HeaderMap,
        rules: CacheRules,
        length: Option<u64>,
        flight: Option<Flight>,
    ) -> Option<Box<Self>> {
        let Place { store, key, asked, limit } = place;
        let expected = length.unwrap_or(0);
        if expected > limit || !store.take_room(expected) {
            return None;
        }
        let body = Vec::with_capacity(expected as usize);
        let room = Some(expected);
        Some(Box::new(Self { store, key, head, outward, rules, asked, body, length, limit, room, flight }))
    }

    /// Takes a piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        let Some(room) = self.room else { return };
        let length = (self.body.len() + piece.len()) as u64;
        if length > self.limit || (length > room && !self.store.take_room(length - room)) {
            return self.give_up();
        }
        self.room = Some(room.max(length));
        self.body.extend_from_slice(piece);
    }

    /// The body has come to its end: the answer is kept, and those who wait for it are told.
    pub fn finish(mut self: Box<Self>) {
        let length = self.body.len() as u64;
        if self.room.is_none() || self.length.is_some_and(|announced| announced != length) {
            return;
        }
        // Exactly as much as there is: what was taken beforehand may be more.
        let body = Bytes::from(std::mem::take(&mut self.body).into_boxed_slice());
        let head = self.head.clone();
        let stored = head.with_body(body, &self.outward, &self.rules);
        self.store.put(&self.key, Arc::new(stored), self.asked);
    }

    /// It is too much: nobody needs to wait for it any more.
    fn give_up(&mut self) {
        self.release();
        self.body = Vec::new();
        self.store.note_passing(&self.key, super::now());
        self.flight = None;
    }

    fn release(&mut self) {
        if let Some(room) = self.room.take() {
            self.store.give_room(room);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.release();
    }
}
