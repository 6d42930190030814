//! Heads of answers: status, the vendor's headers, and the headers that faults add.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::frames::{self, Step};
use crate::moment;
use crate::render::Event;
use crate::script::{Compression, Faults, Script};
use crate::vendor_error::{Complaint, Vendor};

/// An answer before it is tied to a connection.
pub(crate) struct Outgoing {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) steps: Vec<Step>,
    /// Told to hyper; a length that lies stands in `headers` instead.
    pub(crate) length: Option<u64>,
}

impl Outgoing {
    /// A body that is sent at once, as it is.
    pub(crate) fn plain(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let length = Some(body.len() as u64);
        let steps = if body.is_empty() { Vec::new() } else { vec![Step::Send(body)] };
        Self { status, headers, steps, length }
    }

    /// An error in the vendor's shape, with the waiting times that the script names.
    pub(crate) fn error(vendor: Vendor, complaint: &Complaint, request_id: &str, faults: &Faults) -> Self {
        let body = complaint.body(vendor, request_id, faults).to_string();
        let mut answer = Self::plain(complaint.status, json_type(vendor), body);
        let mut put = |name: &'static str, value: &Option<String>| {
            if let Some(Ok(value)) = value.as_deref().map(moment::retry_after).map(HeaderValue::try_from) {
                answer.headers.insert(name, value);
            }
        };
        put("retry-after", &faults.retry_after);
        put("retry-after-ms", &faults.retry_after_ms);
        answer
    }

    /// A plain body that the script may send in pieces, compressed, mislabelled or cut.
    pub(crate) fn body(vendor: Vendor, script: &Script, body: Vec<u8>) -> Self {
        let (steps, length) = frames::of_body(script, body);
        let mut answer = Self::plain(200, json_type(vendor), Bytes::new());
        answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        answer.length = None;
        answer.steps = steps;
        answer.label(script);
        answer
    }

    /// A stream of events.
    pub(crate) fn stream(vendor: Vendor, script: &Script, events: &[Event], style: frames::Style) -> Self {
        let content_type = match (style, vendor) {
            (frames::Style::JsonArray, _) => json_type(vendor),
            (_, Vendor::Gemini) => "text/event-stream",
            _ => "text/event-stream; charset=utf-8",
        };
        let mut answer = Self::plain(200, content_type, Bytes::new());
        answer.headers.insert("cache-control", HeaderValue::from_static("no-cache"));
        answer.length = None;
        answer.steps = frames::of_events(script, events, style);
        if script.faults.truncated {
            let sent =
                answer.steps.iter().map(|step| if let Step::Send(bytes) = step { bytes.len() } else { 0 });
            let length = sent.sum::<usize>() + 100;
            answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        answer.label(script);
        answer
    }

    /// A web page, as a proxy in front of a broken service sends it.
    pub(crate) fn html(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head>\n\
                    <body><h1>Bad gateway</h1><p>data: not an event</p></body></html>\n";
        Self::plain(status, "text/html; charset=utf-8", page)
    }

    /// Sends the client elsewhere.
    pub(crate) fn redirect(host: &str) -> Self {
        let mut answer = Self::plain(302, "text/plain", "elsewhere");
        if let Ok(target) = HeaderValue::try_from(format!("http://{host}/_trap")) {
            answer.headers.insert(LOCATION, target);
        }
        answer
    }

    fn label(&mut self, script: &Script) {
        if script.faults.wrong_type {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        let encoding = match script.framing.compression {
            Some(Compression::Gzip) => "gzip",
            Some(Compression::Brotli) => "br",
            None => return,
        };
        self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }

    /// Puts the vendor's usual headers on, and what the faults add.
    pub(crate) fn with_vendor_headers(mut self, vendor: Vendor, request_id: &str, faults: &Faults) -> Self {
        let mut put = |pairs: &[(&'static str, &'static str)]| {
            for (name, value) in pairs {
                self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
        };
        match vendor {
            Vendor::OpenAi => put(&OPENAI_HEADERS),
            Vendor::Anthropic => put(&ANTHROPIC_HEADERS),
            Vendor::Gemini => put(&GEMINI_HEADERS),
        }
        let id_header = if vendor == Vendor::Anthropic { "request-id" } else { "x-request-id" };
        if let (true, Ok(id)) = (vendor != Vendor::Gemini, HeaderValue::try_from(request_id)) {
            self.headers.insert(id_header, id);
        }
        self.burden(faults);
        self
    }

    fn burden(&mut self, faults: &Faults) {
        if faults.hop {
            for (name, value) in HOP_HEADERS {
                self.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
        }
        let value = HeaderValue::try_from("h".repeat(1024)).ok();
        for (nth, value) in (0..faults.big_headers.unwrap_or(0)).zip(std::iter::repeat(value).flatten()) {
            if let Ok(name) = HeaderName::try_from(format!("x-big-{nth}")) {
                self.headers.insert(name, value);
            }
        }
    }
}

fn json_type(vendor: Vendor) -> &'static str {
    if vendor == Vendor::Gemini { "application/json; charset=UTF-8" } else { "application/json" }
}

const OPENAI_HEADERS: [(&str, &str); 10] = [
    ("openai-version", "2020-10-01"),
    ("openai-organization", "testkit"),
    ("openai-processing-ms", "1"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "1999980"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "1s"),
    ("server", "testkit"),
];

const ANTHROPIC_HEADERS: [(&str, &str); 8] = [
    ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", "2026-11-01T00:00:00Z"),
    ("anthropic-ratelimit-tokens-limit", "400000"),
    ("anthropic-ratelimit-tokens-remaining", "399000"),
    ("anthropic-ratelimit-tokens-reset", "2026-11-01T00:00:00Z"),
    ("server", "testkit"),
];

const GEMINI_HEADERS: [(&str, &str); 3] =
    [("vary", "Origin, X-Origin, Referer"), ("server-timing", "gfet4t7; dur=1"), ("server", "testkit")];

/// Headers that must not pass a gateway.
const HOP_HEADERS: [(&str, &str); 6] = [
    ("connection", "x-hop"),
    ("x-hop", "per connection"),
    ("keep-alive", "timeout=5"),
    ("proxy-authenticate", "Basic realm=\"testkit\""),
    ("set-cookie", "upstream=1; Path=/"),
    ("set-cookie", "__cf_bm=2; HttpOnly"),
];
