//! Headers that concern one connection and never travel on (RFC 9110, section 7.6.1).

use http::header::{CONNECTION, HeaderName, TE};
use http::{HeaderMap, HeaderValue};

use super::elements;

/// Removes them, and what `Connection` names besides. `TE: trailers` stays, as it asks for what we pass on (gRPC wants it); for an
/// upgrade that is passed on, the caller keeps `Upgrade` and sets it anew.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let found: Vec<HeaderName> = headers.keys().filter(|name| is_hop_by_hop(name)).cloned().collect();
    if found.is_empty() {
        return;
    }
    let wants_trailers = elements(headers, TE).any(|coding| coding.eq_ignore_ascii_case("trailers"));
    let named: Vec<HeaderName> = elements(headers, CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .filter(|name| !is_end_to_end(name))
        .collect();
    for name in named.into_iter().chain(found) {
        headers.remove(name);
    }
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authentication-info"
            | "http2-settings"
    )
}

/// What a client must not strip from its own request by naming it in `Connection`: what says whom it is for, how long it is, who
/// sends it, and whether it may be cached.
fn is_end_to_end(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "host"
            | "content-length"
            | "content-type"
            | "content-encoding"
            | "authorization"
            | "cookie"
            | "cache-control"
            | "forwarded"
            | "x-forwarded-for"
            | "x-forwarded-proto"
            | "x-forwarded-host"
            | "x-real-ip"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_connection_ends_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Hop"),
            ("connection", "close, te"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic eA=="),
            ("te", "gzip, Trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AA"),
            ("x-kept", "1"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        left.sort_unstable();
        assert_eq!(left, [("te", "trailers"), ("x-kept", "1")]);
    }

    #[test]
    fn fault_74_connection_strips_nothing_that_others_rely_on() {
        let mut headers = HeaderMap::new();
        headers.insert("connection", "X-Forwarded-For, Authorization, host, x-other".parse().unwrap());
        for name in ["x-forwarded-for", "authorization", "host", "x-other"] {
            headers.insert(name, "1".parse().unwrap());
        }
        remove_hop_by_hop(&mut headers);
        assert_eq!(headers.len(), 3);
        assert!(!headers.contains_key("x-other"));
    }
}
