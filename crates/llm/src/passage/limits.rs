//! Checks of a body before anybody reads it: encoding, nesting, numbers.

use super::scan::{DEEPEST, string_end};
use crate::fault::BadRequest;

/// Highest token limit that is taken: keeps cost arithmetic far from overflow (fault 31).
const MOST_TOKENS: u64 = u32::MAX as u64;

/// Most answers to one request (OpenAI's own limit).
const MOST_ANSWERS: u64 = 128;

/// The body as text that begins like a JSON object.
pub(super) fn check_text(body: &[u8]) -> Result<&str, BadRequest> {
    if body.starts_with("\u{feff}".as_bytes()) {
        return Err(BadRequest::body("the body begins with a byte order mark; JSON must not have one"));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        BadRequest::body(format!("the body is not valid UTF-8 (at byte {})", error.valid_up_to()))
    })?;
    match text.trim_ascii_start().as_bytes().first() {
        None => return Err(BadRequest::body("the body is empty; a JSON object is expected")),
        Some(b'{') => {}
        Some(_) => return Err(BadRequest::body("the body must be a JSON object")),
    }
    Ok(text)
}

/// Refuses what is nested deeper than [`DEEPEST`].
pub(super) fn check_depth(body: &[u8]) -> Result<(), BadRequest> {
    if is_too_deep(body) {
        return Err(BadRequest::body(format!("the body is nested deeper than {DEEPEST} levels")));
    }
    Ok(())
}

/// Whether arrays and objects are nested deeper than [`DEEPEST`] (fault 29).
fn is_too_deep(body: &[u8]) -> bool {
    let mut depth = 0_u32;
    let mut at = 0;
    while at < body.len() {
        match body[at] {
            b'[' | b'{' => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = string_end(body, at + 1),
            _ => {}
        }
        at += 1;
    }
    false
}

/// Reads a token limit.
pub(super) fn tokens(path: impl FnOnce() -> String, raw: &str) -> Result<u64, BadRequest> {
    whole(raw)
        .filter(|number| *number <= MOST_TOKENS)
        .ok_or_else(|| wrong(path(), format_args!("a whole number from 0 to {MOST_TOKENS}")))
}

/// Reads a number of answers.
pub(super) fn answers(path: impl FnOnce() -> String, raw: &str) -> Result<u64, BadRequest> {
    whole(raw)
        .filter(|number| (1..=MOST_ANSWERS).contains(number))
        .ok_or_else(|| wrong(path(), format_args!("a whole number from 1 to {MOST_ANSWERS}")))
}

/// Checks a sampling number.
pub(super) fn ratio(path: impl FnOnce() -> String, raw: &str) -> Result<(), BadRequest> {
    let number = raw.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.map(|_| ()).ok_or_else(|| wrong(path(), format_args!("a number of at least 0")))
}

fn wrong(path: String, expected: std::fmt::Arguments<'_>) -> BadRequest {
    let message = format!("`{path}` must be {expected}");
    BadRequest::field(path, message)
}

/// A whole number of at least 0; `3.0` and `3e0` count.
fn whole(raw: &str) -> Option<u64> {
    raw.parse::<u64>().ok().or_else(|| {
        let number = raw.parse::<f64>().ok()?;
        (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> String {
        "field".to_owned()
    }

    fn nested(depth: usize) -> Vec<u8> {
        [b"{\"a\":".to_vec(), vec![b'['; depth - 1], vec![b']'; depth - 1], b"}".to_vec()].concat()
    }

    #[test]
    fn fault_29_deep_nesting_is_refused_and_flat_breadth_is_not() {
        assert!(check_depth(&nested(DEEPEST as usize)).is_ok());
        assert!(check_depth(&nested(DEEPEST as usize + 1)).is_err());
        assert!(check_depth(&nested(100_000)).is_err());
        let broad = format!("{{\"a\":[{}[]]}}", "[],{},".repeat(10_000));
        assert!(check_depth(broad.as_bytes()).is_ok());
        let in_text = format!("{{\"a\":\"\\\"{}\"}}", "[{".repeat(1_000));
        assert!(check_depth(in_text.as_bytes()).is_ok());
    }

    #[test]
    fn fault_31_numbers_that_would_upset_arithmetic_are_refused() {
        for raw in
            ["-1", "9223372036854775808", "1e999", "\"100\"", "1.5", "true", "[]", "18446744073709551616"]
        {
            assert!(tokens(path, raw).is_err(), "{raw}");
            assert!(answers(path, raw).is_err(), "{raw}");
        }
        for raw in ["-1", "1e999", "\"1\"", "true", "{}"] {
            assert!(ratio(path, raw).is_err(), "{raw}");
        }
        assert_eq!(tokens(path, "100").unwrap(), 100);
        assert_eq!(tokens(path, "1e3").unwrap(), 1000);
        assert!(answers(path, "129").is_err() && answers(path, "0").is_err() && answers(path, "128").is_ok());
        assert!(ratio(path, "0.7").is_ok());
    }
}
