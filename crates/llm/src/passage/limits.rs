//! Checks of a body before anybody reads it: encoding, nesting, numbers.

use crate::fault::BadRequest;

/// Deepest nesting of arrays and objects that is taken (fault 29); also what `serde_json` takes.
const DEEPEST: usize = 128;

/// Highest token limit that is taken: keeps cost arithmetic far from overflow (fault 31).
const MOST_TOKENS: u64 = u32::MAX as u64;

/// Most answers to one request (OpenAI's own limit).
const MOST_ANSWERS: u64 = 128;

/// The body as text that begins like a JSON object and is not nested too deep.
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
    if is_too_deep(body) {
        return Err(BadRequest::body(format!("the body is nested deeper than {DEEPEST} levels")));
    }
    Ok(text)
}

/// Whether arrays and objects are nested deeper than [`DEEPEST`]. Most bodies have so few brackets that counting them
/// answers it.
fn is_too_deep(body: &[u8]) -> bool {
    if memchr::memchr2_iter(b'[', b'{', body).take(DEEPEST + 1).count() <= DEEPEST {
        return false;
    }
    let mut depth = 0_usize;
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

/// The index of the quote that ends the string whose inside begins at `from`; the end of `bytes` if there is none.
pub(super) fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

/// Reads a token limit.
pub(super) fn tokens(path: &str, raw: &str) -> Result<u64, BadRequest> {
    whole(raw).filter(|number| *number <= MOST_TOKENS).ok_or_else(|| {
        BadRequest::field(path, format!("`{path}` must be a whole number from 0 to {MOST_TOKENS}"))
    })
}

/// Reads a number of answers.
pub(super) fn answers(path: &str, raw: &str) -> Result<u64, BadRequest> {
    whole(raw).filter(|number| (1..=MOST_ANSWERS).contains(number)).ok_or_else(|| {
        BadRequest::field(path, format!("`{path}` must be a whole number from 1 to {MOST_ANSWERS}"))
    })
}

/// Checks a sampling number.
pub(super) fn ratio(path: &str, raw: &str) -> Result<(), BadRequest> {
    let number = raw.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number
        .map(|_| ())
        .ok_or_else(|| BadRequest::field(path, format!("`{path}` must be a number of at least 0")))
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

    fn nested(depth: usize) -> Vec<u8> {
        [b"{\"a\":".to_vec(), vec![b'['; depth - 1], vec![b']'; depth - 1], b"}".to_vec()].concat()
    }

    #[test]
    fn fault_29_deep_nesting_is_refused_and_flat_breadth_is_not() {
        assert!(check_text(&nested(DEEPEST)).is_ok());
        assert!(check_text(&nested(DEEPEST + 1)).is_err());
        assert!(check_text(&nested(100_000)).is_err());
        let broad = format!("{{\"a\":[{}[]]}}", "[],{},".repeat(10_000));
        assert!(check_text(broad.as_bytes()).is_ok());
        let in_text = format!("{{\"a\":\"\\\"{}\"}}", "[{".repeat(1_000));
        assert!(check_text(in_text.as_bytes()).is_ok());
    }

    #[test]
    fn fault_31_numbers_that_would_upset_arithmetic_are_refused() {
        for raw in
            ["-1", "9223372036854775808", "1e999", "\"100\"", "1.5", "true", "[]", "18446744073709551616"]
        {
            assert!(tokens("max_tokens", raw).is_err(), "{raw}");
            assert!(answers("n", raw).is_err(), "{raw}");
        }
        for raw in ["-1", "1e999", "\"1\"", "true", "{}"] {
            assert!(ratio("temperature", raw).is_err(), "{raw}");
        }
        assert_eq!(tokens("max_tokens", "100").unwrap(), 100);
        assert_eq!(tokens("max_tokens", "1e3").unwrap(), 1000);
        assert!(answers("n", "129").is_err() && answers("n", "0").is_err() && answers("n", "128").is_ok());
        assert!(ratio("temperature", "0.7").is_ok());
    }
}
