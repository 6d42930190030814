//! A connection: one request and its answer at a time, driven by whoever waits for the answer.

use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use super::alarm::Alarm;
use super::body::Piece;
use super::error::Error;
use super::read::Reader;
use super::stream::Transport;
use super::write::Message;

/// One HTTP/1.1 connection.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    stream: T,
    reader: Reader,
    /// The request, until it has left whole.
    message: Option<Message>,
    /// Why it did not; its answer may be there nevertheless.
    unsent: Option<Error>,
    /// Whether the request asked to close behind the answer.
    closes: bool,
    /// When the head of the answer must be there. It stays for the next request: to set a timer costs more than to ask whether it has
    /// rung, and hardly any does.
    alarm: Alarm,
}

impl<T: Transport> Connection<T> {
    /// A connection on which nothing was asked yet.
    pub(crate) fn new(stream: T) -> Self {
        let (reader, alarm) = (Reader::new(Default::default()), Alarm::default());
        Self { stream, reader, message: None, unsent: None, closes: false, alarm }
    }

    /// Whether an idle connection can be used: its upstream has neither closed it nor said something unasked. Costs no call to
    /// the system, as the runtime hears of both by itself.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let room = self.reader.room();
        let quiet = self.stream.poll_fill(&mut context, self.reader.buffer(), room).is_pending();
        self.reader.release();
        quiet
    }

    /// Begins to ask.
    pub(crate) fn begin(&mut self, message: Message) {
        self.reader.begin(message.asked());
        self.closes = message.closes();
        self.message = Some(message);
    }

    /// The request, if no byte of it has left: it can go over another connection.
    pub(crate) fn take_untouched(&mut self) -> Option<Message> {
        self.message.take_if(|message| !message.is_begun())
    }

    /// Whether a byte of the answer has come.
    pub(crate) fn has_heard(&self) -> bool {
        self.reader.has_heard()
    }

    /// The head of the answer must come within that time.
    pub(crate) fn bound(&mut self, limit: Duration) {
        self.alarm.set(limit);
    }

    /// [`Connection::poll_head`] within the time of the request; `None` when it is over.
    pub(crate) fn poll_head_in_time(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Response<()>, Error>>> {
        if let Poll::Ready(head) = self.poll_head(context) {
            self.alarm.stop();
            return Poll::Ready(Some(head));
        }
        self.alarm.poll(context).map(|()| None)
    }

    /// Sends the request and reads the head of the answer. The answer may come before the request has left whole.
    pub(crate) fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<Result<Response<()>, Error>> {
        loop {
            self.send_on(context)?;
            if let Some(head) = self.reader.head()? {
                return Poll::Ready(Ok(head));
            }
            if let Err(error) = ready!(self.poll_fill(context)) {
                // Why the request did not leave says more than that no answer came.
                return Poll::Ready(Err(self.unsent.take().unwrap_or(error)));
            }
        }
    }

    /// The next piece of the answer's body; `None` at its end.
    pub(crate) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            match self.reader.piece() {
                Ok(Piece::Data(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(Piece::End) => return Poll::Ready(None),
                Ok(Piece::More) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            if let Err(error) = self.send_on(context) {
                return Poll::Ready(Some(Err(error)));
            }
            if let Err(error) = ready!(self.poll_fill(context)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Whether the answer has been read to its end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.reader.is_at_end()
    }

    /// Whether what follows the head is not HTTP.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.reader.is_tunnel()
    }

    /// How many bytes of the body are still to come, when that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.reader.left()
    }

    /// Whether the next request may go over it, once the answer has been read: both sides are done, and keep it.
    pub(crate) fn can_go_on(&mut self) -> bool {
        let goes_on =
            self.message.is_none() && self.unsent.is_none() && !self.closes && self.reader.can_go_on();
        self.reader.release();
        goes_on
    }

    /// The stream and what was read of it, when the answer said that it is not HTTP from now on.
    pub(crate) fn into_tunnel(mut self) -> Option<(T, Bytes)> {
        let is_sent = self.message.is_none() && self.unsent.is_none();
        let read = std::mem::take(self.reader.buffer()).freeze();
        (is_sent && self.reader.is_tunnel()).then_some((self.stream, read))
    }

    /// Sends as much of the request as goes now. Fails when there is no sense in waiting for the answer: nothing has left, or
    /// the request's own body failed. An upstream that refuses a body may have answered before it closed.
    fn send_on(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        let Some(message) = &mut self.message else { return Ok(()) };
        match message.poll_send(context, &mut self.stream) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.message = None,
            Poll::Ready(Err(error)) if !message.is_begun() || !error.is_breakage() => return Err(error),
            Poll::Ready(Err(error)) => (self.message, self.unsent) = (None, Some(error)),
        }
        Ok(())
    }

    /// Reads once. What waits holds no buffer.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let room = self.reader.room();
        let Poll::Ready(filled) = self.stream.poll_fill(context, self.reader.buffer(), room) else {
            self.reader.release();
            return Poll::Pending;
        };
        Poll::Ready(match filled {
            Ok(0) => self.reader.close(),
            Ok(count) => {
                self.reader.filled(count);
                Ok(())
            }
            Err(error) => Err(error.into()),
        })
    }

    /// The stream and what was read of it.
    #[cfg(test)]
    pub(crate) fn into_parts(mut self) -> (T, bytes::BytesMut) {
        let read = std::mem::take(self.reader.buffer());
        (self.stream, read)
    }

    /// How many bytes it holds room for.
    #[cfg(test)]
    pub(crate) fn held(&mut self) -> usize {
        self.reader.buffer().capacity()
    }
}
