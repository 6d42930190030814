//! Ranges of bytes (RFC 9110, section 14).

use std::ops::Range;

/// What a `Range` header comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Everything, with 200: there is no range, or none that has to be honoured.
    Whole,
    /// These parts, with 206: one with `Content-Range`, several as `multipart/byteranges`. None is empty.
    Parts(Vec<Range<u64>>),
    /// None of them is there: 416 with [`unsatisfied`].
    Unsatisfiable,
}

/// Weighs the header's value for a body of this length. More parts than `at_most`, or parts that are longer together than the
/// body, are answered with the whole; parts that overlap are joined.
pub fn ranges(value: &str, length: u64, at_most: usize) -> Ranges {
    let Some((unit, list)) = value.split_once('=') else { return Ranges::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ranges::Whole;
    }
    let mut parts: Vec<Range<u64>> = Vec::new();
    let mut count = 0;
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        count += 1;
        // A part that cannot be read spoils the header, which is then ignored (section 14.2).
        let Some(part) = read(part, length) else { return Ranges::Whole };
        if count > at_most {
            return Ranges::Whole;
        }
        parts.extend(part.filter(|part| !part.is_empty()));
    }
    match (count, parts.is_empty()) {
        (0, _) => Ranges::Whole,
        (_, true) if length == 0 => Ranges::Whole,
        (_, true) => Ranges::Unsatisfiable,
        _ => joined(parts, length),
    }
}

/// One part: `None` when it cannot be read, `Some(None)` when nothing of it is there.
fn read(part: &str, length: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = part.split_once('-')?;
    let (first, last) = (first.trim_end(), last.trim_start());
    if first.is_empty() {
        let suffix = number(last)?;
        return Some((suffix > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let first = number(first)?;
    let end = if last.is_empty() { length } else { number(last)?.saturating_add(1) };
    if end <= first && !last.is_empty() {
        return None;
    }
    Some((first < length).then(|| first..end.min(length)))
}

/// Numbers beyond 64 bits are as good as the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn joined(parts: Vec<Range<u64>>, length: u64) -> Ranges {
    let mut sorted = parts.clone();
    sorted.sort_by_key(|part| part.start);
    let overlaps = sorted.windows(2).any(|pair| pair[1].start < pair[0].end);
    if !overlaps {
        return Ranges::Parts(parts);
    }
    let mut out: Vec<Range<u64>> = Vec::new();
    for part in sorted {
        match out.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => out.push(part),
        }
    }
    if out.len() == 1 && out[0] == (0..length) && parts.len() > 1 {
        Ranges::Whole
    } else {
        Ranges::Parts(out)
    }
}

/// The value of `Content-Range` for a part.
pub fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1))
}

/// The value of `Content-Range` with 416.
pub fn unsatisfied(length: u64) -> String {
    format!("bytes */{length}")
}

/// What stands before one part's bytes in `multipart/byteranges`.
pub fn part_head(boundary: &str, content_type: &str, part: &Range<u64>, length: u64) -> String {
    let range = content_range(part, length);
    format!("\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {range}\r\n\r\n")
}

/// What stands behind the last part.
pub fn parts_end(boundary: &str) -> String {
    format!("\r\n--{boundary}--\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc_9110_14_ranges_are_read() {
        let parts = |parts: &[(u64, u64)]| Ranges::Parts(parts.iter().map(|(from, to)| *from..*to).collect());
        for (value, expected) in [
            ("bytes=0-499", parts(&[(0, 500)])),
            ("bytes=500-", parts(&[(500, 1000)])),
            ("bytes=-500", parts(&[(500, 1000)])),
            ("bytes=-5000", parts(&[(0, 1000)])),
            ("bytes=0-5000", parts(&[(0, 1000)])),
            ("bytes=0-99999999999999999999999", parts(&[(0, 1000)])),
            ("Bytes = 0-0, -1", parts(&[(0, 1), (999, 1000)])),
            ("bytes=500-600,0-10", parts(&[(500, 601), (0, 11)])),
            ("bytes=0-10,2000-3000", parts(&[(0, 11)])),
            ("bytes=0-10,5-20,30-40", parts(&[(0, 21), (30, 41)])),
            ("bytes=0-999,0-999", Ranges::Whole),
            ("bytes=1000-", Ranges::Unsatisfiable),
            ("bytes=-0", Ranges::Unsatisfiable),
            ("bytes=5000-6000, 1000-1001", Ranges::Unsatisfiable),
            ("bytes=", Ranges::Whole),
            ("bytes=5-4", Ranges::Whole),
            ("bytes=a-b", Ranges::Whole),
            ("bytes=+1-5", Ranges::Whole),
            ("bytes=0-1,x", Ranges::Whole),
            ("items=0-5", Ranges::Whole),
            ("0-5", Ranges::Whole),
        ] {
            assert_eq!(ranges(value, 1000, 10), expected, "{value}");
        }
        assert_eq!(ranges("bytes=-5", 0, 10), Ranges::Whole);
        assert_eq!(ranges(&format!("bytes={}", "0-1,".repeat(11)), 1000, 10), Ranges::Whole);
    }

    #[test]
    fn parts_are_labelled() {
        assert_eq!(content_range(&(0..500), 1000), "bytes 0-499/1000");
        assert_eq!(unsatisfied(1000), "bytes */1000");
        assert_eq!(
            part_head("b", "text/plain", &(1..3), 9),
            "\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 1-2/9\r\n\r\n"
        );
    }

    proptest! {
        #[test]
        fn parts_are_within_the_body_and_never_overlap(value in "bytes=([0-9]{0,3}-[0-9]{0,3},?){1,6}", length in 0u64..600) {
            if let Ranges::Parts(mut parts) = ranges(&value, length, 100) {
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
                parts.sort_by_key(|part| part.start);
                prop_assert!(parts.windows(2).all(|pair| pair[0].end <= pair[1].start));
            }
        }

        #[test]
        fn no_text_makes_it_panic(value in ".*") {
            let _ = ranges(&value, 10, 5);
        }
    }
}
