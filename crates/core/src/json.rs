//! Text inside JSON, for what is written with every request: a third of the instructions that serde takes.

use std::io::Write;

/// Appends `text` as it stands between the quotes of a JSON text. No control characters are left, so what is written so fits on
/// one line.
pub fn push_escaped(out: &mut Vec<u8>, text: &str) {
    if is_plain_text(text) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            byte if is_plain(byte) => out.push(byte),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => drop(write!(out, "\\u{byte:04x}")),
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

/// Whether nothing in it needs an escape; eight bytes at a time, as most texts are names of some twenty.
fn is_plain_text(text: &str) -> bool {
    let text = text.as_bytes();
    let Some(last) = text.last_chunk() else { return text.iter().all(|byte| is_plain(*byte)) };
    let (words, _) = text.as_chunks();
    // The last word may overlap the one before it.
    words.iter().chain([last]).fold(0, |special, word| special | special_bytes(u64::from_le_bytes(*word)))
        == 0
}

/// Not 0 when one of the eight bytes is not plain. After "Determine if a word has a byte less than n" of Sean Anderson's Bit Twiddling Hacks.
fn special_bytes(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, least: u8| word.wrapping_sub(EACH * u64::from(least)) & !word;
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    (below(word, b' ') | is(b'"') | is(b'\\')) & (EACH << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_control_characters_are_escaped() {
        let mut out = Vec::new();
        push_escaped(&mut out, "\"a\\\n\r\t\0\u{1f}\u{7f}ä");
        assert_eq!(String::from_utf8(out).unwrap(), "\\\"a\\\\\\n\\r\\t\\u0000\\u001f\u{7f}ä");
    }

    #[test]
    fn every_byte_is_told_apart_in_every_place_of_texts_of_every_length() {
        for byte in 0..0x80 {
            for length in 1..20 {
                for place in 0..length {
                    let mut text = vec![b'~'; length];
                    text[place] = byte;
                    let text = String::from_utf8(text).unwrap();
                    assert_eq!(is_plain_text(&text), is_plain(byte), "{byte} at {place} of {length}");
                }
            }
        }
        assert!(is_plain_text("äöü€, ä") && is_plain_text("\u{10ffff}\u{80}~"));
    }
}
