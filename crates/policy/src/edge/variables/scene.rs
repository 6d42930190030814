//! What variables stand for: everything known about one request at the moment.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, StatusCode, Version};
use tidegate_core::digits::{push_address, push_number};

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

impl Scene<'_> {
    /// Appends a variable's value; none, and nothing is appended, when it is not known or does not apply.
    pub fn push(&self, variable: &Variable, out: &mut Vec<u8>) -> Option<()> {
        match variable {
            Variable::Word(word) => self.push_word(word, out),
            Variable::RequestHeader(name) => push_header(out, self.headers(), name),
            Variable::AnswerHeader(name) => push_header(out, self.answer.map(|(_, headers)| headers), name),
            Variable::UpstreamHeader(name) => push_header(out, self.upstream_headers, name),
            Variable::Argument(name) => push_text(out, query::raw_value(self.query?, name)),
            Variable::Cookie(name) => push_cookie(out, self.headers()?, name),
        }
    }

    fn headers(&self) -> Option<&HeaderMap> {
        self.request.map(|(_, _, headers)| headers)
    }

    fn push_word(&self, word: &str, out: &mut Vec<u8>) -> Option<()> {
        match word {
            "args" | "query_string" => push_text(out, self.query),
            "is_args" => {
                push_text(out, Some(if self.query.is_some_and(|query| !query.is_empty()) { "?" } else { "" }))
            }
            "host" => match self.host {
                Some(address) if address.contains(':') => {
                    ["[", address, "]"].iter().try_for_each(|part| push_text(out, Some(part)))
                }
                host => push_text(out, host),
            },
            "scheme" => push_text(out, self.scheme),
            "uri" => push_text(out, self.path),
            "request_uri" => push_text(out, self.request_uri),
            "request_id" => push_text(out, self.request_id),
            "request_method" => push_text(out, self.request.map(|(method, ..)| method.as_str())),
            "server_protocol" => push_text(out, self.request.map(|(_, version, _)| protocol(version))),
            "request" => {
                let (method, version, _) = self.request?;
                let uri = self.request_uri.unwrap_or_default();
                let parts = [method.as_str(), " ", uri, " ", protocol(version)];
                parts.iter().try_for_each(|part| push_text(out, Some(part)))
            }
            "remote_addr" => push_ip(out, self.client.or(self.peer.map(|peer| peer.ip()))),
            "remote_port" => push_count(out, self.peer.map(|peer| peer.port().into())),
            "remote_user" => push_text(out, self.user),
            "server_addr" => push_ip(out, self.local.map(|local| local.ip())),
            "server_port" => push_count(out, self.local.map(|local| local.port().into())),
            "route" => push_text(out, self.route),
            "upstream_cache_status" => push_text(out, self.cache_status),
            "connection" => push_count(out, self.connection.map(|(number, _)| number)),
            "connection_requests" => push_count(out, self.connection.map(|(_, requests)| requests)),
            "ssl_protocol" => push_text(out, self.tls.map(|(version, ..)| version)),
            "ssl_cipher" => push_text(out, self.tls.map(|(_, cipher, _)| cipher)),
            "ssl_server_name" => push_text(out, self.tls.and_then(|(.., name)| name)),
            _ => self.push_measured(word, out),
        }
    }

    /// Times, sizes and outcomes.
    fn push_measured(&self, word: &str, out: &mut Vec<u8>) -> Option<()> {
        let seconds = self.now.div_euclid(1_000_000);
        match word {
            "msec" => push_seconds(out, Some(Duration::from_micros(self.now.unsigned_abs()))),
            "time_local" => {
                http_date::push_common_log(out, seconds);
                Some(())
            }
            "time_iso8601" => {
                http_date::push_iso8601(out, seconds);
                Some(())
            }
            "status" => push_count(out, self.answer.map(|(status, _)| status.as_u16().into())),
            "bytes_sent" => push_count(out, self.sent.map(|(all, _)| all)),
            "body_bytes_sent" => push_count(out, self.sent.map(|(_, body)| body)),
            "request_length" => push_count(out, self.request_length),
            "request_time" => push_seconds(out, self.elapsed),
            "upstream_addr" => self.push_tries(out, |one, out| push_text(out, Some(one.address))),
            "upstream_status" => self
                .push_tries(out, |one, out| push_count(out, one.status.map(|status| status.as_u16().into()))),
            "upstream_connect_time" => self.push_tries(out, |one, out| push_seconds(out, one.connected)),
            "upstream_header_time" => self.push_tries(out, |one, out| push_seconds(out, one.head)),
            "upstream_response_time" => self.push_tries(out, |one, out| push_seconds(out, one.end)),
            "upstream_bytes_received" => self.push_tries(out, |one, out| push_count(out, Some(one.received))),
            _ => None,
        }
    }

    /// One value for each server; `-` where there is none.
    fn push_tries(
        &self,
        out: &mut Vec<u8>,
        push: impl Fn(&Try<'_>, &mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        for (place, one) in self.tries.iter().enumerate() {
            if place > 0 {
                out.extend_from_slice(b", ");
            }
            push(one, out).unwrap_or_else(|| out.push(b'-'));
        }
        (!self.tries.is_empty()).then_some(())
    }
}

/// Several headers of one name become one value (RFC 9110, section 5.3).
fn push_header(out: &mut Vec<u8>, headers: Option<&HeaderMap>, name: &HeaderName) -> Option<()> {
    let mut values = headers?.get_all(name).iter();
    out.extend_from_slice(values.next()?.as_bytes());
    for value in values {
        out.extend_from_slice(b", ");
        out.extend_from_slice(value.as_bytes());
    }
    Some(())
}

fn push_cookie(out: &mut Vec<u8>, headers: &HeaderMap, name: &str) -> Option<()> {
    let cookies = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    push_text(out, pairs.find(|(its, _)| *its == name).map(|(_, value)| value))
}

fn push_text(out: &mut Vec<u8>, text: Option<&str>) -> Option<()> {
    out.extend_from_slice(text?.as_bytes());
    Some(())
}

fn push_ip(out: &mut Vec<u8>, address: Option<IpAddr>) -> Option<()> {
    push_address(out, address?);
    Some(())
}

fn push_count(out: &mut Vec<u8>, count: Option<u64>) -> Option<()> {
    push_number(out, count?, 1);
    Some(())
}

/// Seconds with milliseconds.
fn push_seconds(out: &mut Vec<u8>, time: Option<Duration>) -> Option<()> {
    let time = time?;
    push_number(out, time.as_secs(), 1);
    out.push(b'.');
    push_number(out, time.subsec_millis().into(), 3);
    Some(())
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}
