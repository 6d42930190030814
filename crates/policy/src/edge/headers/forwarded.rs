//! The `Forwarded` header (RFC 7239).

use std::net::IpAddr;

/// A parameter of one element (`for=192.0.2.1;proto=https`), unquoted.
pub fn parameter(element: &str, name: &str) -> Option<String> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(its, _)| its.trim().eq_ignore_ascii_case(name))?;
    let value = value.trim();
    match value.strip_prefix('"') {
        // Neither addresses nor hosts hold anything that would be escaped.
        Some(inside) => inside.strip_suffix('"').map(str::to_owned),
        None => Some(value.to_owned()),
    }
}

/// One element: `for=…;host=…;proto=…`. `host` must be valid as a host; it is quoted.
pub fn element(client: IpAddr, host: Option<&str>, scheme: &str) -> String {
    let node = match client.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    };
    let host = host.map(|host| format!(";host=\"{host}\"")).unwrap_or_default();
    format!("for={node}{host};proto={scheme}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_as_they_are_read() {
        let written = element("2001:db8::1".parse().unwrap(), Some("a.test:8443"), "https");
        assert_eq!(written, "for=\"[2001:db8::1]\";host=\"a.test:8443\";proto=https");
        assert_eq!(parameter(&written, "for").as_deref(), Some("[2001:db8::1]"));
        assert_eq!(parameter(&written, "Host").as_deref(), Some("a.test:8443"));
        assert_eq!(parameter("for=1.2.3.4", "proto"), None);
        assert_eq!(parameter("for=\"1.2.3.4", "for"), None);
    }
}
