//! Trailers: fields behind a body, which travel on only where they cannot change what stood before it (RFC 9110, section 6.5.1).

use http::HeaderMap;

use super::remove_hop_by_hop;

/// What says how a message is framed, routed, authorised, or read. Behind the body it comes too late, and some recipients would merge it
/// into the headers.
const TOO_LATE: [&str; 20] = [
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expires",
    "host",
    "location",
    "max-forwards",
    "pragma",
    "range",
    "retry-after",
    "set-cookie",
    "vary",
    "warning",
    "www-authenticate",
];

/// The trailers without what must not stand in them; `None`: nothing is left.
pub fn tidy_trailers(mut trailers: HeaderMap) -> Option<HeaderMap> {
    remove_hop_by_hop(&mut trailers);
    for name in TOO_LATE {
        trailers.remove(name);
    }
    // Here it asks for nothing.
    trailers.remove(http::header::TE);
    Some(trailers).filter(|trailers| !trailers.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_9110_6_5_1_what_comes_too_late_is_left_out() {
        let mut trailers = HeaderMap::new();
        for name in ["grpc-status", "content-length", "set-cookie", "te", "connection", "authorization"] {
            trailers.insert(name, "trailers".parse().unwrap());
        }
        let trailers = tidy_trailers(trailers).unwrap();
        assert_eq!(trailers.keys().collect::<Vec<_>>(), ["grpc-status"]);
        assert_eq!(tidy_trailers(HeaderMap::new()), None);
    }
}
