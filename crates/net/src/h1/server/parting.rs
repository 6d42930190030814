//! The end of a connection, such that the last answer is read: closed with bytes unread, a connection is reset, and what was sent
//! may be lost (RFC 9112 section 9.6).

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;

use super::connection::Wire;
use crate::h1::alarm::Alarm;
use crate::h1::unsent::Unsent;

/// How long and how much is read of a peer that goes on to send.
const LINGER: Duration = Duration::from_secs(2);
const MOST: usize = 8 << 20;
const ROOM: usize = 8 * 1024;

/// The end of a connection.
#[derive(Debug)]
pub(super) struct Parting {
    last: Option<Unsent>,
    lingers: bool,
    is_shut: bool,
    left: usize,
}

impl Parting {
    /// Sends that and ends; if it `lingers`, it reads on for a while until the peer has ended too.
    pub(super) fn new(last: Option<Unsent>, lingers: bool) -> Self {
        Self { last, lingers, is_shut: false, left: MOST }
    }

    /// Ready when the connection can be dropped.
    pub(super) fn poll<T: Wire>(
        &mut self,
        context: &mut Context<'_>,
        wire: &mut T,
        unread: &mut BytesMut,
        alarm: &mut Alarm,
    ) -> Poll<()> {
        if let Some(last) = &mut self.last {
            if ready!(last.poll_send(context, wire)).is_err() {
                return Poll::Ready(());
            }
            self.last = None;
        }
        if !self.is_shut {
            if ready!(Pin::new(&mut *wire).poll_shutdown(context)).is_err() {
                return Poll::Ready(());
            }
            self.is_shut = true;
            alarm.set(LINGER);
        }
        while self.lingers {
            unread.clear();
            match wire.poll_fill(context, unread, ROOM) {
                Poll::Ready(Ok(count @ 1..)) if count < self.left => self.left -= count,
                Poll::Ready(_) => break,
                Poll::Pending => {
                    *unread = BytesMut::new();
                    return alarm.poll(context);
                }
            }
        }
        Poll::Ready(())
    }
}
