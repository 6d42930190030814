//! Conditional requests (RFC 9110, section 13) against what is there.

use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, Method};

use super::http_date;

/// An entity tag (RFC 9110, section 8.8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    is_weak: bool,
    /// Without its quotes.
    opaque: String,
}

impl EntityTag {
    /// Equal bytes for sure.
    pub fn is_strongly(&self, other: &Self) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// As good as equal.
    pub fn is_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    /// The same tag, for bytes that may differ, such as a compressed body's.
    pub fn weakened(self) -> Self {
        Self { is_weak: true, ..self }
    }

    /// The tag that nginx gives a file: seconds of its last change and its length, both hexadecimal.
    pub fn of_file(modified: i64, length: u64) -> Self {
        Self { is_weak: false, opaque: format!("{modified:x}-{length:x}") }
    }
}

impl std::str::FromStr for EntityTag {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match tag_at(text.trim()) {
            Some((tag, "")) => Ok(tag),
            _ => Err(()),
        }
    }
}

impl std::fmt::Display for EntityTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\"{}\"", if self.is_weak { "W/" } else { "" }, self.opaque)
    }
}

/// The tag at the beginning, and what follows. A backslash escapes nothing in it.
fn tag_at(text: &str) -> Option<(EntityTag, &str)> {
    let (is_weak, rest) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
    let (opaque, rest) = rest.strip_prefix('"')?.split_once('"')?;
    let is_good = opaque.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    is_good.then(|| (EntityTag { is_weak, opaque: opaque.to_owned() }, rest))
}

/// What is known of the representation that would be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// Its tag.
    pub etag: Option<&'a EntityTag>,
    /// Its last change, in seconds since 1970-01-01 UTC.
    pub modified: Option<i64>,
}

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// They hold, or there are none.
    Holds,
    /// The client has it: 304.
    NotModified,
    /// 412.
    Failed,
}

/// Weighs `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since` in the order of RFC 9110, section 13.2.2, for
/// something that exists.
pub fn precondition(method: &Method, headers: &HeaderMap, known: Validators<'_>) -> Precondition {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    if headers.contains_key(IF_MATCH) {
        if !names(headers, IF_MATCH, known.etag, EntityTag::is_strongly) {
            return Precondition::Failed;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, IF_UNMODIFIED_SINCE), known.modified)
        && modified > since
    {
        return Precondition::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        return match names(headers, IF_NONE_MATCH, known.etag, EntityTag::is_weakly) {
            false => Precondition::Holds,
            true if is_read => Precondition::NotModified,
            true => Precondition::Failed,
        };
    }
    match (date(headers, IF_MODIFIED_SINCE), known.modified) {
        (Some(since), Some(modified)) if is_read && modified <= since => Precondition::NotModified,
        _ => Precondition::Holds,
    }
}

/// Whether `Range` counts (RFC 9110, section 13.1.5); without `If-Range` it does. A date counts only when it is exactly that of the
/// last change, and a second of quiet has passed since, at `now` (seconds).
pub fn range_counts(headers: &HeaderMap, known: Validators<'_>, now: i64) -> bool {
    let Some(value) = headers.get(IF_RANGE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    if let Ok(tag) = value.parse::<EntityTag>() {
        return known.etag.is_some_and(|known| known.is_strongly(&tag));
    }
    let date = http_date::parse(value);
    date.is_some() && date == known.modified && known.modified.is_some_and(|modified| modified < now)
}

/// Whether a list of tags names this one; `*` names everything.
fn names(
    headers: &HeaderMap,
    list: HeaderName,
    known: Option<&EntityTag>,
    is_same: fn(&EntityTag, &EntityTag) -> bool,
) -> bool {
    headers.get_all(list).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        let mut rest = line.trim_start_matches([' ', '\t', ',']);
        if rest.trim_end() == "*" {
            return true;
        }
        while let Some((tag, after)) = tag_at(rest) {
            if known.is_some_and(|known| is_same(known, &tag)) {
                return true;
            }
            rest = after.trim_start_matches([' ', '\t', ',']);
        }
        false
    })
}

/// Two dates, or none that can be read, are no condition.
fn date(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    http_date::parse(only.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const SEEN: i64 = 784_111_777;

    fn weigh(method: &Method, lines: &[(&'static str, &str)], tag: &str, modified: i64) -> Precondition {
        let headers =
            lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let tag = tag.parse().ok();
        precondition(method, &headers.collect(), Validators { etag: tag.as_ref(), modified: Some(modified) })
    }

    #[test]
    fn rfc_9110_13_conditions_are_weighed_in_their_order() {
        use Precondition::{Failed, Holds, NotModified};
        let get = Method::GET;
        for (lines, expected) in [
            (&[][..], Holds),
            (&[("if-none-match", "\"a\"")], NotModified),
            (&[("if-none-match", "W/\"a\"")], NotModified),
            (&[("if-none-match", "\"x\", \"a\\\" , \"a\"")], NotModified),
            (&[("if-none-match", "\"b,\", \"c\"")], Holds),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "a")], Holds),
            (&[("if-modified-since", DATE)], NotModified),
            (&[("if-modified-since", "yesterday")], Holds),
            (&[("if-none-match", "\"b\""), ("if-modified-since", DATE)], Holds),
            (&[("if-match", "\"a\"")], Holds),
            (&[("if-match", "W/\"a\"")], Failed),
            (&[("if-match", "\"b\"")], Failed),
            (&[("if-match", "*")], Holds),
            (&[("if-unmodified-since", DATE)], Holds),
            (&[("if-match", "\"b\""), ("if-none-match", "\"a\"")], Failed),
        ] {
            assert_eq!(weigh(&get, lines, "\"a\"", SEEN), expected, "{lines:?}");
        }
        assert_eq!(weigh(&get, &[("if-modified-since", DATE)], "\"a\"", SEEN + 1), Holds);
        assert_eq!(weigh(&get, &[("if-unmodified-since", DATE)], "\"a\"", SEEN + 1), Failed);
        assert_eq!(weigh(&Method::PUT, &[("if-none-match", "*")], "\"a\"", SEEN), Failed);
        assert_eq!(weigh(&Method::PUT, &[("if-modified-since", DATE)], "\"a\"", SEEN), Holds);
        assert_eq!(weigh(&get, &[("if-match", "W/\"a\"")], "W/\"a\"", SEEN), Failed);
    }

    #[test]
    fn rfc_9110_13_1_5_a_range_counts_only_for_the_same_bytes() {
        let tag: EntityTag = "\"a\"".parse().unwrap();
        let counts = |value: &str, now| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_RANGE, value.parse().unwrap());
            range_counts(&headers, Validators { etag: Some(&tag), modified: Some(SEEN) }, now)
        };
        assert!(counts("\"a\"", SEEN));
        assert!(!counts("W/\"a\"", SEEN));
        assert!(!counts("\"b\"", SEEN));
        assert!(counts(DATE, SEEN + 1));
        assert!(!counts(DATE, SEEN));
        assert!(!counts("Sun, 06 Nov 1994 08:49:38 GMT", SEEN + 9));
        assert!(!counts("rubbish", SEEN));
        assert!(range_counts(&HeaderMap::new(), Validators::default(), 0));
    }

    #[test]
    fn tags_are_written_as_they_are_read() {
        for text in ["\"\"", "\"a\\\"", "W/\"x\""] {
            assert_eq!(text.parse::<EntityTag>().unwrap().to_string(), text);
        }
        for bad in ["", "a", "\"a", "w/\"a\"", "\"a b\"", "\"a\" x"] {
            assert!(bad.parse::<EntityTag>().is_err(), "{bad}");
        }
        assert_eq!(EntityTag::of_file(0x10, 0x20).weakened().to_string(), "W/\"10-20\"");
    }
}
