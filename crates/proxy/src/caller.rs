//! Who asks: the key that a request shows, and where it comes from.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use tidegate_policy::access::Key;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key; `None` for an anonymous caller.
    pub key: Option<Arc<Key>>,
    /// The address that the request comes from.
    pub address: IpAddr,
}

impl Caller {
    /// The key's id; empty for an anonymous caller.
    pub fn key_id(&self) -> &str {
        self.key.as_ref().map_or("", |key| &key.id)
    }

    /// The team's id; empty without one.
    pub fn team_id(&self) -> &str {
        self.key.as_ref().and_then(|key| key.team.as_ref()).map_or("", |team| &team.id)
    }
}

/// Headers that hold a bare key, by vendor: Anthropic's, Google's, Azure's.
const BARE: [&str; 3] = ["x-api-key", "x-goog-api-key", "api-key"];

/// The key that a request shows, the way of any vendor: `Authorization: Bearer`, a header of its own, or Google's `?key=`.
/// A key that is no text is shown as an empty one, which nobody has.
pub fn presented<'r>(map: &'r HeaderMap, query: Option<&'r str>) -> Option<&'r str> {
    if let Some(value) = map.get(AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let (scheme, key) = text.split_once(' ').unwrap_or(("", text));
        return Some(if scheme.eq_ignore_ascii_case("bearer") { key.trim() } else { "" });
    }
    let bare = BARE.iter().find_map(|name| map.get(*name));
    if let Some(value) = bare {
        return Some(value.to_str().unwrap_or_default());
    }
    query?.split('&').find_map(|pair| pair.strip_prefix("key="))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn shown(name: &'static str, value: &'static [u8]) -> Option<String> {
        let mut map = HeaderMap::new();
        map.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        presented(&map, None).map(str::to_owned)
    }

    #[test]
    fn every_vendors_way_of_showing_a_key_is_understood() {
        for (name, value) in [
            ("authorization", "Bearer tg-a"),
            ("authorization", "bearer  tg-a"),
            ("x-api-key", "tg-a"),
            ("x-goog-api-key", "tg-a"),
            ("api-key", "tg-a"),
        ] {
            assert_eq!(shown(name, value.as_bytes()).as_deref(), Some("tg-a"), "{name}: {value}");
        }
        assert_eq!(presented(&HeaderMap::new(), Some("alt=sse&key=tg-a")), Some("tg-a"));
        assert_eq!(presented(&HeaderMap::new(), Some("alt=sse")), None);
    }

    #[test]
    fn fault_68_what_is_no_key_is_shown_as_an_empty_one() {
        assert_eq!(shown("authorization", b"Basic dXNlcg==").as_deref(), Some(""));
        assert_eq!(shown("authorization", b"tg-a").as_deref(), Some(""));
        assert_eq!(shown("x-api-key", b"tg-\xff").as_deref(), Some(""));
    }
}
