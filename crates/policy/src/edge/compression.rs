//! Which answers are compressed, and what becomes of their headers.

use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::conditional::EntityTag;
use super::headers::{elements, vary_on};
use super::media_type;
use super::negotiate::{Coding, coding};

/// What a route compresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressionRules {
    /// Codings that are made on the way, best first.
    pub codings: Vec<Coding>,
    /// Media types without parameters; `text/*` stands for all of a kind.
    pub types: Vec<String>,
    /// Bodies of known length below this many bytes stay as they are.
    pub min_length: u64,
}

impl Default for CompressionRules {
    /// Text of all kinds from 1 KiB. Event streams are not among it: they are better told at once than small.
    fn default() -> Self {
        let types = media_type::COMPRESSIBLE.iter().map(|kind| (*kind).to_owned()).collect();
        Self { codings: vec![Coding::Brotli, Coding::Gzip], types, min_length: 1_024 }
    }
}

impl CompressionRules {
    /// The coding for this answer, and its headers changed accordingly; none: it stays as it is. An answer that another client would
    /// have got compressed says so in `Vary`.
    pub fn compress(
        &self,
        request: &HeaderMap,
        status: StatusCode,
        answer: &mut HeaderMap,
        length: Option<u64>,
    ) -> Option<Coding> {
        if !self.may_compress(status, answer, length) {
            return None;
        }
        vary_on(answer, &ACCEPT_ENCODING);
        let coding = Some(coding(request, &self.codings)).filter(|coding| *coding != Coding::Identity)?;
        answer.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        answer.remove(CONTENT_LENGTH);
        answer.remove(ACCEPT_RANGES);
        weaken_etag(answer);
        Some(coding)
    }

    fn may_compress(&self, status: StatusCode, answer: &HeaderMap, length: Option<u64>) -> bool {
        let has_body = !status.is_informational()
            && !matches!(
                status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT
            );
        let is_plain = elements(answer, CONTENT_ENCODING)
            .all(|coding| coding.eq_ignore_ascii_case("identity"))
            && !answer.contains_key(CONTENT_RANGE);
        let may_change =
            !elements(answer, CACHE_CONTROL).any(|directive| directive.eq_ignore_ascii_case("no-transform"));
        let is_long = length.is_none_or(|length| length >= self.min_length);
        has_body && is_plain && may_change && is_long && self.is_listed(answer)
    }

    fn is_listed(&self, answer: &HeaderMap) -> bool {
        let Some(Ok(value)) = answer.get(CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
        let kind = value.split(';').next().unwrap_or_default().trim();
        // A stream of events is never held back, whatever is listed with a star.
        self.types.iter().any(|listed| match listed.strip_suffix("/*") {
            Some(family) => {
                kind.split_once('/').is_some_and(|(its, _)| its.eq_ignore_ascii_case(family))
                    && !kind.eq_ignore_ascii_case("text/event-stream")
            }
            None => kind.eq_ignore_ascii_case(listed),
        })
    }
}

/// Other bytes, hence another strong tag; the weak one still holds.
fn weaken_etag(answer: &mut HeaderMap) {
    let Some(value) = answer.remove(ETAG) else { return };
    let tag = value.to_str().ok().and_then(|text| text.parse::<EntityTag>().ok());
    if let Some(tag) = tag
        && let Ok(value) = HeaderValue::try_from(tag.weakened().to_string())
    {
        answer.insert(ETAG, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compress(
        lines: &[(&'static str, &str)],
        status: u16,
        length: Option<u64>,
    ) -> (Option<Coding>, HeaderMap) {
        let name = http::HeaderName::from_static;
        let mut answer = lines.iter().map(|(its, value)| (name(its), value.parse().unwrap())).collect();
        let request = [(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))].into_iter().collect();
        let status = StatusCode::from_u16(status).unwrap();
        let coding = CompressionRules::default().compress(&request, status, &mut answer, length);
        (coding, answer)
    }

    #[test]
    fn a_long_text_is_compressed_and_says_so() {
        let json = ("content-type", "application/json; charset=utf-8");
        let (coding, answer) =
            compress(&[json, ("etag", "\"a\""), ("content-length", "2000")], 200, Some(2_000));
        assert_eq!(coding, Some(Coding::Gzip));
        assert_eq!(answer["content-encoding"], "gzip");
        assert_eq!(answer["etag"], "W/\"a\"");
        assert_eq!(answer["vary"], "accept-encoding");
        assert!(!answer.contains_key("content-length"));
    }

    #[test]
    fn what_must_not_change_stays() {
        let json = ("content-type", "application/json");
        for (lines, status, length) in [
            (&[json][..], 200, Some(1_023)),
            (&[json], 206, None),
            (&[json], 204, None),
            (&[json, ("content-encoding", "br")], 200, None),
            (&[json, ("cache-control", "max-age=5, No-Transform")], 200, None),
            (&[("content-type", "image/png")], 200, None),
            (&[("content-type", "text/event-stream")], 200, None),
            (&[], 200, None),
        ] {
            let before = lines.len();
            let (coding, answer) = compress(lines, status, length);
            assert_eq!((coding, answer.len()), (None, before), "{lines:?} {status}");
        }
    }
}
