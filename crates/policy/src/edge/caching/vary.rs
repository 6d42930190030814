//! Which variant of an answer fits a request (RFC 9111, section 4.1).

use http::header::{ACCEPT_ENCODING, VARY};
use http::{HeaderMap, HeaderName};

use crate::edge::headers::elements;

/// The headers that an answer depends on, sorted, each once; none: on everything (`*`, or what is no name).
pub fn names(answer: &HeaderMap) -> Option<Vec<HeaderName>> {
    let names: Option<Vec<HeaderName>> = elements(answer, VARY)
        .map(|name| HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| name != "*"))
        .collect();
    let mut names = names?;
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    Some(names)
}

/// What a request says in these headers: two requests with equal keys get the same variant. Lines of one name are joined, and blanks
/// around commas do not count, nor does the order of codings; a header that is not there differs from one that is empty.
pub fn key(names: &[HeaderName], request: &HeaderMap) -> Vec<u8> {
    let mut key = Vec::new();
    for name in names {
        key.extend_from_slice(name.as_str().as_bytes());
        if *name == ACCEPT_ENCODING && request.contains_key(name) {
            key.push(b':');
            key.extend_from_slice(&codings(request));
            key.push(b'\n');
            continue;
        }
        let mut separator = b':';
        for line in request.get_all(name) {
            for element in line.as_bytes().split(|byte| *byte == b',') {
                key.push(separator);
                key.extend_from_slice(element.trim_ascii());
                separator = b',';
            }
        }
        // No header holds a line break.
        key.push(b'\n');
    }
    key
}

/// What `Accept-Encoding` says, however it is written: browsers differ in their order and their blanks only.
fn codings(request: &HeaderMap) -> Vec<u8> {
    let plain = |element: &[u8]| -> Vec<u8> {
        element.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect()
    };
    let lines = request.get_all(ACCEPT_ENCODING).iter();
    let mut all: Vec<Vec<u8>> =
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(plain).collect();
    all.retain(|element| !element.is_empty());
    all.sort_unstable();
    all.dedup();
    all.join(&b","[..])
}
