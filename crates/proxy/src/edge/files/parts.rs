//! Which parts of something are told, a file or a kept answer, and with which status.

use std::ops::Range;

use http::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, StatusCode};
use tidegate_policy::edge::conditional::{Validators, range_counts};
use tidegate_policy::edge::range::{self, Ranges};

use super::Part;
use crate::edge::EdgeError;
use crate::headers;

/// Most ranges of one request that are told one by one.
const RANGES: usize = 16;

/// The parts that are asked for of so many bytes; the head says which they are.
pub fn parts(
    length: u64,
    asked: &HeaderMap,
    known: Validators<'_>,
    now: i64,
    map: &mut HeaderMap,
) -> Result<(StatusCode, Vec<Part>), EdgeError> {
    let whole = || Ok((StatusCode::OK, vec![Part::File(0..length)]));
    let Some(value) = asked.get(RANGE).and_then(|value| value.to_str().ok()) else { return whole() };
    if !range_counts(asked, known, now) {
        return whole();
    }
    match range::ranges(value, length, RANGES) {
        Ranges::Whole => whole(),
        Ranges::Unsatisfiable => Err(EdgeError::Range { length }),
        Ranges::Parts(ranges) => match ranges.as_slice() {
            [only] => {
                map.insert(CONTENT_RANGE, headers::value(&range::content_range(only, length)));
                Ok((StatusCode::PARTIAL_CONTENT, vec![Part::File(only.clone())]))
            }
            several => Ok((StatusCode::PARTIAL_CONTENT, multipart(length, several, map))),
        },
    }
}

fn multipart(length: u64, ranges: &[Range<u64>], map: &mut HeaderMap) -> Vec<Part> {
    let boundary = format!("{:016x}", crate::clock::micros());
    let kind = map.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    map.insert(CONTENT_TYPE, headers::value(&format!("multipart/byteranges; boundary={boundary}")));
    let mut parts = Vec::with_capacity(ranges.len() * 2 + 1);
    for part in ranges {
        parts.push(Part::Text(range::part_head(&boundary, &kind, part, length).into()));
        parts.push(Part::File(part.clone()));
    }
    parts.push(Part::Text(range::parts_end(&boundary).into()));
    parts
}
