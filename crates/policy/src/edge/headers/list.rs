//! Lists in headers (RFC 9110, section 5.6.1): elements between commas, over all lines of a name.

use http::header::AsHeaderName;
use http::{HeaderMap, HeaderValue};

/// The elements that are not empty, from first to last; commas in quotes do not separate. What is not text is left out.
pub fn elements(headers: &HeaderMap, name: impl AsHeaderName) -> impl DoubleEndedIterator<Item = &str> {
    let lines: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    lines.into_iter().filter_map(|line| line.to_str().ok()).flat_map(split)
}

/// The elements of one line.
fn split(line: &str) -> std::vec::IntoIter<&str> {
    let mut out = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (place, byte) in line.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                out.push(line[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    out.push(line[start..].trim());
    out.retain(|element| !element.is_empty());
    out.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_do_not_separate() {
        let mut headers = HeaderMap::new();
        headers.append("x", "a, , \"b,\\\" c\" ,d".parse().unwrap());
        headers.append("x", "e".parse().unwrap());
        assert_eq!(elements(&headers, "x").collect::<Vec<_>>(), ["a", "\"b,\\\" c\"", "d", "e"]);
    }
}
