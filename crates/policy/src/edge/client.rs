//! Who the client is when proxies stand before us: the right-most address that no trusted proxy has.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use super::headers::elements;
use super::headers::forwarded;
use crate::access::Network;

/// Where trusted proxies say for whom they ask. One place only: a proxy that writes one of them lets the others pass as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientSource {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP`.
    XRealIp,
}

/// Which proxies are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Their networks; empty: nobody is believed.
    pub networks: Vec<Network>,
    /// What they write.
    pub source: ClientSource,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the connection comes from a trusted proxy, whose `X-Forwarded-*` may be passed on.
    pub is_behind_trusted: bool,
}

impl TrustedProxies {
    /// The client of a request that came from `peer`. What cannot be read ends the search: what is left of it was written by
    /// somebody who is not believed.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        let mut client = Client { address: peer, is_behind_trusted: self.is_trusted(peer) };
        if !client.is_behind_trusted {
            return client;
        }
        for address in self.told(headers) {
            let Some(address) = address else { break };
            client.address = address;
            if !self.is_trusted(address) {
                break;
            }
        }
        client
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    /// What proxies told, the nearest first; `None` for what is no address.
    fn told<'a>(&self, headers: &'a HeaderMap) -> Box<dyn Iterator<Item = Option<IpAddr>> + 'a> {
        match self.source {
            ClientSource::XForwardedFor => {
                Box::new(elements(headers, HeaderName::from_static("x-forwarded-for")).rev().map(address))
            }
            ClientSource::Forwarded => Box::new(
                elements(headers, http::header::FORWARDED)
                    .rev()
                    .map(|element| forwarded::parameter(element, "for").and_then(|node| address(&node))),
            ),
            ClientSource::XRealIp => {
                let mut values = headers.get_all("x-real-ip").iter();
                // Two of them: nobody knows which one the proxy wrote.
                let only = values.next().filter(|_| values.next().is_none());
                Box::new(only.map(|value| value.to_str().ok().and_then(address)).into_iter())
            }
        }
    }
}

/// An address as proxies write it: bare, with a port, in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with| with.ip()));
    let inside = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    bare.or_else(inside).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(source: ClientSource, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let networks = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        TrustedProxies { networks, source }.client(peer.parse().unwrap(), &headers).address.to_string()
    }

    #[test]
    fn fault_74_who_is_not_trusted_is_who_he_is() {
        let spoofed =
            [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=1.1.1.1"), ("x-real-ip", "1.1.1.1")];
        for source in [ClientSource::XForwardedFor, ClientSource::Forwarded, ClientSource::XRealIp] {
            assert_eq!(client(source, "192.0.2.7", &spoofed), "192.0.2.7");
            assert_eq!(client(source, "2001:db8::7", &spoofed), "2001:db8::7");
            assert_eq!(client(source, "10.0.0.1", &spoofed), "1.1.1.1");
        }
    }

    #[test]
    fn fault_74_the_client_is_the_right_most_address_that_is_not_trusted() {
        let xff = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            client(ClientSource::XForwardedFor, "10.0.0.1", &lines)
        };
        assert_eq!(xff(&["6.6.6.6, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        assert_eq!(xff(&["6.6.6.6", "192.0.2.1", "10.0.0.2, 10.0.0.3"]), "192.0.2.1");
        assert_eq!(xff(&["192.0.2.1:4711"]), "192.0.2.1");
        assert_eq!(xff(&["[2001:db8::1]:80, [fd00::1]"]), "2001:db8::1");
        assert_eq!(xff(&["::ffff:192.0.2.1"]), "192.0.2.1");
        assert_eq!(xff(&["6.6.6.6, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(xff(&["10.0.0.5"]), "10.0.0.5");
        assert_eq!(xff(&[]), "10.0.0.1");
        let many = vec!["10.1.1.1"; 100].join(", ");
        assert_eq!(xff(&["6.6.6.6", "192.0.2.1", &many]), "192.0.2.1");
    }

    #[test]
    fn fault_74_other_sources_are_not_mixed_in() {
        let lines = [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=\"[2001:db8::1]:80\";proto=https")];
        assert_eq!(client(ClientSource::Forwarded, "10.0.0.1", &lines), "2001:db8::1");
        assert_eq!(client(ClientSource::XRealIp, "10.0.0.1", &lines), "10.0.0.1");
        let twice = [("x-real-ip", "6.6.6.6"), ("x-real-ip", "192.0.2.1")];
        assert_eq!(client(ClientSource::XRealIp, "10.0.0.1", &twice), "10.0.0.1");
        let hidden = [("forwarded", "for=6.6.6.6, for=_hidden, for=10.0.0.2")];
        assert_eq!(client(ClientSource::Forwarded, "10.0.0.1", &hidden), "10.0.0.2");
    }
}
