//! Finds fields in JSON text without parsing it. A quoted name never occurs inside a JSON string, where quotes are
//! escaped; a hit at another depth is possible, so whoever needs to be sure parses the frame.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::limits::string_end;

/// A field's name to look for.
pub(super) struct Key(Finder<'static>);

impl Key {
    fn new(quoted: &'static str) -> Self {
        Self(Finder::new(quoted))
    }

    /// The index of the first byte of the next value of that name at or after `from`.
    fn value(&self, json: &[u8], from: usize) -> Option<usize> {
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
    fn string_bytes(&self, json: &[u8]) -> u64 {
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

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The names that are looked for.
pub(super) struct Keys {
    pub(super) usage: Key,
    pub(super) finish_reason: Key,
    pub(super) error: Key,
    pub(super) choices: Key,
    pub(super) delta: Key,
    content: Key,
    reasoning: Key,
    reasoning_content: Key,
    refusal: Key,
    arguments: Key,
    text: Key,
    thinking: Key,
    partial_json: Key,
}

/// The names, made ready once.
pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    usage: Key::new("\"usage\""),
    finish_reason: Key::new("\"finish_reason\""),
    error: Key::new("\"error\""),
    choices: Key::new("\"choices\""),
    delta: Key::new("\"delta\""),
    content: Key::new("\"content\""),
    reasoning: Key::new("\"reasoning\""),
    reasoning_content: Key::new("\"reasoning_content\""),
    refusal: Key::new("\"refusal\""),
    arguments: Key::new("\"arguments\""),
    text: Key::new("\"text\""),
    thinking: Key::new("\"thinking\""),
    partial_json: Key::new("\"partial_json\""),
});

impl Keys {
    /// Bytes of text in an OpenAI chat chunk or answer.
    pub(super) fn chat_bytes(&self, json: &[u8]) -> u64 {
        let keys = [&self.content, &self.reasoning_content, &self.reasoning, &self.arguments, &self.refusal];
        keys.into_iter().map(|key| key.string_bytes(json)).sum()
    }

    /// Bytes of text in a completion chunk or answer, in the parts of an OpenAI response, in a Gemini answer.
    pub(super) fn text_bytes(&self, json: &[u8]) -> u64 {
        self.text.string_bytes(json)
    }

    /// Bytes of tool arguments in an OpenAI response.
    pub(super) fn argument_bytes(&self, json: &[u8]) -> u64 {
        self.arguments.string_bytes(json)
    }

    /// Bytes of text in an event of an OpenAI responses stream.
    pub(super) fn delta_bytes(&self, json: &[u8]) -> u64 {
        self.delta.string_bytes(json)
    }

    /// Bytes of text in an Anthropic event or answer.
    pub(super) fn anthropic_bytes(&self, json: &[u8]) -> u64 {
        let keys = [&self.text, &self.partial_json, &self.thinking];
        keys.into_iter().map(|key| key.string_bytes(json)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_inside_strings_are_not_fields() {
        let json = br#"{"choices":[{"delta":{"content":"say \"usage\":{ and \\"},"finish_reason" : null}],"usage":null}"#;
        assert!(!KEYS.usage.is_there(json, b"{"));
        assert!(!KEYS.finish_reason.is_there(json, b"\""));
        assert_eq!(KEYS.chat_bytes(json), br#"say \"usage\":{ and \\"#.len() as u64);
    }

    #[test]
    fn spaces_and_repeats_do_not_matter() {
        let json =
            br#"{"a": "usage", "usage" : {"x":1}, "b":{"content": "ab"}, "content" :"c", "content": null}"#;
        assert!(KEYS.usage.is_there(json, b"{"));
        assert_eq!(KEYS.chat_bytes(json), 3);
        assert_eq!(KEYS.chat_bytes(br#"{"content": "cut off"#), 7);
    }
}
