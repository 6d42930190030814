//! Stop 8 of the edge: an answer's body as it comes, from a lane or from files, compressed where that is wanted. The exchange goes along.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tidegate_net::LaneBody;
use tidegate_policy::edge::headers::tidy_trailers;
use tokio::time::{Instant, Sleep, sleep_until};

use super::cache::Recorder;
use super::files::FileBody;
use super::pack::Packer;
use super::read_ahead::ReadAhead;
use crate::body::ReplyBody;
use crate::exchange::{Exchange, Outcome};

/// Where the bytes come from.
#[derive(Debug)]
pub enum Source {
    /// An upstream.
    Lane(Box<LaneBody>, Patience),
    /// An upstream, read ahead of the client.
    Ahead(Box<ReadAhead>),
    /// Files.
    File(Box<FileBody>),
    /// Memory.
    Whole(Option<Bytes>),
}

/// The longest silence of an upstream, counted while it is waited for. One timer, which is not reset for every piece: when it fires it looks
/// whether there was life since.
#[derive(Debug)]
pub struct Patience {
    limit: Duration,
    /// Since when it has been waited for; what comes at once asks no clock.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// That long.
    pub fn new(limit: Duration) -> Self {
        Self { limit, since: None, timer: None }
    }

    /// Something has come.
    fn renew(&mut self) {
        self.since = None;
    }

    /// Ready when nothing has come for too long.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let end = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        while timer.as_mut().poll(context).is_ready() {
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

/// An answer's body.
#[derive(Debug)]
pub struct EdgeBody {
    source: Source,
    packer: Option<Packer>,
    /// What came behind the last piece.
    trailers: Option<HeaderMap>,
    /// Bytes that the server has sent.
    received: u64,
    /// Who writes it down for the cache.
    recorder: Option<Box<Recorder>>,
    /// `None` once it has been settled.
    exchange: Option<Box<Exchange>>,
    began: Instant,
}

impl EdgeBody {
    /// A body that settles the exchange when it has ended or is dropped.
    pub fn new(source: Source, packer: Option<Packer>, exchange: Box<Exchange>) -> Self {
        Self {
            source,
            packer,
            recorder: None,
            trailers: None,
            received: 0,
            exchange: Some(exchange),
            began: Instant::now(),
        }
    }

    /// The same, written down as it comes from its source.
    pub fn recorded(self, recorder: Option<Box<Recorder>>) -> Self {
        Self { recorder, ..self }
    }

    /// The next piece; behind the last one the trailers, if there are any.
    pub fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = ready!(self.poll_bytes(context));
        Poll::Ready(match piece {
            Some(piece) => Some(piece.map(Frame::data)),
            None => self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
        })
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let next = match self.source.poll_piece(context, &mut self.trailers) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    // What was said so far must not wait for what comes next.
                    let waiting = self.packer.as_mut().and_then(Packer::flush);
                    return waiting.map_or(Poll::Pending, |bytes| self.give(bytes));
                }
            };
            if let Some(Ok(piece)) = &next {
                self.received += piece.len() as u64;
                if let Some(recorder) = &mut self.recorder {
                    recorder.push(piece);
                }
            }
            let piece = match (next, &mut self.packer) {
                (None, Some(packer)) => match packer.finish() {
                    Some(bytes) => return self.give(bytes),
                    None => None,
                },
                (Some(Ok(piece)), Some(packer)) => match packer.push(&piece) {
                    Some(bytes) => Some(Ok(bytes)),
                    None => continue,
                },
                (next, _) => next,
            };
            return match piece {
                None => {
                    self.complete();
                    Poll::Ready(None)
                }
                Some(Ok(bytes)) => self.give(bytes),
                Some(Err(error)) => {
                    self.fail(&error);
                    Poll::Ready(Some(Err(error)))
                }
            };
        }
    }

    /// The body of an answer that has none after all.
    pub fn ended(mut self) -> ReplyBody {
        self.complete();
        ReplyBody::full(Bytes::new())
    }

    fn give(&mut self, bytes: Bytes) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(passage) = self.exchange.as_mut().and_then(|exchange| exchange.edge.as_mut()) {
            passage.sent += bytes.len() as u64;
        }
        // Nobody asks for more once the announced length has been given.
        if self.is_end_stream() {
            self.complete();
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    fn complete(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish();
        }
        self.end(Outcome::Complete, None);
    }

    fn fail(&mut self, error: &io::Error) {
        self.recorder = None;
        let code = if error.kind() == io::ErrorKind::TimedOut { "server_timeout" } else { "answer_cut" };
        self.end(Outcome::Failed, Some(code));
    }

    fn end(&mut self, outcome: Outcome, code: Option<&str>) {
        let Some(mut exchange) = self.exchange.take() else { return };
        exchange.outcome = outcome;
        if let Some(code) = code {
            exchange.error = Some(code.to_owned());
        }
        if let Some(passage) = &mut exchange.edge
            && let Some(last) = passage.tries.last_mut()
        {
            last.received = self.received;
            last.end = last.head.map(|head| head + self.began.elapsed());
        }
    }

    /// Whether nothing follows.
    pub fn is_end_stream(&self) -> bool {
        self.trailers.is_none()
            && self.packer.as_ref().is_none_or(Packer::has_ended)
            && self.source.is_end_stream()
    }

    /// Its length, if it is known.
    pub fn size_hint(&self) -> SizeHint {
        if self.packer.is_some() { SizeHint::default() } else { self.source.size_hint() }
    }
}

impl Source {
    /// The next piece.
    pub fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        trailers: &mut Option<HeaderMap>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        match self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Self::File(body) => body.poll_piece(context),
            Self::Ahead(body) => body.poll_piece(context, trailers),
            Self::Lane(body, patience) => loop {
                match Pin::new(&mut **body).poll_frame(context) {
                    Poll::Pending => {
                        let too_long = || io::Error::from(io::ErrorKind::TimedOut);
                        return patience.poll(context).map(|()| Some(Err(too_long())));
                    }
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Some(Err(io::Error::other(error))));
                    }
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(piece) => {
                            patience.renew();
                            return Poll::Ready(Some(Ok(piece)));
                        }
                        Err(frame) => *trailers = frame.into_trailers().ok().and_then(tidy_trailers),
                    },
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::File(body) => body.is_end_stream(),
            Self::Ahead(body) => body.is_end_stream(),
            Self::Lane(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::File(body) => SizeHint::with_exact(body.left()),
            Self::Ahead(body) => body.left().map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Lane(body, _) => body.size_hint(),
        }
    }
}
