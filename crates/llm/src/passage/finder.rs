//! Finds the few fields of a stream's event that matter. Events are many and small, with a dozen fields each: to search
//! for the names is faster than to walk over all fields.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::scan::{skip_space, string_end};

/// The names, made ready once.
pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    choices: Key::new("\"choices\""),
    usage: Key::new("\"usage\""),
    finish_reason: Key::new("\"finish_reason\""),
    error: Key::new("\"error\""),
    text: Key::new("\"text\""),
    delta: Key::new("\"delta\""),
    said: [
        Key::new("\"content\""),
        Key::new("\"reasoning_content\""),
        Key::new("\"reasoning\""),
        Key::new("\"arguments\""),
        Key::new("\"refusal\""),
    ],
    anthropic: [Key::new("\"text\""), Key::new("\"partial_json\""), Key::new("\"thinking\"")],
});

/// The names that are looked for.
pub(super) struct Keys {
    pub(super) choices: Key,
    pub(super) usage: Key,
    pub(super) finish_reason: Key,
    pub(super) error: Key,
    /// The text of a completion.
    pub(super) text: Key,
    /// What a chat's delta says: [`super::keys::CHAT`].
    pub(super) said: [Key; 5],
    /// The text of a responses event.
    pub(super) delta: Key,
    /// What an Anthropic delta says: [`super::keys::ANTHROPIC`].
    pub(super) anthropic: [Key; 3],
}

/// A field's name to look for.
pub(super) struct Key(Finder<'static>);

impl Key {
    fn new(quoted: &'static str) -> Self {
        Self(Finder::new(quoted))
    }

    /// The index of the first byte of the next value of that name at or after `from`.
    pub(super) fn value(&self, json: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            at += self.0.find(json.get(at..)?)? + self.0.needle().len();
            let colon = skip_space(json, at);
            if json.get(colon) == Some(&b':') {
                return Some(skip_space(json, colon + 1));
            }
        }
    }

    /// Whether a value of that name begins with one of `firsts`.
    pub(super) fn is_there(&self, json: &[u8], firsts: &[u8]) -> bool {
        let mut from = 0;
        while let Some(at) = self.value(json, from) {
            if json.get(at).is_some_and(|first| firsts.contains(first)) {
                return true;
            }
            from = at;
        }
        false
    }

    /// Bytes inside the strings of that name, escapes counted as written.
    pub(super) fn string_bytes(&self, json: &[u8]) -> u64 {
        let mut bytes = 0;
        let mut from = 0;
        while let Some(at) = self.value(json, from) {
            from = at;
            if json.get(at) == Some(&b'"') {
                from = string_end(json, at + 1);
                bytes += (from - at - 1) as u64;
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passage::keys::{CHAT, string_bytes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn searching_finds_what_walking_finds(
            name in prop::sample::select(CHAT), text in "[a-z\"\\\\:{\n]{0,30}", space in " {0,2}"
        ) {
            let text = serde_json::json!(text);
            let json = format!("{{\"x\":{text},\"a\":[{{\"{name}\"{space}:{space}{text}}},{{\"{name}\":null}}]}}");
            let found: u64 = KEYS.said.iter().map(|key| key.string_bytes(json.as_bytes())).sum();
            prop_assert_eq!(found, string_bytes(CHAT, json.as_bytes()));
            prop_assert_eq!(found, text.to_string().len() as u64 - 2);
        }
    }
}
