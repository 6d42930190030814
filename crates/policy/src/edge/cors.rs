//! Cross-origin requests: what browsers are told (the Fetch standard, section 3.2).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::headers::vary_on;
use crate::access::matches;

/// Which origins' pages may use a route, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsRules {
    /// Origins (`https://app.example.com`), with `*` for one or more labels or a port; `*` alone: any.
    pub origins: Vec<String>,
    /// Methods; empty: whichever is asked for.
    pub methods: Vec<Method>,
    /// Request headers; empty: whichever are asked for.
    pub headers: Vec<HeaderName>,
    /// Headers of the answer that pages may read.
    pub exposed: Vec<HeaderName>,
    /// Whether pages may send cookies and read what they get.
    pub credentials: bool,
    /// Seconds for which a browser need not ask again.
    pub max_age: Option<u32>,
}

impl CorsRules {
    /// What must not be: with credentials, any page could act as its visitor.
    pub fn fault(&self) -> Option<&'static str> {
        let is_any = self.credentials && self.allows_any();
        is_any.then_some("`credentials` need origins; with `*` any page could act as its visitor")
    }

    fn allows_any(&self) -> bool {
        self.origins.iter().any(|origin| origin == "*")
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        self.origins.iter().any(|pattern| is_origin(pattern, origin))
    }

    /// The headers of the answer (204) if the request is a preflight; it never reaches an upstream. Where something is not
    /// allowed, the headers that would allow it are missing, and the browser refuses.
    pub fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<HeaderMap> {
        let origin = request.get(ORIGIN).filter(|_| *method == Method::OPTIONS)?;
        let asked = request.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let mut answer = HeaderMap::new();
        for name in [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS] {
            vary_on(&mut answer, &name);
        }
        if !self.put_origin(origin, &mut answer) {
            return Some(answer);
        }
        let methods = joined(self.methods.iter().map(Method::as_str));
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.unwrap_or_else(|| asked.clone()));
        let headers = joined(self.headers.iter().map(HeaderName::as_str));
        if let Some(headers) = headers.or_else(|| request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned()) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
        }
        if let Some(seconds) = self.max_age {
            answer.insert(ACCESS_CONTROL_MAX_AGE, seconds.into());
        }
        Some(answer)
    }

    /// Marks the answer to any other request. What the upstream says of CORS is replaced: two of a header are none.
    pub fn mark(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            ACCESS_CONTROL_MAX_AGE,
        ] {
            answer.remove(name);
        }
        if !self.allows_any() {
            // Also without an origin: a cache must not give that answer to a page.
            vary_on(answer, &ORIGIN);
        }
        let Some(origin) = origin else { return };
        if self.put_origin(origin, answer)
            && let Some(exposed) = joined(self.exposed.iter().map(HeaderName::as_str))
        {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    fn put_origin(&self, origin: &HeaderValue, answer: &mut HeaderMap) -> bool {
        if self.allows_any() {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return true;
        }
        if !self.allows(origin) {
            return false;
        }
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.credentials {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        true
    }
}

fn is_origin(pattern: &str, origin: &str) -> bool {
    // A star holds labels or a port, never a scheme's end or a path.
    let is_plain = |origin: &str| {
        let rest = origin.split_once("://").map_or("", |(_, rest)| rest);
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    };
    if pattern.contains('*') { is_plain(origin) && matches(pattern, origin) } else { pattern == origin }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Option<HeaderValue> {
    let all = words.collect::<Vec<_>>().join(", ");
    if all.is_empty() { None } else { HeaderValue::try_from(all).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn rules(origins: &[&str]) -> CorsRules {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        CorsRules { origins, credentials: true, max_age: Some(600), ..CorsRules::default() }
    }

    const ASKED: &[(&str, &str)] = &[
        ("origin", "https://app.test"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-a,authorization"),
    ];

    #[test]
    fn a_preflight_is_answered_for_origins_that_may() {
        let answer = rules(&["https://app.test"]).preflight(&Method::OPTIONS, &map(ASKED)).unwrap();
        assert_eq!(answer["access-control-allow-origin"], "https://app.test");
        assert_eq!(answer["access-control-allow-credentials"], "true");
        assert_eq!(answer["access-control-allow-methods"], "PUT");
        assert_eq!(answer["access-control-allow-headers"], "x-a,authorization");
        assert_eq!(answer["access-control-max-age"], "600");
        assert_eq!(answer.get_all("vary").iter().count(), 3);
        let refused = rules(&["https://other.test"]).preflight(&Method::OPTIONS, &map(ASKED)).unwrap();
        assert_eq!(refused.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["vary"]);
    }

    #[test]
    fn only_a_preflight_is_one() {
        let rules = rules(&["*"]);
        assert_eq!(rules.preflight(&Method::GET, &map(ASKED)), None);
        assert_eq!(rules.preflight(&Method::OPTIONS, &map(&ASKED[..1])), None);
        assert_eq!(rules.preflight(&Method::OPTIONS, &map(&ASKED[1..])), None);
    }

    #[test]
    fn any_origin_never_comes_with_credentials() {
        let rules = rules(&["*"]);
        assert!(rules.fault().is_some());
        let mut answer = HeaderMap::new();
        rules.mark(Some(&HeaderValue::from_static("https://evil.test")), &mut answer);
        assert_eq!(answer, map(&[("access-control-allow-origin", "*")]));
    }

    #[test]
    fn an_answer_is_marked_once_and_varies() {
        let rules = CorsRules { exposed: vec!["x-id".parse().unwrap()], ..rules(&["https://*.app.test"]) };
        let upstream = [("access-control-allow-origin", "*"), ("vary", "Accept")];
        let mut answer = map(&upstream);
        rules.mark(Some(&HeaderValue::from_static("https://a.app.test")), &mut answer);
        let origins: Vec<_> = answer.get_all("access-control-allow-origin").iter().collect();
        assert_eq!(origins, ["https://a.app.test"]);
        assert_eq!(answer["access-control-expose-headers"], "x-id");
        assert_eq!(answer.get_all("vary").iter().collect::<Vec<_>>(), ["Accept", "origin"]);
        for stranger in ["https://app.test.evil", "null", "https://evil/x.app.test", "http://a.app.test"] {
            let mut answer = map(&upstream);
            rules.mark(Some(&stranger.parse().unwrap()), &mut answer);
            assert!(!answer.contains_key("access-control-allow-origin"), "{stranger}");
        }
    }
}
