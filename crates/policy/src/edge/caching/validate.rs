//! Asking the upstream about what is stored, and renewing it (RFC 9111, section 4.3).

use http::HeaderMap;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
};

use crate::edge::conditional::EntityTag;
use crate::edge::headers::remove_hop_by_hop;

/// Makes a request ask whether what is stored still holds, in place of the client's own conditions and range. Nothing stored, or
/// nothing to ask with: it asks for everything.
pub fn make_conditional(request: &mut HeaderMap, stored: Option<&HeaderMap>) {
    for name in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE] {
        request.remove(name);
    }
    let Some(stored) = stored else { return };
    if let Some(tag) = stored.get(ETAG) {
        request.insert(IF_NONE_MATCH, tag.clone());
    }
    if let Some(date) = stored.get(LAST_MODIFIED) {
        request.insert(IF_MODIFIED_SINCE, date.clone());
    }
}

/// Whether a 304 is about what is stored (section 4.3.4); if not, it must be asked for anew, without conditions.
pub fn concerns(stored: &HeaderMap, not_modified: &HeaderMap) -> bool {
    let tag = |headers: &HeaderMap| headers.get(ETAG)?.to_str().ok()?.parse::<EntityTag>().ok();
    match (tag(stored), tag(not_modified)) {
        (Some(stored), Some(told)) => stored.is_weakly(&told),
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

/// Renews stored headers with those of a 304 (section 3.2). What describes the stored bytes stays.
pub fn renew(stored: &mut HeaderMap, not_modified: &HeaderMap) {
    let mut told = not_modified.clone();
    remove_hop_by_hop(&mut told);
    for name in
        [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName::from_static("content-md5")]
    {
        told.remove(name);
    }
    // A new age replaces the old one; none makes it void.
    stored.remove(http::header::AGE);
    for name in told.keys() {
        stored.remove(name);
    }
    for (name, value) in &told {
        stored.append(name, value.clone());
    }
}
