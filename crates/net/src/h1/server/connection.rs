//! A connection: one request and its answer at a time, all of it polled by the connection's task.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Method, Request, Response, Version};
use tokio::io::AsyncRead;
use tokio::time::Instant;
use tracing::debug;

use super::answer::{Answer, Asked, Unfinished};
use super::body::{Fault, Feed, feed};
use super::head::Head;
use super::listen::Heard;
use super::parting::Parting;
use super::read::Reader;
use super::refusal::Refusal;
use super::write::After;
use crate::h1::alarm::Alarm;
use crate::h1::stream::Transport;
use crate::h1::unsent::Unsent;
use crate::incoming::Incoming;
use crate::serve::{Answering, Handler, Peer, ServeLimits};
use crate::upgrade::{Grant, offer};

/// Where a connection to a caller reads and writes.
pub(crate) trait Wire: Transport + AsyncRead + Send + 'static {
    /// The end of this connection must look like a failure to the peer.
    fn reset_on_drop(&self);
}

/// What the connections of a door share.
#[derive(Debug)]
pub(crate) struct Shared<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) limits: ServeLimits,
}

/// One HTTP/1.1 connection, served to its end.
pub(crate) struct Connection<H: Handler, T> {
    /// `None` once it was handed over.
    pub(super) wire: Option<T>,
    pub(super) reader: Reader,
    pub(super) shared: Arc<Shared<H>>,
    peer: Peer,
    /// Whether a request has been handed on.
    begun: Arc<AtomicBool>,
    stage: Stage<H::Body>,
    /// The body of the request under way, while not all of it was read.
    pub(super) feed: Option<Feed>,
    pub(super) asked: Asked,
    /// What must leave before the answer: `100 Continue`, once the body is asked for.
    pub(super) interim: Interim,
    grant: Option<Grant>,
    pub(super) alarm: Alarm,
    /// Bytes of the body, with its framing, that came since the alarm was set.
    pub(super) came: usize,
    /// Whether bytes of the body were waited for when it was last looked.
    pub(super) is_kept_waiting: bool,
    /// Whether the peer has ended its sending, and may.
    pub(super) is_half_closed: bool,
    is_finishing: bool,
    /// How long it waits for a last request then, if not as long as ever.
    patience: Option<Duration>,
}

enum Stage<B> {
    /// For the head of a request.
    Waiting,
    /// The handler is at work.
    Handling(Answering<B>),
    /// The answer goes out.
    Answering(Answer<B>),
    /// What was not read of the request is read and thrown away.
    Clearing(usize),
    /// The connection ends.
    Parting(Parting),
}

/// `100 Continue` (RFC 9110 section 10.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interim {
    /// Nobody waits for it, or it has left.
    None,
    /// It leaves when the body is asked for.
    Due,
    /// So much of it is still to leave.
    Leaving(&'static [u8]),
}

/// What comes next on a connection.
pub(super) enum Next {
    /// Look again.
    Again,
    /// Nothing.
    End,
}

/// Why a connection ended other than it should.
pub(crate) type Ended = Box<dyn std::error::Error + Send + Sync>;

/// Most bytes of a body that nobody reads which are read for the sake of the connection.
pub(super) const UNREAD: usize = 64 * 1024;

impl<H: Handler, T: Wire> Connection<H, T> {
    /// A connection whose first head must have come by `end`.
    pub(crate) fn new(
        wire: T,
        shared: Arc<Shared<H>>,
        peer: Peer,
        begun: Arc<AtomicBool>,
        end: Instant,
    ) -> Self {
        Self {
            wire: Some(wire),
            reader: Reader::new(shared.limits.header_bytes),
            shared,
            peer,
            begun,
            stage: Stage::Waiting,
            feed: None,
            asked: Asked::default(),
            interim: Interim::None,
            grant: None,
            alarm: Alarm::at(end),
            came: 0,
            is_kept_waiting: false,
            is_half_closed: false,
            is_finishing: false,
            patience: None,
        }
    }

    /// Ends after the exchange that is open, or one more: its answer says that it is the last. If none is open, the next one is waited for
    /// that long; without a time, as long as ever.
    pub(crate) fn finish(&mut self, patience: Option<Duration>) {
        (self.is_finishing, self.patience) = (true, patience);
        if let (Some(patience), Stage::Waiting, 0) = (patience, &self.stage, self.reader.waiting()) {
            self.alarm.advance(patience);
        }
    }

    /// Serves the connection; ready when it has ended.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        loop {
            let next = match &mut self.stage {
                Stage::Waiting => ready!(self.poll_request(context))?,
                Stage::Handling(_) => ready!(self.poll_handler(context))?,
                Stage::Answering(_) => ready!(self.poll_answer(context))?,
                Stage::Clearing(_) => ready!(self.poll_clear(context)),
                Stage::Parting(parting) => {
                    let Some(wire) = &mut self.wire else { return Poll::Ready(Ok(())) };
                    ready!(parting.poll(context, wire, self.reader.buffer(), &mut self.alarm));
                    Next::End
                }
            };
            if let Next::End = next {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Waits for the head of a request.
    fn poll_request(&mut self, context: &mut Context<'_>) -> Poll<Result<Next, Ended>> {
        loop {
            match self.reader.head() {
                Ok(Some(head)) => self.begin(head),
                Err(refusal) => self.refuse(refusal),
                Ok(None) if self.is_half_closed => return Poll::Ready(Ok(Next::End)),
                Ok(None) => match self.poll_fill(context) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Next::End)),
                    Poll::Ready(Ok(_)) => continue,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => {
                        if !self.alarm.is_set() {
                            let longest = self.shared.limits.header_read;
                            self.alarm.set(self.patience.map_or(longest, |patience| patience.min(longest)));
                        }
                        ready!(self.alarm.poll(context));
                        match self.reader.waiting() {
                            // Somebody may be asking just now: an end is better than a reset.
                            0 if self.is_finishing => self.stage = Stage::Parting(Parting::new(None, true)),
                            0 => return Poll::Ready(Ok(Next::End)),
                            _ => self.refuse(Refusal::LATE),
                        }
                    }
                },
            }
            return Poll::Ready(Ok(Next::Again));
        }
    }

    /// Hands a request on.
    fn begin(&mut self, head: Head) {
        self.alarm.stop();
        (self.came, self.is_kept_waiting) = (0, false);
        self.begun.store(true, Ordering::Relaxed);
        self.asked = Asked {
            is_head: *head.request.method() == Method::HEAD,
            is_old: head.request.version() == Version::HTTP_10,
            persists: head.persists,
            offers: head.offers,
        };
        self.interim = Interim::None;
        let body = match self.reader.whole() {
            Some(bytes) => Incoming::whole(bytes),
            None => {
                if head.expects && self.reader.waiting() == 0 {
                    self.interim = Interim::Due;
                }
                let (feed, body) = feed(self.reader.left());
                self.feed = Some(feed);
                Incoming::fed(body)
            }
        };
        let mut request: Request<Incoming> = head.request.map(|()| body);
        if head.offers {
            self.grant = Some(offer(&mut request));
        }
        let handler = self.shared.handler.clone();
        self.stage = Stage::Handling(handler.handle(request, self.peer.clone()));
    }

    fn poll_handler(&mut self, context: &mut Context<'_>) -> Poll<Result<Next, Ended>> {
        loop {
            let Stage::Handling(handling) = &mut self.stage else { return Poll::Ready(Ok(Next::Again)) };
            if let Poll::Ready(response) = handling.as_mut().poll(context) {
                self.answer(response);
                return Poll::Ready(Ok(Next::Again));
            }
            match ready!(self.poll_listen(context)) {
                Heard::Body => {}
                Heard::Gone => return Poll::Ready(Ok(Next::End)),
            }
        }
    }

    fn answer(&mut self, response: Response<H::Body>) {
        let before: &[u8] = match self.interim {
            Interim::Leaving(rest) => rest,
            _ => b"",
        };
        // Who waits for `100 Continue` does not send the body now; whether it ever will, cannot be known.
        let is_unasked = self.interim == Interim::Due && self.reader.waiting() == 0;
        self.interim = Interim::None;
        self.asked.persists &= !self.is_finishing && !is_unasked && !self.is_too_much_unread();
        self.stage = Stage::Answering(Answer::new(response, self.asked, before));
    }

    /// Whether nobody will read the rest of the request, and it is too much to be thrown away.
    fn is_too_much_unread(&self) -> bool {
        let Some(feed) = &self.feed else { return false };
        feed.is_dropped() && self.reader.left().is_some_and(|left| left > UNREAD as u64)
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<Next, Ended>> {
        loop {
            let (Stage::Answering(answer), Some(wire)) = (&mut self.stage, &mut self.wire) else {
                return Poll::Ready(Ok(Next::Again));
            };
            match answer.poll_send(context, wire) {
                Poll::Ready(Ok(())) => {
                    let after = answer.after;
                    return Poll::Ready(Ok(self.answered(after)));
                }
                Poll::Ready(Err(Unfinished::Body(cause))) => {
                    debug!(%cause, "an answer was cut");
                    if answer.ends_with_connection() {
                        wire.reset_on_drop();
                        return Poll::Ready(Ok(Next::End));
                    }
                    // What came before it, often the reason, is to be read; that the answer is not whole shows by its framing.
                    let lingers = !self.is_half_closed && !self.has_read_all();
                    self.stage = Stage::Parting(Parting::new(None, lingers));
                    return Poll::Ready(Ok(Next::Again));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => {}
            }
            match ready!(self.poll_listen(context)) {
                Heard::Body => {}
                Heard::Gone => return Poll::Ready(Ok(Next::End)),
            }
        }
    }

    /// What comes behind an answer.
    fn answered(&mut self, after: After) -> Next {
        self.alarm.stop();
        let grant = self.grant.take();
        let is_read = self.reader.is_at_end();
        if after == After::Switched {
            // What is left of a body is nothing that another protocol should find.
            if let (Some(grant), Some(wire), true) = (grant, self.wire.take(), is_read) {
                grant.give(std::mem::take(self.reader.buffer()).freeze(), wire);
            }
            return Next::End;
        }
        self.feed = None;
        self.stage = if after == After::Closed || !self.asked.persists {
            let lingers = !self.is_half_closed && !self.has_read_all();
            Stage::Parting(Parting::new(None, lingers))
        } else if is_read {
            Stage::Waiting
        } else {
            Stage::Clearing(UNREAD)
        };
        Next::Again
    }

    /// Whether nothing was sent that we know of and have not read.
    fn has_read_all(&self) -> bool {
        self.reader.is_at_end() && self.reader.waiting() == 0
    }

    /// Reads what was not read of a request, within bounds; a connection on which there is more ends.
    fn poll_clear(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        let Stage::Clearing(left) = self.stage else { return Poll::Ready(Next::Again) };
        let cleared = ready!(self.poll_clear_up_to(context, left));
        self.alarm.stop();
        self.stage =
            if cleared { Stage::Waiting } else { Stage::Parting(Parting::new(None, !self.is_half_closed)) };
        Poll::Ready(Next::Again)
    }

    /// Answers with that and ends.
    fn refuse(&mut self, refusal: Refusal) {
        debug!(status = refusal.status.as_u16(), reason = refusal.reason, "a request was refused");
        self.stage = Stage::Parting(Parting::new(Some(Unsent::new(refusal.answer())), true));
    }

    /// Reads once. What waits holds no buffer.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(wire) = &mut self.wire else { return Poll::Ready(Ok(0)) };
        let room = self.reader.room();
        let Poll::Ready(filled) = wire.poll_fill(context, self.reader.buffer(), room) else {
            self.reader.release();
            return Poll::Pending;
        };
        let count = filled?;
        self.reader.filled(count);
        Poll::Ready(Ok(count))
    }

    /// The body of the request under way ends here.
    pub(super) fn fail(&mut self, fault: Fault, context: &Context<'_>) {
        if let Some(feed) = self.feed.take() {
            feed.end(Err(fault), Some(context));
        }
        self.asked.persists = false;
    }

    pub(super) fn set_clearing(&mut self, left: usize) {
        self.stage = Stage::Clearing(left);
    }

    pub(super) fn is_handling(&self) -> bool {
        matches!(self.stage, Stage::Handling(_))
    }
}
