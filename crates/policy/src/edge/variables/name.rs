//! The names of variables: nginx' words where nginx has one.

use http::HeaderName;

/// What a template can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `$name`: one of [`WORDS`].
    Word(&'static str),
    /// `$http_NAME`: a header of the request.
    RequestHeader(HeaderName),
    /// `$sent_http_NAME`: a header of the answer.
    AnswerHeader(HeaderName),
    /// `$upstream_http_NAME`: a header of the upstream's answer.
    UpstreamHeader(HeaderName),
    /// `$arg_NAME`: a part of the query, not decoded.
    Argument(String),
    /// `$cookie_NAME`: a cookie of the request.
    Cookie(String),
}

/// All names without a free part, with what they mean.
pub const WORDS: &[(&str, &str)] = &[
    ("args", "the query"),
    ("body_bytes_sent", "bytes of the answer's body"),
    ("bytes_sent", "bytes of the whole answer"),
    ("connection", "number of the connection"),
    ("connection_requests", "number of the request on its connection"),
    ("host", "the request's host, without its port"),
    ("is_args", "`?` when there is a query"),
    ("msec", "time in seconds with milliseconds"),
    ("query_string", "the query"),
    ("remote_addr", "the client's address, behind trusted proxies"),
    ("remote_port", "the port of the connection's other end"),
    ("remote_user", "the name in basic authentication"),
    ("request", "the request line"),
    ("request_id", "the request's id"),
    ("request_length", "bytes of the request"),
    ("request_method", "the method"),
    ("request_time", "seconds from the first byte of the request to the last of the answer"),
    ("request_uri", "path and query as they came"),
    ("route", "the route's name"),
    ("scheme", "`http` or `https`"),
    ("server_addr", "the address that the client connected to"),
    ("server_port", "the port that the client connected to"),
    ("server_protocol", "`HTTP/1.1`, `HTTP/2.0`"),
    ("ssl_cipher", "TLS: the cipher"),
    ("ssl_protocol", "TLS: the version"),
    ("ssl_server_name", "TLS: the name asked for"),
    ("status", "the answer's status"),
    ("time_iso8601", "time as ISO 8601 has it"),
    ("time_local", "time as the combined log has it"),
    ("upstream_addr", "addresses of the servers that were asked"),
    ("upstream_bytes_received", "bytes from each server"),
    ("upstream_cache_status", "what the cache did: HIT, MISS, STALE, …"),
    ("upstream_connect_time", "seconds to connect, for each server"),
    ("upstream_header_time", "seconds to the answer's head, for each server"),
    ("upstream_response_time", "seconds to the answer's end, for each server"),
    ("upstream_status", "status of each server's answer"),
    ("uri", "the path in its one spelling"),
];

/// Where a template stands, and so what can be known when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// On the way to a server, or in place of one: the request is known.
    Request,
    /// The head of the answer is there.
    Answer,
    /// All is over.
    Log,
}

impl Variable {
    /// As it is written behind `$`.
    pub fn name(&self) -> String {
        let header = |prefix: &str, name: &HeaderName| format!("{prefix}{}", name.as_str().replace('-', "_"));
        match self {
            Self::Word(word) => (*word).to_owned(),
            Self::RequestHeader(name) => header("http_", name),
            Self::AnswerHeader(name) => header("sent_http_", name),
            Self::UpstreamHeader(name) => header("upstream_http_", name),
            Self::Argument(name) => format!("arg_{name}"),
            Self::Cookie(name) => format!("cookie_{name}"),
        }
    }

    /// Why it would always be empty at that moment; `None`: it is known.
    pub fn is_unknown_at(&self, moment: Moment) -> Option<&'static str> {
        match self {
            Self::RequestHeader(_) | Self::Argument(_) | Self::Cookie(_) => None,
            Self::AnswerHeader(_) | Self::UpstreamHeader(_) => match moment {
                Moment::Request => Some("is known when the answer is there"),
                Moment::Answer => None,
                Moment::Log => Some("is gone when the line is written; take headers of the request"),
            },
            Self::Word(word) => match (*word, moment) {
                (
                    "connection" | "connection_requests" | "server_addr" | "server_port" | "request_length",
                    _,
                ) => Some("is not known here"),
                ("status", Moment::Request) => Some("is known when the answer is there"),
                ("upstream_cache_status", Moment::Answer) | (_, Moment::Log) => None,
                (word, _) if word.starts_with("upstream_") || MEASURED.contains(&word) => {
                    Some("is known when all is over; it belongs into `access_log_format`")
                }
                _ => None,
            },
        }
    }
}

/// What is measured to the end of the answer.
const MEASURED: [&str; 3] = ["body_bytes_sent", "bytes_sent", "request_time"];

impl std::str::FromStr for Variable {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Ok(place) = WORDS.binary_search_by(|(word, _)| word.cmp(&name)) {
            return Ok(Self::Word(WORDS[place].0));
        }
        let header = |rest: &str| {
            let name = rest.replace('_', "-").to_ascii_lowercase();
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`${rest}`: no name of a header"))
        };
        // `upstream_http_` and `sent_http_` before `http_` only for the reader; none is a prefix of another.
        if let Some(rest) = name.strip_prefix("upstream_http_") {
            return header(rest).map(Self::UpstreamHeader);
        }
        if let Some(rest) = name.strip_prefix("sent_http_") {
            return header(rest).map(Self::AnswerHeader);
        }
        if let Some(rest) = name.strip_prefix("http_") {
            return header(rest).map(Self::RequestHeader);
        }
        if let Some(rest) = name.strip_prefix("arg_").filter(|rest| !rest.is_empty()) {
            return Ok(Self::Argument(rest.to_owned()));
        }
        if let Some(rest) = name.strip_prefix("cookie_").filter(|rest| !rest.is_empty()) {
            return Ok(Self::Cookie(rest.to_owned()));
        }
        let near =
            WORDS.iter().map(|(word, _)| *word).find(|word| word.contains(name) || name.contains(word));
        let hint = near.map(|word| format!("; did you mean `${word}`?")).unwrap_or_default();
        Err(format!("`${name}` is no variable{hint}"))
    }
}
