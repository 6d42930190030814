//! Whom a request is addressed to: forms of the request target (RFC 9112, section 3.2) and the Host that must agree with it.

use http::header::HOST;
use http::{HeaderMap, Method, StatusCode, Uri, Version};

/// A host and the port that was written with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// In small letters, without a dot at its end; an IPv6 address without its brackets.
    pub host: String,
    /// The port, if one was written.
    pub port: Option<u16>,
}

/// Why a request's target or Host is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// HTTP/1.1 or 2 without Host and `:authority`.
    #[error("the request names no host")]
    NoHost,
    /// More than one Host, were they equal.
    #[error("the request names its host more than once")]
    SeveralHosts,
    /// Not a host name or address with an optional port.
    #[error("the host is malformed")]
    MalformedHost,
    /// The target's host is not that of the Host header.
    #[error("the request's target and its Host differ")]
    HostsDiffer,
    /// `*` with another method than OPTIONS, or a target that is neither a path nor a URL.
    #[error("the request's target is malformed")]
    MalformedTarget,
    /// TRACE, or CONNECT without a protocol to speak.
    #[error("the method is not served")]
    Method,
}

impl TargetFault {
    /// 405 for methods, 400 for everything else.
    pub fn status(self) -> StatusCode {
        if self == Self::Method { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::BAD_REQUEST }
    }
}

/// What a target asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A path: the usual case.
    Path,
    /// `OPTIONS *`: the server as a whole.
    Server,
}

/// Checks the method and the form of the target. `extended_connect`: HTTP/2's CONNECT with `:protocol` (RFC 8441).
pub fn asked(method: &Method, uri: &Uri, extended_connect: bool) -> Result<Asked, TargetFault> {
    if *method == Method::TRACE || (*method == Method::CONNECT && !extended_connect) {
        return Err(TargetFault::Method);
    }
    if uri.path() == "*" {
        return if *method == Method::OPTIONS {
            Ok(Asked::Server)
        } else {
            Err(TargetFault::MalformedTarget)
        };
    }
    match uri.scheme_str() {
        None | Some("http" | "https") if uri.path().starts_with('/') => Ok(Asked::Path),
        _ => Err(TargetFault::MalformedTarget),
    }
}

/// Whom the request is addressed to; none only in HTTP/1.0. A target with a host and a Host header must agree, although
/// RFC 9112 would let the target win: what stands behind might read the other one.
pub fn authority(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<Option<Authority>, TargetFault> {
    let mut hosts = headers.get_all(HOST).iter();
    let written = hosts.next();
    if hosts.next().is_some() {
        return Err(TargetFault::SeveralHosts);
    }
    let written = match written {
        Some(value) => Some(value.to_str().map_err(|_| TargetFault::MalformedHost)?),
        None => None,
    };
    let addressed = uri.authority().map(http::uri::Authority::as_str);
    match (addressed, written) {
        (None, None) if version < Version::HTTP_11 => Ok(None),
        (None, None) => Err(TargetFault::NoHost),
        (Some(one), None) | (None, Some(one)) => one.parse().map(Some),
        (Some(addressed), Some(written)) => {
            let (addressed, written): (Authority, Authority) = (addressed.parse()?, written.parse()?);
            if addressed == written { Ok(Some(addressed)) } else { Err(TargetFault::HostsDiffer) }
        }
    }
}

impl std::str::FromStr for Authority {
    type Err = TargetFault;

    /// Reads `host`, `host:port`, `[address]` and `[address]:port`; no user, no escapes, no empty host.
    fn from_str(text: &str) -> Result<Self, TargetFault> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or(TargetFault::MalformedHost)?;
                let address: std::net::Ipv6Addr = address.parse().map_err(|_| TargetFault::MalformedHost)?;
                (address.to_string(), port)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                (host_name(&text[..end])?, &text[end..])
            }
        };
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(port_number(digits)?),
            None if port.is_empty() => None,
            None => return Err(TargetFault::MalformedHost),
        };
        Ok(Self { host, port })
    }
}

fn host_name(text: &str) -> Result<String, TargetFault> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let may = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_good = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(may)
        && name.split('.').all(|label| !label.is_empty() && label.len() <= 63);
    if is_good { Ok(name.to_ascii_lowercase()) } else { Err(TargetFault::MalformedHost) }
}

fn port_number(digits: &str) -> Result<u16, TargetFault> {
    // `parse` alone would read `+80`.
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| digits.parse().ok()).flatten().ok_or(TargetFault::MalformedHost)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ask(version: Version, uri: &str, hosts: &[&str]) -> Result<Option<Authority>, TargetFault> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_str(host).unwrap());
        }
        authority(version, &uri.parse().unwrap(), &headers)
    }

    fn at(host: &str, port: Option<u16>) -> Result<Option<Authority>, TargetFault> {
        Ok(Some(Authority { host: host.into(), port }))
    }

    #[test]
    fn hosts_are_read_in_one_spelling() {
        let eleven = Version::HTTP_11;
        assert_eq!(ask(eleven, "/", &["API.Example.com"]), at("api.example.com", None));
        assert_eq!(ask(eleven, "/", &["example.com.:8443"]), at("example.com", Some(8443)));
        assert_eq!(ask(eleven, "/", &["[::0001]:80"]), at("::1", Some(80)));
        assert_eq!(ask(eleven, "/", &["my_app"]), at("my_app", None));
        assert_eq!(ask(eleven, "http://a.test/x", &["A.test"]), at("a.test", None));
        assert_eq!(ask(Version::HTTP_2, "https://a.test/x", &[]), at("a.test", None));
        assert_eq!(ask(Version::HTTP_10, "/", &[]), Ok(None));
    }

    #[test]
    fn fault_11_hosts_that_are_ambiguous_are_refused() {
        use TargetFault as F;
        let eleven = Version::HTTP_11;
        assert_eq!(ask(eleven, "/", &[]), Err(F::NoHost));
        assert_eq!(ask(Version::HTTP_2, "/", &[]), Err(F::NoHost));
        assert_eq!(ask(eleven, "/", &["a", "a"]), Err(F::SeveralHosts));
        assert_eq!(ask(eleven, "http://a.test/", &["b.test"]), Err(F::HostsDiffer));
        assert_eq!(ask(eleven, "http://a.test/", &["a.test:81"]), Err(F::HostsDiffer));
        for host in [
            "localhost:4000/#@attacker.example",
            "user@a.test",
            "a.test:",
            "a.test:+80",
            "a.test:65536",
            "a..test",
            "",
            ".",
            "a test",
            "a.test, b.test",
            "a%2etest",
            "[::1",
            "[::1]x",
            "[fe80::1%25eth0]",
            "a\\b",
        ] {
            assert_eq!(ask(eleven, "/", &[host]), Err(F::MalformedHost), "{host}");
        }
    }

    #[test]
    fn fault_15_targets_of_other_forms_and_tunnels_are_refused() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        assert_eq!(asked(&Method::GET, &uri("/x"), false), Ok(Asked::Path));
        assert_eq!(asked(&Method::OPTIONS, &uri("*"), false), Ok(Asked::Server));
        assert_eq!(asked(&Method::GET, &uri("*"), false), Err(TargetFault::MalformedTarget));
        assert_eq!(asked(&Method::GET, &uri("a.test:80"), false), Err(TargetFault::MalformedTarget));
        assert_eq!(asked(&Method::GET, &uri("ftp://a/x"), false), Err(TargetFault::MalformedTarget));
        assert_eq!(asked(&Method::TRACE, &uri("/"), false), Err(TargetFault::Method));
        assert_eq!(asked(&Method::CONNECT, &uri("a.test:80"), false), Err(TargetFault::Method));
        assert_eq!(asked(&Method::CONNECT, &uri("https://a.test/ws"), true), Ok(Asked::Path));
        assert_eq!(TargetFault::Method.status(), 405);
    }
}
