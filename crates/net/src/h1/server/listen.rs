//! What a connection reads while its handler works or its answer goes out: the request's body, as it is asked for; then only
//! whether the caller is still there.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::body::Fault;
use super::connection::{Connection, Interim, Wire};
use crate::h1::Piece;
use crate::serve::Handler;

/// With so many bytes of the next requests, no more of them are read.
const PIPELINED: usize = 8 * 1024;
/// How long the rest of a body is waited for that nobody reads.
const REST: Duration = Duration::from_secs(1);
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What has been heard from the caller.
pub(super) enum Heard {
    /// Something of the body, or its end.
    Body,
    /// It has gone.
    Gone,
}

impl<H: Handler, T: Wire> Connection<H, T> {
    pub(super) fn poll_listen(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        let Some(feed) = &self.feed else { return self.poll_watch(context) };
        if !feed.is_wanted(context) {
            self.is_kept_waiting = false;
            return Poll::Pending;
        }
        if self.interim != Interim::None && ready!(self.poll_continue(context)).is_err() {
            return Poll::Ready(Heard::Gone);
        }
        self.poll_feed(context)
    }

    /// Looks whether the caller is still there, which shows only by reading on.
    fn poll_watch(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        while !self.is_half_closed && self.reader.waiting() < PIPELINED {
            match ready!(self.poll_fill(context)) {
                Ok(0) if self.shared.limits.allow_half_close => self.is_half_closed = true,
                Ok(0) | Err(_) => return Poll::Ready(Heard::Gone),
                Ok(_) => {}
            }
        }
        Poll::Pending
    }

    /// Asks for the body, if that is awaited and has not been done.
    fn poll_continue(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.interim == Interim::Due {
            let is_late = !self.is_handling() || self.reader.waiting() > 0;
            self.interim = if is_late { Interim::None } else { Interim::Leaving(CONTINUE) };
        }
        let Some(wire) = &mut self.wire else { return Poll::Ready(Ok(())) };
        while let Interim::Leaving(rest) = self.interim {
            let count = ready!(std::pin::Pin::new(&mut *wire).poll_write(context, rest))?;
            let rest = &rest[count..];
            self.interim = if rest.is_empty() { Interim::None } else { Interim::Leaving(rest) };
        }
        std::pin::Pin::new(wire).poll_flush(context)
    }

    /// Hands over the next piece of the body.
    fn poll_feed(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        while let Some(feed) = &self.feed {
            let piece = if feed.is_wanted_whole() { self.reader.rest() } else { self.reader.piece() };
            match piece {
                Ok(Piece::Data(bytes)) => {
                    self.is_kept_waiting = false;
                    feed.give(bytes, context);
                    if !self.reader.is_at_end() {
                        break;
                    }
                }
                Ok(Piece::End) => {
                    self.alarm.stop();
                    if let Some(feed) = self.feed.take() {
                        feed.end(Ok(()), Some(context));
                    }
                    break;
                }
                Ok(Piece::More) => match self.poll_fill(context) {
                    Poll::Ready(Ok(count @ 1..)) => self.came = self.came.saturating_add(count),
                    // Whoever reads it learns of it, and may say why that is no request.
                    Poll::Ready(Ok(0)) => {
                        self.is_half_closed = true;
                        self.fail(Fault::Cut, context);
                        break;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Heard::Gone),
                    Poll::Pending => {
                        ready!(self.poll_patience(context));
                        self.fail(Fault::TooSlow, context);
                        break;
                    }
                },
                Err(refusal) => {
                    self.fail(Fault::Malformed(refusal.reason), context);
                    break;
                }
            }
        }
        Poll::Ready(Heard::Body)
    }

    /// Ready when the body comes too slowly: judged by windows, and only where it was waited for at their end.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let pace = self.shared.limits.sending;
        if !self.alarm.is_set() {
            self.alarm.set(pace.window);
            self.came = 0;
        }
        while self.alarm.poll(context).is_ready() {
            if self.is_kept_waiting && self.came < pace.least {
                self.alarm.stop();
                return Poll::Ready(());
            }
            self.came = 0;
            self.alarm.set(pace.window);
        }
        self.is_kept_waiting = true;
        Poll::Pending
    }

    /// Reads what was not read of a body and throws it away; false when there is more of it, or it does not come.
    pub(super) fn poll_clear_up_to(&mut self, context: &mut Context<'_>, mut left: usize) -> Poll<bool> {
        loop {
            match self.reader.piece() {
                Ok(Piece::End) => return Poll::Ready(true),
                Ok(Piece::Data(bytes)) => match left.checked_sub(bytes.len()) {
                    Some(rest) => left = rest,
                    None => return Poll::Ready(false),
                },
                Ok(Piece::More) => match self.poll_fill(context) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending => {
                        self.set_clearing(left);
                        if !self.alarm.is_set() {
                            self.alarm.set(REST);
                        }
                        ready!(self.alarm.poll(context));
                        return Poll::Ready(false);
                    }
                },
                Err(_) => return Poll::Ready(false),
            }
        }
    }
}
