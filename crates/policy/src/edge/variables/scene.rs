//! What variables stand for: everything known about one request at the moment.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, StatusCode, Version};

use super::Variable;
use crate::edge::{http_date, query};

/// One request as templates see it. What is not known yet is `None`, and empty (or `-`) when it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene<'a> {
    /// The request's head.
    pub request: Option<(&'a Method, Version, &'a HeaderMap)>,
    /// Path and query as they came.
    pub request_uri: Option<&'a str>,
    /// The path in its one spelling.
    pub path: Option<&'a str>,
    /// The query without `?`.
    pub query: Option<&'a str>,
    /// The host without its port; an IPv6 address without its brackets, which `$host` has.
    pub host: Option<&'a str>,
    /// `http` or `https`.
    pub scheme: Option<&'a str>,
    /// The client, behind trusted proxies.
    pub client: Option<IpAddr>,
    /// The connection's other end.
    pub peer: Option<SocketAddr>,
    /// The connection's near end.
    pub local: Option<SocketAddr>,
    /// Who signed in with basic authentication.
    pub user: Option<&'a str>,
    /// The request's id.
    pub request_id: Option<&'a str>,
    /// The route's name.
    pub route: Option<&'a str>,
    /// Number of the connection, and of the request on it.
    pub connection: Option<(u64, u64)>,
    /// TLS: version, cipher, server name.
    pub tls: Option<(&'a str, &'a str, Option<&'a str>)>,
    /// Microseconds since 1970-01-01 UTC.
    pub now: i64,
    /// Since the request's first byte.
    pub elapsed: Option<Duration>,
    /// Bytes of the request.
    pub request_length: Option<u64>,
    /// The answer's head.
    pub answer: Option<(StatusCode, &'a HeaderMap)>,
    /// Bytes of the answer: all of it, and of its body.
    pub sent: Option<(u64, u64)>,
    /// Servers that were asked, in order.
    pub tries: &'a [Try<'a>],
    /// The head of the last server's answer.
    pub upstream_headers: Option<&'a HeaderMap>,
    /// What the cache did.
    pub cache_status: Option<&'a str>,
}

/// One server that was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Try<'a> {
    /// Its address.
    pub address: &'a str,
    /// Its answer's status.
    pub status: Option<StatusCode>,
    /// Until it was connected.
    pub connected: Option<Duration>,
    /// Until the answer's head was there.
    pub head: Option<Duration>,
    /// Until the answer's end.
    pub end: Option<Duration>,
    /// Bytes that came from it.
    pub received: u64,
}

type Value<'a> = Option<Cow<'a, [u8]>>;

impl<'a> Scene<'a> {
    /// A variable's value; none when it is not known or does not apply.
    pub fn value(&self, variable: &Variable) -> Value<'a> {
        let headers = self.request.map(|(_, _, headers)| headers);
        match variable {
            Variable::Word(word) => self.word(word),
            Variable::RequestHeader(name) => header(headers, name),
            Variable::AnswerHeader(name) => header(self.answer.map(|(_, headers)| headers), name),
            Variable::UpstreamHeader(name) => header(self.upstream_headers, name),
            Variable::Argument(name) => text(query::raw_value(self.query?, name)),
            Variable::Cookie(name) => cookie(headers?, name),
        }
    }

    fn word(&self, word: &str) -> Value<'a> {
        match word {
            "args" | "query_string" => text(self.query),
            "is_args" => text(Some(if self.query.is_some_and(|query| !query.is_empty()) { "?" } else { "" })),
            "host" => match self.host {
                Some(address) if address.contains(':') => Some(owned(format!("[{address}]"))),
                host => text(host),
            },
            "scheme" => text(self.scheme),
            "uri" => text(self.path),
            "request_uri" => text(self.request_uri),
            "request_id" => text(self.request_id),
            "request_method" => text(self.request.map(|(method, ..)| method.as_str())),
            "server_protocol" => text(self.request.map(|(_, version, _)| protocol(version))),
            "request" => self.request.map(|(method, version, _)| {
                let uri = self.request_uri.unwrap_or_default();
                owned(format!("{method} {uri} {}", protocol(version)))
            }),
            "remote_addr" => shown(self.client.or(self.peer.map(|peer| peer.ip()))),
            "remote_port" => shown(self.peer.map(|peer| peer.port())),
            "remote_user" => text(self.user),
            "server_addr" => shown(self.local.map(|local| local.ip())),
            "server_port" => shown(self.local.map(|local| local.port())),
            "route" => text(self.route),
            "upstream_cache_status" => text(self.cache_status),
            "connection" => shown(self.connection.map(|(number, _)| number)),
            "connection_requests" => shown(self.connection.map(|(_, requests)| requests)),
            "ssl_protocol" => text(self.tls.map(|(version, ..)| version)),
            "ssl_cipher" => text(self.tls.map(|(_, cipher, _)| cipher)),
            "ssl_server_name" => text(self.tls.and_then(|(.., name)| name)),
            _ => self.measured(word),
        }
    }

    /// Times, sizes and outcomes.
    fn measured(&self, word: &str) -> Value<'a> {
        let seconds = self.now.div_euclid(1_000_000);
        match word {
            "msec" => Some(owned(format!("{seconds}.{:03}", self.now.rem_euclid(1_000_000) / 1_000))),
            "time_local" => Some(owned(http_date::common_log(seconds))),
            "time_iso8601" => Some(owned(http_date::iso8601(seconds))),
            "status" => shown(self.answer.map(|(status, _)| status.as_u16())),
            "bytes_sent" => shown(self.sent.map(|(all, _)| all)),
            "body_bytes_sent" => shown(self.sent.map(|(_, body)| body)),
            "request_length" => shown(self.request_length),
            "request_time" => self.elapsed.map(|elapsed| owned(in_seconds(elapsed))),
            "upstream_addr" => self.of_tries(|one| Some(one.address.to_owned())),
            "upstream_status" => self.of_tries(|one| one.status.map(|status| status.as_u16().to_string())),
            "upstream_connect_time" => self.of_tries(|one| one.connected.map(in_seconds)),
            "upstream_header_time" => self.of_tries(|one| one.head.map(in_seconds)),
            "upstream_response_time" => self.of_tries(|one| one.end.map(in_seconds)),
            "upstream_bytes_received" => self.of_tries(|one| Some(one.received.to_string())),
            _ => None,
        }
    }

    fn of_tries(&self, tell: impl Fn(&Try<'_>) -> Option<String>) -> Value<'a> {
        if self.tries.is_empty() {
            return None;
        }
        let all: Vec<String> =
            self.tries.iter().map(|one| tell(one).unwrap_or_else(|| "-".to_owned())).collect();
        Some(owned(all.join(", ")))
    }
}

/// Several headers of one name become one value (RFC 9110, section 5.3).
fn header<'a>(headers: Option<&'a HeaderMap>, name: &HeaderName) -> Value<'a> {
    let mut values = headers?.get_all(name).iter();
    let first = values.next()?.as_bytes();
    let mut joined = Cow::Borrowed(first);
    for value in values {
        let all = joined.to_mut();
        all.extend_from_slice(b", ");
        all.extend_from_slice(value.as_bytes());
    }
    Some(joined)
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Value<'a> {
    let cookies = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    text(pairs.find(|(its, _)| *its == name).map(|(_, value)| value))
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map(|value| Cow::Borrowed(value.as_bytes()))
}

fn owned<'a>(value: String) -> Cow<'a, [u8]> {
    Cow::Owned(value.into_bytes())
}

fn shown<'a>(value: Option<impl std::fmt::Display>) -> Value<'a> {
    value.map(|value| owned(value.to_string()))
}

fn in_seconds(time: Duration) -> String {
    format!("{}.{:03}", time.as_secs(), time.subsec_millis())
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}
