//! When another server of a pool is asked: nginx' `proxy_next_upstream` with its care for requests that must not be done twice.

use std::time::Duration;

use http::{Method, StatusCode};

/// How an attempt at one server failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// It could not be reached, or the connection broke.
    Error,
    /// It took too long to connect, to take the request or to begin its answer.
    Timeout,
    /// It answered nothing, or what is no HTTP.
    InvalidHeader,
    /// It answered with this status.
    Status(StatusCode),
}

/// Which failures send a request on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextUpstream {
    /// `error`.
    pub error: bool,
    /// `timeout`.
    pub timeout: bool,
    /// `invalid_header`.
    pub invalid_header: bool,
    /// `http_500`, `http_502`, `http_503`, `http_504`, `http_403`, `http_404`, `http_429`.
    pub statuses: Vec<StatusCode>,
    /// `non_idempotent`: also requests that do something twice when they are sent twice.
    pub non_idempotent: bool,
    /// Servers that may be asked, with the first; `None`: all of the pool.
    pub tries: Option<u32>,
    /// No other server is asked when this long has passed since the first was.
    pub within: Option<Duration>,
}

impl Default for NextUpstream {
    /// nginx' own: `error timeout`.
    fn default() -> Self {
        Self {
            error: true,
            timeout: true,
            invalid_header: false,
            statuses: Vec::new(),
            non_idempotent: false,
            tries: None,
            within: None,
        }
    }
}

/// What has happened so far.
#[derive(Clone, Copy, Debug)]
pub struct Tried<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// Whether any byte of the request may have reached the server.
    pub was_sent: bool,
    /// Whether the body can be sent again: there is none, or all of it is kept.
    pub is_repeatable: bool,
    /// Whether the client has got any byte of an answer.
    pub has_begun: bool,
    /// Servers that were asked.
    pub tries: u32,
    /// Since the first was asked.
    pub elapsed: Duration,
}

impl NextUpstream {
    /// Whether the request may be sent to another server.
    pub fn may_go_on(&self, failing: Failing, tried: Tried<'_>) -> bool {
        if tried.has_begun
            || !tried.is_repeatable
            || self.tries.is_some_and(|most| tried.tries >= most)
            || self.within.is_some_and(|within| tried.elapsed >= within)
        {
            return false;
        }
        if tried.was_sent && !self.non_idempotent && !is_idempotent(tried.method) {
            return false;
        }
        match failing {
            Failing::Error => self.error,
            Failing::Timeout => self.timeout,
            Failing::InvalidHeader => self.invalid_header,
            Failing::Status(status) => self.statuses.contains(&status),
        }
    }

    /// Reads nginx' words; `off` stands alone.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut rules = Self { error: false, timeout: false, ..Self::default() };
        for word in words {
            match word {
                "off" => {}
                "error" => rules.error = true,
                "timeout" => rules.timeout = true,
                "invalid_header" => rules.invalid_header = true,
                "non_idempotent" => rules.non_idempotent = true,
                _ => rules.statuses.push(status(word)?),
            }
        }
        Ok(rules)
    }
}

fn status(word: &str) -> Result<StatusCode, String> {
    let code = word.strip_prefix("http_").and_then(|code| code.parse::<u16>().ok());
    let known = code.filter(|code| matches!(code, 403 | 404 | 429 | 500..=599));
    known.and_then(|code| StatusCode::from_u16(code).ok()).ok_or_else(|| {
        format!("`{word}` is none of: error timeout invalid_header non_idempotent off http_403 http_404 http_429 http_5xx")
    })
}

/// RFC 9110, section 9.2.2, with WebDAV's (RFC 4918). What is not known is taken for a method that does something.
fn is_idempotent(method: &Method) -> bool {
    matches!(
        method.as_str(),
        "GET"
            | "HEAD"
            | "OPTIONS"
            | "TRACE"
            | "PUT"
            | "DELETE"
            | "PROPFIND"
            | "PROPPATCH"
            | "MKCOL"
            | "COPY"
            | "MOVE"
            | "UNLOCK"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Tried<'_> = Tried {
        method: &Method::GET,
        was_sent: true,
        is_repeatable: true,
        has_begun: false,
        tries: 1,
        elapsed: Duration::ZERO,
    };

    #[test]
    fn a_request_that_does_something_is_not_sent_twice() {
        let rules = NextUpstream::default();
        assert!(rules.may_go_on(Failing::Error, FRESH));
        let post = Tried { method: &Method::POST, ..FRESH };
        assert!(!rules.may_go_on(Failing::Error, post));
        assert!(rules.may_go_on(Failing::Error, Tried { was_sent: false, ..post }));
        let bold = NextUpstream { non_idempotent: true, ..rules };
        assert!(bold.may_go_on(Failing::Error, post));
        let custom = Method::from_bytes(b"REPORT2").unwrap();
        assert!(!NextUpstream::default().may_go_on(Failing::Error, Tried { method: &custom, ..FRESH }));
    }

    #[test]
    fn nothing_goes_on_once_it_cannot_be_undone() {
        let rules =
            NextUpstream { tries: Some(2), within: Some(Duration::from_secs(5)), ..NextUpstream::default() };
        assert!(rules.may_go_on(Failing::Timeout, FRESH));
        for tried in [
            Tried { has_begun: true, ..FRESH },
            Tried { is_repeatable: false, ..FRESH },
            Tried { tries: 2, ..FRESH },
            Tried { elapsed: Duration::from_secs(5), ..FRESH },
        ] {
            assert!(!rules.may_go_on(Failing::Timeout, tried), "{tried:?}");
        }
    }

    #[test]
    fn nginx_words_say_which_failures_count() {
        let rules = NextUpstream::from_words(["error", "http_502", "http_429"]).unwrap();
        assert!(rules.may_go_on(Failing::Status(StatusCode::BAD_GATEWAY), FRESH));
        assert!(rules.may_go_on(Failing::Status(StatusCode::TOO_MANY_REQUESTS), FRESH));
        assert!(!rules.may_go_on(Failing::Status(StatusCode::NOT_FOUND), FRESH));
        assert!(!rules.may_go_on(Failing::Timeout, FRESH));
        assert!(!rules.may_go_on(Failing::InvalidHeader, FRESH));
        let off = NextUpstream::from_words(["off"]).unwrap();
        assert!(!off.may_go_on(Failing::Error, FRESH));
        for bad in ["errors", "http_200", "http_x"] {
            assert!(NextUpstream::from_words([bad]).is_err(), "{bad}");
        }
    }
}
