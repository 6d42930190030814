//! The preset of headers that make browsers careful. What the upstream or a route set itself stays.

use http::header::{
    HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// HTTP Strict Transport Security (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hsts {
    /// Seconds.
    pub max_age: u64,
    /// Names below the host, too.
    pub include_subdomains: bool,
    /// May be put on browsers' own lists; that is hard to undo.
    pub preload: bool,
}

impl Default for Hsts {
    /// Two years, this host only: what is below it may not have certificates.
    fn default() -> Self {
        Self { max_age: 63_072_000, include_subdomains: false, preload: false }
    }
}

const PRESET: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "SAMEORIGIN"),
    (REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
];

/// Adds the preset to an answer. HSTS is told over TLS only, as browsers must ignore it elsewhere.
pub fn secure(headers: &mut HeaderMap, hsts: Option<Hsts>, is_tls: bool) {
    for (name, value) in PRESET {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Some(hsts) = hsts.filter(|_| is_tls) {
        let subdomains = if hsts.include_subdomains { "; includeSubDomains" } else { "" };
        let preload = if hsts.preload { "; preload" } else { "" };
        let value = format!("max-age={}{subdomains}{preload}", hsts.max_age);
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preset_fills_in_what_is_not_there() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        secure(&mut headers, Some(Hsts::default()), false);
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
        let hsts = Hsts { max_age: 1, include_subdomains: true, preload: true };
        secure(&mut headers, Some(hsts), true);
        assert_eq!(headers[STRICT_TRANSPORT_SECURITY], "max-age=1; includeSubDomains; preload");
    }
}
