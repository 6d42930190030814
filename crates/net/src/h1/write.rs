//! A request as bytes: its head and a small body in one piece, a large body beside it, a streamed one as it comes.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use tidegate_core::pieces::Pieces;
use tokio::io::AsyncWrite;

use super::error::Error;
use super::head::Asked;
use super::outgoing::{BodyError, Heading, Outgoing};
use super::unsent::Unsent;

/// Bodies up to this are copied behind the head: one write of one piece is cheaper than one of two.
const SMALL: usize = 8 * 1024;
/// Heads are seldom larger.
const HEAD: usize = 1024;

/// A request under way.
#[derive(Debug)]
pub(crate) struct Message {
    asked: Asked,
    closes: bool,
    is_begun: bool,
    unsent: Unsent,
    rest: Rest,
}

/// What of a streamed body is still to be read.
#[derive(Debug)]
enum Rest {
    /// Nothing.
    None,
    /// What is in memory already.
    Pieces(Pieces),
    /// That many bytes.
    Length(u64, UnsyncBoxBody<Bytes, BodyError>),
    /// Up to its end.
    Chunks(UnsyncBoxBody<Bytes, BodyError>),
}

impl Message {
    /// Writes the request's head, `Host` first. How the body ends is told by us, whatever the request's headers say of it.
    pub(crate) fn new(request: Request<Outgoing>) -> Self {
        let (head, body) = request.into_parts();
        Self::of(&Heading { method: &head.method, uri: &head.uri, headers: &head.headers, host: None }, body)
    }

    /// The same with a head that is only read.
    pub(crate) fn of(head: &Heading<'_>, body: Outgoing) -> Self {
        let small = match &body {
            Outgoing::Full(pieces) if pieces.first().len() <= SMALL => pieces.first().len(),
            _ => 0,
        };
        let mut front = Vec::with_capacity(HEAD + small);
        write_first_line(&mut front, head.method, head.uri);
        write_headers(&mut front, head);
        let (data, rest) = frame(&mut front, head.method, body);
        Self {
            asked: asked(head.method, head.headers),
            closes: says_close(head.headers),
            is_begun: false,
            unsent: Unsent::new(front).and(data),
            rest,
        }
    }

    /// What was asked.
    pub(crate) fn asked(&self) -> Asked {
        self.asked
    }

    /// Whether the request asks to close the connection behind its answer.
    pub(crate) fn closes(&self) -> bool {
        self.closes
    }

    /// Whether a byte of it has left.
    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Sends as much as goes now; ready when everything has left.
    pub(crate) fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<Result<(), Error>> {
        loop {
            while self.unsent.has_bytes() {
                ready!(self.unsent.poll_write(context, stream))?;
                self.is_begun = true;
            }
            self.unsent.release();
            match self.poll_next(context) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => {
                    return Pin::new(stream).poll_flush(context).map_err(Error::Io);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    // What has been written must not wait for what comes next.
                    ready!(Pin::new(stream).poll_flush(context))?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Takes the next piece of a streamed body; false at its end.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        match &mut self.rest {
            Rest::None => Poll::Ready(Ok(false)),
            Rest::Pieces(pieces) => {
                self.unsent.data = pieces.pop().unwrap_or_default();
                Poll::Ready(Ok(!self.unsent.data.is_empty()))
            }
            Rest::Length(left, body) => {
                let data = ready!(poll_data(body, context)).transpose()?.unwrap_or_default();
                let rest = left.checked_sub(data.len() as u64);
                let Some(rest) = rest.filter(|rest| *rest == 0 || !data.is_empty()) else {
                    return Poll::Ready(Err(Error::Request("it is not as long as it said".into())));
                };
                *left = rest;
                if rest == 0 {
                    self.rest = Rest::None;
                }
                self.unsent.data = data;
                Poll::Ready(Ok(true))
            }
            Rest::Chunks(body) => {
                match ready!(poll_data(body, context)).transpose()? {
                    Some(data) => {
                        // Into a Vec nothing fails.
                        let _ = write!(self.unsent.front, "{:x}\r\n", data.len());
                        (self.unsent.data, self.unsent.end) = (data, b"\r\n");
                    }
                    None => (self.rest, self.unsent.end) = (Rest::None, b"0\r\n\r\n"),
                }
                Poll::Ready(Ok(true))
            }
        }
    }
}

/// The next piece that has bytes in it.
fn poll_data(
    body: &mut UnsyncBoxBody<Bytes, BodyError>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, Error>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(Error::Request(error)))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data()
                    && !data.is_empty()
                {
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }
}

fn write_first_line(out: &mut Vec<u8>, method: &Method, uri: &Uri) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    let authority = uri.authority().filter(|_| *method == Method::CONNECT);
    let target = match authority {
        Some(authority) => authority.as_str(),
        None => uri.path_and_query().map_or("/", |path| path.as_str()),
    };
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

fn write_headers(out: &mut Vec<u8>, head: &Heading<'_>) {
    if let Some(host) = head.headers.get(HOST).or(head.host) {
        write_header(out, &HOST, host);
    }
    for (name, value) in head.headers {
        if *name != HOST && *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING {
            write_header(out, name, value);
        }
    }
}

pub(crate) fn write_header(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Ends the head with what says how the body ends (RFC 9110 section 8.6, RFC 9112 section 7.1). Gives what does not leave
/// together with the head.
fn frame(out: &mut Vec<u8>, method: &Method, body: Outgoing) -> (Bytes, Rest) {
    let length = match &body {
        Outgoing::Full(pieces) => Some(pieces.len() as u64),
        Outgoing::Stream(body) => body.size_hint().exact(),
    };
    // Into a Vec nothing fails.
    let _ = match length {
        Some(0) if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) => out.write_all(b"\r\n"),
        Some(length) => write!(out, "content-length: {length}\r\n\r\n"),
        None => out.write_all(b"transfer-encoding: chunked\r\n\r\n"),
    };
    match (body, length) {
        (Outgoing::Full(mut pieces), _) => {
            while pieces.first().len() <= SMALL
                && let Some(small) = pieces.pop()
            {
                out.extend_from_slice(&small);
            }
            (pieces.pop().unwrap_or_default(), Rest::Pieces(pieces))
        }
        (Outgoing::Stream(_), Some(0)) => (Bytes::new(), Rest::None),
        (Outgoing::Stream(body), Some(length)) => (Bytes::new(), Rest::Length(length, body)),
        (Outgoing::Stream(body), None) => (Bytes::new(), Rest::Chunks(body)),
    }
}

fn asked(method: &Method, headers: &HeaderMap) -> Asked {
    match *method {
        Method::HEAD => Asked::Head,
        Method::CONNECT => Asked::Connect,
        _ if headers.contains_key(UPGRADE) => Asked::Upgrade,
        _ => Asked::Plain,
    }
}

fn says_close(headers: &HeaderMap) -> bool {
    let options =
        headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.map(<[u8]>::trim_ascii).any(|option| option.eq_ignore_ascii_case(b"close"))
}
