//! Reads JSON text fast: one pass that checks the grammar of RFC 8259 and builds nothing, and a walk over the fields of text
//! that is taken for JSON.

use std::ops::Range;

/// Deepest nesting of arrays and objects that is read, the outermost object included; also what `serde_json` takes.
pub(super) const DEEPEST: u32 = 128;

/// Calls `on_field` with key (quotes included) and value of every field of the object that `bytes` are. `None` where
/// they are anything else than one valid object, or it is nested too deep; nobody is told what is wrong with it. Whether
/// they are UTF-8 is not looked at.
pub(super) fn fields(bytes: &[u8], mut on_field: impl FnMut(Range<usize>, Range<usize>)) -> Option<()> {
    let mut scan = Scan { bytes, at: 0, has_controls: has_controls(bytes) };
    scan.space();
    scan.take(b'{')?;
    scan.space();
    if scan.peek() == Some(b'}') {
        scan.at += 1;
    } else {
        loop {
            let key = scan.key()?;
            let from = scan.at;
            scan.value()?;
            on_field(key, from..scan.at);
            scan.space();
            match scan.next()? {
                b',' => scan.space(),
                b'}' => break,
                _ => return None,
            }
        }
    }
    scan.space();
    (scan.at == scan.bytes.len()).then_some(())
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether there are control characters at all: bodies that no person laid out have none, and strings need no search.
    has_controls: bool,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn space(&mut self) {
        self.at = skip_space(self.bytes, self.at);
    }

    /// A key, the colon, and the space around it.
    fn key(&mut self) -> Option<Range<usize>> {
        let from = self.at;
        self.take(b'"')?;
        self.string()?;
        let key = from..self.at;
        self.space();
        self.take(b':')?;
        self.space();
        Some(key)
    }

    /// A whole value. What is open is kept as bits, the innermost lowest: 1 for an object.
    fn value(&mut self) -> Option<()> {
        let (mut kinds, mut depth) = (0_u128, 0);
        loop {
            match self.next()? {
                b'"' => self.string()?,
                open @ (b'{' | b'[') => {
                    // The outermost object counts too.
                    if depth + 2 > DEEPEST {
                        return None;
                    }
                    self.space();
                    let is_object = open == b'{';
                    if self.peek() == Some(open + 2) {
                        self.at += 1;
                    } else {
                        depth += 1;
                        kinds = kinds << 1 | u128::from(is_object);
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b't' => self.literal(b"rue")?,
                b'f' => self.literal(b"alse")?,
                b'n' => self.literal(b"ull")?,
                first => self.number(first)?,
            }
            loop {
                if depth == 0 {
                    return Some(());
                }
                self.space();
                let is_object = kinds & 1 == 1;
                match (self.next()?, is_object) {
                    (b',', true) => {
                        self.space();
                        self.key()?;
                        break;
                    }
                    (b',', false) => {
                        self.space();
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        kinds >>= 1;
                        depth -= 1;
                    }
                    _ => return None,
                }
            }
        }
    }

    fn literal(&mut self, rest: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(rest).then(|| self.at += rest.len())
    }

    /// The inside of a string and its closing quote.
    fn string(&mut self) -> Option<()> {
        loop {
            let from = self.at;
            self.at = run_end(self.bytes, from);
            if self.has_controls && has_controls(&self.bytes[from..self.at]) {
                return None;
            }
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let digits = self.bytes.get(self.at..self.at + 4)?;
                        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                        self.at += 4;
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    fn number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' { self.next()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Some(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Option<()> {
        let from = self.at;
        self.digits();
        (self.at > from).then_some(())
    }
}

/// The index behind the white space at `at`.
pub(super) fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The index of the next quote or backslash at or after `at`; the length of `bytes` if there is none.
fn run_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    memchr::memchr2(b'"', b'\\', rest).map_or(bytes.len(), |found| at + found)
}

/// Whether any of the bytes is a control character, which JSON has no use for but as white space. Written so that it
/// becomes vector code.
fn has_controls(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let of = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | (*byte < 0x20));
    blocks.iter().any(|block| of(block)) || of(rest)
}

/// Walks over the fields of text that is taken for JSON, whatever their depth: name without quotes, index of the value.
pub(super) struct Names<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Names<'a> {
    pub(super) fn of(json: &'a [u8]) -> Self {
        Self { json, at: 0 }
    }

    /// Passes over the string at `at`; gives the length of its inside, escapes as written. 0 for anything else.
    pub(super) fn string(&mut self, at: usize) -> u64 {
        if self.json.get(at) != Some(&b'"') {
            return 0;
        }
        let end = string_end(self.json, at + 1);
        self.at = end + 1;
        (end - at - 1) as u64
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = (&'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while *self.json.get(self.at)? != b'"' {
                self.at += 1;
            }
            let from = self.at + 1;
            let end = string_end(self.json, from);
            self.at = end + 1;
            let colon = skip_space(self.json, self.at);
            if *self.json.get(colon)? == b':' {
                self.at = colon + 1;
                return Some((&self.json[from..end], skip_space(self.json, colon + 1)));
            }
        }
    }
}

/// The index of the quote that ends the string whose inside begins at `from`; the end of `bytes` if there is none.
pub(super) fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = run_end(bytes, from);
    while bytes.get(at) == Some(&b'\\') {
        at = run_end(bytes, at + 2);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_taken(text: &str) -> bool {
        fields(text.as_bytes(), |_, _| {}).is_some()
    }

    fn by_serde(text: &str) -> bool {
        text.trim_start_matches([' ', '\n', '\r', '\t']).starts_with('{')
            && serde_json::from_str::<Box<serde_json::value::RawValue>>(text).is_ok()
    }

    #[test]
    fn nesting_is_counted_to_the_limit() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(is_taken(&nested(DEEPEST as usize)));
        assert!(!is_taken(&nested(DEEPEST as usize + 1)) && !is_taken(&nested(100_000)));
        let mixed = "{\"a\":[".repeat(60) + &"]}".repeat(60);
        assert!(is_taken(&mixed) && !is_taken(&mixed.replacen("]}", "}]", 1)));
    }

    #[test]
    fn control_characters_are_white_space_or_wrong() {
        for place in [0, 1, 63, 64, 65, 200] {
            for control in ["\n", "\t", "\u{0}", "\u{1f}"] {
                let filler = "ä".repeat(place);
                assert!(!is_taken(&format!("{{\"a\":\"{filler}{control}\"}}")), "{control:?} at {place}");
            }
        }
        assert!(is_taken("\t{\n \"a\":\r\n [ ] }\n"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
        #[test]
        fn takes_what_serde_takes(text in "[\\[\\]{}:,\"\\\\a0\\-+.eEtrufalsn1 \\n\u{0}]{0,24}") {
            for text in [format!("{{\"k\":{text}}}"), format!("{{{text}}}"), text] {
                prop_assert_eq!(is_taken(&text), by_serde(&text), "{}", text);
            }
        }

        #[test]
        fn takes_valid_json_and_no_mutation_that_serde_refuses(
            json in crate::gemini::arbitrary::json(), at in any::<prop::sample::Index>(), byte in "[ -~]"
        ) {
            let mut text = serde_json::json!({ "k": json }).to_string();
            prop_assert!(is_taken(&text));
            let at = at.index(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                text.replace_range(at..=at, &byte);
                prop_assert_eq!(is_taken(&text), by_serde(&text), "{}", text);
            }
        }

        #[test]
        fn any_bytes_are_walked_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut names = Names::of(&bytes);
            while let Some((_, at)) = names.next() {
                names.string(at);
            }
        }
    }
}
