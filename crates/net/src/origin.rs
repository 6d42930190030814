//! Where an upstream is: scheme, host and port.

use std::fmt;

use http::uri::{Authority, Scheme, Uri};

/// Scheme, host and port of an upstream; lanes are pooled by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A base URL that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL at all.
    #[error("`{0}` is not a URL; write it as https://host/path")]
    NotUrl(String),
    /// Neither `http` nor `https`.
    #[error("`{0}` must begin with http:// or https://")]
    Scheme(String),
    /// Names a user or password, which would end up in logs.
    #[error("a URL must not carry a user name or password")]
    UserInfo,
}

impl Origin {
    /// Splits a base URL into its origin and its path without a final slash: `https://api.openai.com/v1` gives
    /// `api.openai.com:443` and `/v1`.
    pub fn parse(base_url: &str) -> Result<(Self, String), OriginError> {
        let uri: Uri = base_url.parse().map_err(|_| OriginError::NotUrl(base_url.to_owned()))?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(OriginError::Scheme(base_url.to_owned())),
        };
        let authority: &Authority =
            uri.authority().ok_or_else(|| OriginError::NotUrl(base_url.to_owned()))?;
        if authority.as_str().contains('@') {
            return Err(OriginError::UserInfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok((Self { tls, host, port }, uri.path().trim_end_matches('/').to_owned()))
    }

    /// The value of the `Host` header: without the scheme's own port.
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.host_header())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_base_urls() {
        let (origin, path) = Origin::parse("https://api.openai.com/v1/").unwrap();
        assert_eq!(
            (origin.to_string().as_str(), origin.port, path.as_str()),
            ("https://api.openai.com", 443, "/v1")
        );
        let (origin, path) = Origin::parse("http://[::1]:8000").unwrap();
        assert_eq!((origin.host_header().as_str(), path.as_str()), ("[::1]:8000", ""));
    }

    #[test]
    fn refuses_what_is_no_base_url() {
        assert_eq!(Origin::parse("ftp://x/"), Err(OriginError::Scheme("ftp://x/".into())));
        assert_eq!(Origin::parse("http://user:pw@x/"), Err(OriginError::UserInfo));
        assert!(matches!(
            Origin::parse("api.openai.com"),
            Err(OriginError::Scheme(_) | OriginError::NotUrl(_))
        ));
    }
}
