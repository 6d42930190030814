//! Request ids: time-ordered, unique across instances.

use std::fmt;
use std::ops::Deref;

/// The id of one exchange, as told to the caller in `x-request-id`, to logs and to the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(uuid::Uuid);

impl RequestId {
    /// An id (UUID version 7: sorts by time) made of the wall clock and 74 random bits. Chance is an argument, so that an
    /// id costs no system call; it must be unique, not secret.
    pub fn from_parts(unix_millis: u64, random: u128) -> Self {
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&random.to_le_bytes()[..10]);
        Self(uuid::Builder::from_unix_timestamp_millis(unix_millis, &bytes).into_uuid())
    }

    /// The id as 32 lower-case hex digits, without allocation.
    pub fn encode(self, buffer: &mut [u8; 32]) -> &str {
        self.0.simple().encode_lower(buffer)
    }
}

impl RequestId {
    /// The id as text.
    pub fn text(self) -> IdText {
        let mut text = [0; 32];
        self.encode(&mut text);
        IdText(text)
    }
}

/// The text of an id, without allocation.
#[derive(Clone, Copy, Debug)]
pub struct IdText([u8; 32]);

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        // Hex digits are always text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.simple(), f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_differ_by_chance() {
        let id = |millis, random| RequestId::from_parts(millis, random).to_string();
        assert!(id(1_000, u128::MAX) < id(1_001, 0));
        assert_ne!(id(1_000, 1), id(1_000, 2));
        assert_eq!(id(1_700_000_000_000, 7).len(), 32);
        let one = RequestId::from_parts(1_700_000_000_000, 7);
        assert_eq!(&*one.text(), one.to_string());
    }
}
