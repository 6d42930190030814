//! The query: names and values of `a=b&c`, read as forms are (`+` is a space), and text made fit for a query.

use std::borrow::Cow;

use super::path::{hex_pair, is_unreserved, push_escape};

/// Names and values, decoded, in their order; a name without `=` has an empty value.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// The raw value of the first pair of that (raw) name, as nginx' `$arg_name` has it.
pub fn raw_value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(its, _)| *its == name).map(|(_, value)| value)
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let raw = text.as_bytes();
    let mut out = Vec::with_capacity(raw.len());
    let mut place = 0;
    while let Some(&byte) = raw.get(place) {
        let meant = if byte == b'%' { hex_pair(raw.get(place + 1..place + 3)) } else { None };
        place += if meant.is_some() { 3 } else { 1 };
        out.push(meant.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Appends text so that it stays one value of a query: nothing in it separates. Escapes that it has already stay.
pub fn push_value(out: &mut String, text: &str) {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) || matches!(byte, b'%' | b'/' | b':' | b'@' | b',') {
            escaped.push(byte);
        } else {
            push_escape(byte, &mut escaped);
        }
    }
    // Nothing but ASCII is left.
    out.push_str(std::str::from_utf8(&escaped).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_as_forms_are() {
        let read: Vec<(String, String)> = pairs("a=1&b&&c=x+y%26z%zz&%61=2")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let expected = [("a", "1"), ("b", ""), ("c", "x y&z%zz"), ("a", "2")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(raw_value("a=1&b=x%20y", "b"), Some("x%20y"));
        assert_eq!(raw_value("a=1", "b"), None);
    }

    #[test]
    fn a_value_brings_no_further_pairs() {
        let mut out = String::new();
        push_value(&mut out, "a&admin=1#x%20y");
        assert_eq!(out, "a%26admin%3D1%23x%20y");
    }
}
