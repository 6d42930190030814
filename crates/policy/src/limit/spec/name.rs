//! Names of rules: unique, and harmless wherever they are put (a Redis key, a header, a log line).

use std::fmt::Write;

/// Longest name that may be written.
const LONGEST: usize = 64;

/// What is wrong with a name that somebody wrote, as the end of a sentence about it.
pub(super) fn mistake(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must not be empty".to_owned());
    }
    if name.len() > LONGEST {
        return Some(format!("must have at most {LONGEST} characters"));
    }
    (!name.bytes().all(is_harmless))
        .then(|| "may hold letters, digits, `-`, `_`, `.` and `/` only".to_owned())
}

fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_./".contains(&byte)
}

/// Any text as harmless characters: others become `~` and two hexadecimal digits for each byte. Different texts stay different.
pub(in crate::limit) fn escape_into(out: &mut String, text: &[u8]) {
    for &byte in text {
        if is_harmless(byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "~{byte:02x}");
        }
    }
}

/// The full name of a rule: where it is written, and its name there. `:` is in neither, so the two cannot be confused.
pub(super) fn full(place: &str, name: &str) -> String {
    let mut full = String::with_capacity(place.len() + 1 + name.len());
    if !place.is_empty() {
        escape_into(&mut full, place.as_bytes());
        full.push(':');
    }
    full.push_str(name);
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_do_harm_are_refused() {
        for bad in ["", " ", "a b", "{a}", "a\nb", "a\0", "é", "a:b", "\"", "a~b", &"x".repeat(65)] {
            assert!(mistake(bad).is_some(), "{bad:?}");
        }
        for good in ["a", "key-tokens-minute", "A/b_c.9", &"x".repeat(64)] {
            assert_eq!(mistake(good), None, "{good:?}");
        }
    }

    #[test]
    fn a_place_may_be_called_anything() {
        assert_eq!(full("", "n"), "n");
        assert_eq!(full("key_7", "n"), "key_7:n");
        assert_eq!(full("{my key}\r\n:~", "n"), "~7bmy~20key~7d~0d~0a~3a~7e:n");
    }
}
