//! What an upstream is told about the client: `X-Forwarded-*`, `Forwarded`, `X-Real-IP`, `Via`.

use std::net::IpAddr;

use http::header::{FORWARDED, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use tidegate_core::digits::push_address;

use super::{elements, forwarded};
use crate::edge::client::Client;

/// What is known of the request that is passed on.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The connection's other end: what is appended to the lists.
    pub peer: IpAddr,
    /// The client behind trusted proxies.
    pub client: Client,
    /// Host and port as the client wrote them.
    pub host: Option<&'a str>,
    /// `http` or `https`: how the connection came.
    pub scheme: &'static str,
    /// The request's version.
    pub version: Version,
    /// Whether `Forwarded` is written, too. Off, an incoming one of a client that is not trusted is still removed.
    pub writes_forwarded: bool,
    /// Who we are, in `Via`; none: no `Via`.
    pub via: Option<&'a str>,
}

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REAL: HeaderName = HeaderName::from_static("x-real-ip");
/// So long is the text of an address at most.
const ADDRESS: usize = 45;
/// Others that applications believe, and that we do not write.
const SPOOFABLE: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("x-forwarded-prefix"),
];

/// Writes them. What a trusted proxy said is kept and continued; what anybody else said is replaced.
pub fn tell_upstream(headers: &mut HeaderMap, told: &Told<'_>) {
    if !told.client.is_behind_trusted && headers.keys().any(is_claim) {
        for name in [FOR, PROTO, HOST, REAL, FORWARDED].into_iter().chain(SPOOFABLE) {
            headers.remove(name);
        }
    }
    let mut address = Vec::with_capacity(ADDRESS);
    push_address(&mut address, told.peer.to_canonical());
    append(headers, FOR, &address);
    address.clear();
    push_address(&mut address, told.client.address);
    set(headers, REAL, &address);
    if !headers.contains_key(PROTO) {
        headers.insert(PROTO, HeaderValue::from_static(told.scheme));
    }
    if let Some(host) = told.host
        && !headers.contains_key(HOST)
    {
        set(headers, HOST, host.as_bytes());
    }
    if told.writes_forwarded {
        append(headers, FORWARDED, forwarded::element(told.peer, told.host, told.scheme).as_bytes());
    }
    if let Some(name) = told.via {
        append_via(headers, told.version, name);
    }
}

/// Appends ourselves to `Via` (RFC 9110, section 7.6.3).
pub fn append_via(headers: &mut HeaderMap, version: Version, name: &str) {
    let version = match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2.0",
        Version::HTTP_3 => "3.0",
        _ => "1.1",
    };
    append(headers, VIA, [version, " ", name].concat().as_bytes());
}

/// Whether it says something about the client.
fn is_claim(name: &HeaderName) -> bool {
    *name == FORWARDED || *name == REAL || name.as_str().starts_with("x-forwarded-")
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}

/// Lists go on one line: some applications read only the first.
fn append(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    let mut all: Vec<&[u8]> = elements(headers, &name).map(str::as_bytes).collect();
    if all.is_empty() {
        return set(headers, name, value);
    }
    all.push(value);
    let all = all.join(&b", "[..]);
    set(headers, name, &all);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, is_behind_trusted: bool) -> Told<'static> {
        let peer = peer.parse().unwrap();
        let client = Client { address: peer, is_behind_trusted };
        let version = Version::HTTP_11;
        Told {
            peer,
            client,
            host: Some("a.test"),
            scheme: "https",
            version,
            writes_forwarded: true,
            via: Some("tg"),
        }
    }

    fn spoofed() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded"] {
            headers.append(name, "for=6.6.6.6".parse().unwrap());
            headers.append(name, "7.7.7.7".parse().unwrap());
        }
        headers.insert("x-forwarded-port", "1".parse().unwrap());
        headers
    }

    #[test]
    fn fault_74_what_a_stranger_says_of_himself_is_replaced() {
        let mut headers = spoofed();
        tell_upstream(&mut headers, &told("192.0.2.1", false));
        for (name, value) in [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "a.test"),
            ("x-real-ip", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1;host=\"a.test\";proto=https"),
            ("via", "1.1 tg"),
        ] {
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
        }
        assert!(!headers.contains_key("x-forwarded-port"));
    }

    #[test]
    fn what_a_trusted_proxy_says_is_continued() {
        let mut headers = spoofed();
        headers.insert("via", "2.0 cdn".parse().unwrap());
        tell_upstream(&mut headers, &told("10.0.0.1", true));
        assert_eq!(headers["x-forwarded-for"], "for=6.6.6.6, 7.7.7.7, 10.0.0.1");
        assert_eq!(headers["x-forwarded-proto"], "for=6.6.6.6");
        assert_eq!(headers["via"], "2.0 cdn, 1.1 tg");
    }
}
