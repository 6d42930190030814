//! The PROXY protocol, versions 1 and 2: who speaks through a balancer that passes bytes on
//! (haproxy.org, doc/proxy-protocol.txt).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most bytes that a header may have; version 2 with its additions is seldom above 536.
pub const LONGEST: usize = 4096;
/// Most bytes of a line of version 1, its end included.
const LINE: usize = 107;
const FIRST: &[u8] = b"PROXY ";
const SECOND: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many bytes it has.
    pub length: usize,
    /// Who speaks; `None` when the balancer speaks for itself, or does not know.
    pub address: Option<SocketAddr>,
}

/// What came is no PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PROXY header")]
pub struct Malformed;

/// Reads a header from the beginning of a connection. `None` while more of it must come.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    if begins(bytes, SECOND) {
        return second(bytes);
    }
    if begins(bytes, FIRST) { first(bytes) } else { Err(Malformed) }
}

fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.starts_with(with) || with.starts_with(bytes)
}

fn first(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let seen = &bytes[..bytes.len().min(LINE)];
    let Some(end) = memchr::memmem::find(seen, b"\r\n") else {
        return if seen.len() < LINE { Ok(None) } else { Err(Malformed) };
    };
    let line = std::str::from_utf8(&seen[FIRST.len().min(end)..end]).map_err(|_| Malformed)?;
    let length = end + 2;
    let mut words = line.split(' ');
    let is_four = match words.next() {
        Some("UNKNOWN") => return Ok(Some(Header { length, address: None })),
        Some("TCP4") => true,
        Some("TCP6") => false,
        _ => return Err(Malformed),
    };
    let [Some(source), Some(target), Some(port), Some(target_port), None] =
        [words.next(), words.next(), words.next(), words.next(), words.next()]
    else {
        return Err(Malformed);
    };
    let address = |text: &str| match text.parse::<IpAddr>() {
        Ok(address) if address.is_ipv4() == is_four => Ok(address),
        _ => Err(Malformed),
    };
    let port_number = |text: &str| match text.as_bytes() {
        [b'0'] => Ok(0),
        [b'1'..=b'9', ..] => text.parse::<u16>().map_err(|_| Malformed),
        _ => Err(Malformed),
    };
    address(target)?;
    port_number(target_port)?;
    Ok(Some(Header { length, address: Some(SocketAddr::new(address(source)?, port_number(port)?)) }))
}

fn second(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some((head, rest)) = bytes.split_at_checked(16) else { return Ok(None) };
    let size = usize::from(u16::from_be_bytes([head[14], head[15]]));
    let length = head.len() + size;
    if head[12] >> 4 != 2 || length > LONGEST {
        return Err(Malformed);
    }
    let Some(rest) = rest.get(..size) else { return Ok(None) };
    let address = match (head[12] & 15, head[13]) {
        // LOCAL: the balancer asks for itself, as for a health check.
        (0, _) => None,
        (1, 0x11) => Some(four(rest).ok_or(Malformed)?),
        (1, 0x21) => Some(six(rest).ok_or(Malformed)?),
        (1, 0 | 0x12 | 0x22 | 0x31 | 0x32) => None,
        _ => return Err(Malformed),
    };
    Ok(Some(Header { length, address }))
}

fn four(rest: &[u8]) -> Option<SocketAddr> {
    let address: [u8; 4] = rest.get(..4)?.try_into().ok()?;
    let port: [u8; 2] = rest.get(8..10)?.try_into().ok()?;
    rest.get(10..12).map(|_| (Ipv4Addr::from(address), u16::from_be_bytes(port)).into())
}

fn six(rest: &[u8]) -> Option<SocketAddr> {
    let address: [u8; 16] = rest.get(..16)?.try_into().ok()?;
    let port: [u8; 2] = rest.get(32..34)?.try_into().ok()?;
    rest.get(34..36).map(|_| (Ipv6Addr::from(address), u16::from_be_bytes(port)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let mut bytes = SECOND.to_vec();
        bytes.extend([0x20 | command, family]);
        bytes.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
        bytes.extend(addresses);
        bytes
    }

    #[test]
    fn reads_both_versions_and_waits_for_every_byte() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 1, 187, 4, 0, 1, 9];
        let mut six = [0; 36];
        (six[0], six[15], six[33]) = (0x20, 1, 80);
        let cases: [(Vec<u8>, Option<&str>); 7] = [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 12345 443\r\n".into(), Some("192.0.2.1:12345")),
            (b"PROXY TCP6 2001:db8::1 ::1 1 443\r\n".into(), Some("[2001:db8::1]:1")),
            (b"PROXY UNKNOWN and more\r\n".into(), None),
            (v2(1, 0x11, &four), Some("192.0.2.1:12345")),
            (v2(1, 0x21, &six), Some("[2000::1]:80")),
            (v2(0, 0x11, &four), None),
            (v2(1, 0x31, &[0; 216]), None),
        ];
        for (mut bytes, address) in cases {
            let length = bytes.len();
            for cut in 0..length {
                assert_eq!(parse(&bytes[..cut]), Ok(None), "{cut} bytes of {bytes:?}");
            }
            bytes.extend(b"GET / HTTP/1.1\r\n");
            let address = address.map(|address| address.parse().unwrap());
            assert_eq!(parse(&bytes), Ok(Some(Header { length, address })));
        }
    }

    #[test]
    fn refuses_what_is_no_header() {
        let cases: [Vec<u8>; 10] = [
            b"GET / HTTP/1.1\r\n".into(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 12345\r\n".into(),
            b"PROXY TCP4 2001:db8::1 ::1 1 443\r\n".into(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n".into(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n".into(),
            b"PROXY TCP4 192.0.2.1  198.51.100.1 1 443\r\n".into(),
            [&b"PROXY UNKNOWN "[..], &[b'x'; 100]].concat(),
            v2(1, 0x11, &[1; 11]),
            v2(2, 0x11, &[1; 12]),
            v2(1, 0x11, &[0; LONGEST]),
        ];
        for bytes in cases {
            assert_eq!(parse(&bytes), Err(Malformed), "{bytes:?}");
        }
    }
}
