//! An answer under way: its head and what is ready of its body in one piece, more of it as it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use super::write::{After, Told, says_close, told_length, write_head, write_number, write_trailers};
use crate::h1::BodyError;
use crate::h1::unsent::Unsent;

/// Pieces up to this are copied behind what else there is to send: one write of one piece is cheaper than one of two.
const SMALL: usize = 8 * 1024;
/// With so much to send, it is sent before more of the body is taken.
const MUCH: usize = 16 * 1024;
/// Heads are seldom larger.
const HEAD: usize = 512;

/// What an answer must heed of its request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// `HEAD`: there is no body in the answer.
    pub(super) is_head: bool,
    /// HTTP/1.0: no chunks.
    pub(super) is_old: bool,
    /// Whether the connection may be kept.
    pub(super) persists: bool,
    /// Whether another protocol was offered.
    pub(super) offers: bool,
}

/// An answer under way.
#[derive(Debug)]
pub(super) struct Answer<B> {
    unsent: Unsent,
    told: Told,
    /// `None` once all of it was taken.
    body: Option<B>,
    /// Why the body ended too early.
    failed: Option<BodyError>,
    /// What becomes of the connection behind it.
    pub(super) after: After,
}

/// Why an answer could not be sent to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfinished {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The answer's body did; what came before has been sent.
    #[error("the answer's body failed: {0}")]
    Body(#[source] BodyError),
}

/// What a body had ready.
enum Ready {
    /// As much as is sent at once.
    Much,
    /// Nothing more yet.
    Little,
    /// All there was.
    All,
}

impl<B> Answer<B>
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin,
{
    /// Begins an answer behind bytes that must leave before it.
    pub(super) fn new(response: Response<B>, asked: Asked, before: &[u8]) -> Self {
        let (head, body) = response.into_parts();
        let (told, has_body) = tell(head.status, &head.headers, &body, asked);
        let persists = asked.persists && told != Told::Close && !says_close(&head.headers);
        let after = match head.status {
            StatusCode::SWITCHING_PROTOCOLS if asked.offers => After::Switched,
            StatusCode::SWITCHING_PROTOCOLS => After::Closed,
            _ if !persists => After::Closed,
            _ if asked.is_old => After::SaidKept,
            _ => After::Kept,
        };
        let small = match told {
            Told::Length(length) if has_body && length <= SMALL as u64 => length as usize,
            _ => 0,
        };
        let mut front = Vec::with_capacity(HEAD + small);
        front.extend_from_slice(before);
        write_head(&mut front, head.status, &head.headers, told, after);
        let body = has_body.then_some(body);
        Self { unsent: Unsent::new(front), told, body, failed: None, after }
    }

    /// Whether the end of its body is told by the end of the connection alone.
    pub(super) fn ends_with_connection(&self) -> bool {
        self.told == Told::Close
    }

    /// Sends as much as goes now; ready when everything has left.
    pub(super) fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<Result<(), Unfinished>> {
        loop {
            let ready = self.gather(context).unwrap_or_else(|failure| {
                (self.failed, self.body) = (Some(failure), None);
                Ready::All
            });
            ready!(self.unsent.poll_send(context, stream))?;
            match ready {
                Ready::Much => {}
                Ready::Little => {
                    self.unsent.release();
                    // What has been written must not wait for what comes next.
                    ready!(Pin::new(stream).poll_flush(context))?;
                    return Poll::Pending;
                }
                Ready::All => {
                    ready!(Pin::new(stream).poll_flush(context))?;
                    return Poll::Ready(
                        self.failed.take().map_or(Ok(()), |cause| Err(Unfinished::Body(cause))),
                    );
                }
            }
        }
    }

    /// Takes what the body has ready.
    fn gather(&mut self, context: &mut Context<'_>) -> Result<Ready, BodyError> {
        while let Some(body) = &mut self.body {
            if body.is_end_stream() {
                self.end(None)?;
                break;
            }
            if self.unsent.front.len() >= MUCH || !self.unsent.data.is_empty() {
                return Ok(Ready::Much);
            }
            match Pin::new(body).poll_frame(context) {
                Poll::Pending => return Ok(Ready::Little),
                Poll::Ready(None) => self.end(None)?,
                Poll::Ready(Some(frame)) => self.push(frame.map_err(Into::into)?)?,
            }
        }
        Ok(Ready::All)
    }

    fn push(&mut self, frame: Frame<Bytes>) -> Result<(), BodyError> {
        let data = match frame.into_data() {
            Ok(data) if data.is_empty() => return Ok(()),
            Ok(data) => data,
            Err(frame) => return self.end(frame.trailers_ref()),
        };
        if let Told::Length(left) = &mut self.told {
            *left = left.checked_sub(data.len() as u64).ok_or("it is longer than it said")?;
        }
        let is_chunk = self.told == Told::Chunks;
        let front = &mut self.unsent.front;
        if is_chunk {
            front.reserve(data.len().min(SMALL) + 32);
            write_number(front, data.len() as u64, 16);
            front.extend_from_slice(b"\r\n");
        }
        let end: &'static [u8] = if is_chunk { b"\r\n" } else { b"" };
        if data.len() <= SMALL {
            front.extend_from_slice(&data);
            front.extend_from_slice(end);
        } else {
            (self.unsent.data, self.unsent.end) = (data, end);
        }
        Ok(())
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), BodyError> {
        self.body = None;
        match (self.told, trailers) {
            (Told::Length(1..), _) => return Err("it is shorter than it said".into()),
            (Told::Chunks, Some(trailers)) => {
                self.unsent.front.extend_from_slice(b"0\r\n");
                write_trailers(&mut self.unsent.front, trailers);
            }
            (Told::Chunks, None) if !self.unsent.data.is_empty() => self.unsent.end = b"\r\n0\r\n\r\n",
            (Told::Chunks, None) => self.unsent.front.extend_from_slice(b"0\r\n\r\n"),
            _ => {}
        }
        Ok(())
    }
}

/// How the body's end is told, and whether there is a body (RFC 9112 section 6, RFC 9110 section 8.6).
fn tell<B: Body>(status: StatusCode, headers: &HeaderMap, body: &B, asked: Asked) -> (Told, bool) {
    let exact = body.size_hint().exact();
    let some = |length: Option<u64>| length.map_or(Told::Nothing, Told::Length);
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        return (Told::Nothing, false);
    }
    if status == StatusCode::NOT_MODIFIED {
        return (some(told_length(headers)), false);
    }
    if asked.is_head {
        return (some(told_length(headers).or(exact.filter(|length| *length > 0))), false);
    }
    match exact.or_else(|| told_length(headers)) {
        Some(length) => (Told::Length(length), true),
        None if asked.is_old => (Told::Close, true),
        None => (Told::Chunks, true),
    }
}
