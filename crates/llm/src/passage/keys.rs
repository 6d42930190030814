//! Finds fields in JSON text without parsing it. A quoted name never occurs inside a JSON string, where quotes are
//! escaped; a hit at another depth is possible, so whoever needs to be sure parses the frame.

use super::scan::Names;

/// What holds text in an OpenAI chat chunk or answer.
pub(super) const CHAT: &[&str] = &["content", "reasoning_content", "reasoning", "arguments", "refusal"];
/// What holds text in a completion chunk or answer and in a Gemini answer.
pub(super) const TEXT: &[&str] = &["text"];
/// What holds text in an OpenAI response: its parts, and arguments of calls.
pub(super) const RESPONSE: &[&str] = &["text", "arguments"];
/// What holds text in an Anthropic event or answer.
pub(super) const ANTHROPIC: &[&str] = &["text", "partial_json", "thinking"];

/// Bytes inside the strings of these names, escapes counted as written.
pub(super) fn string_bytes(wanted: &[&str], json: &[u8]) -> u64 {
    let mut bytes = 0;
    let mut names = Names::of(json);
    while let Some((name, at)) = names.next() {
        if wanted.iter().any(|wanted| wanted.as_bytes() == name) {
            bytes += names.string(at);
        }
    }
    bytes
}

/// Whether a value of that name begins with one of `firsts`.
pub(super) fn is_there(json: &[u8], wanted: &str, firsts: &[u8]) -> bool {
    Names::of(json).any(|(name, at)| {
        name == wanted.as_bytes() && json.get(at).is_some_and(|first| firsts.contains(first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_inside_strings_are_not_fields() {
        let json = br#"{"choices":[{"delta":{"content":"say \"usage\":{ and \\"},"finish_reason" : null}],"usage":null}"#;
        assert!(!is_there(json, "usage", b"{"));
        assert!(!is_there(json, "finish_reason", b"\""));
        assert_eq!(string_bytes(CHAT, json), br#"say \"usage\":{ and \\"#.len() as u64);
    }

    #[test]
    fn spaces_and_repeats_do_not_matter() {
        let json =
            br#"{"a": "usage", "usage" : {"x":1}, "b":{"content": "ab"}, "content" :"c", "content": null}"#;
        assert!(is_there(json, "usage", b"{"));
        assert_eq!(string_bytes(CHAT, json), 3);
        assert_eq!(string_bytes(CHAT, br#"{"content": "cut off"#), 7);
    }
}
