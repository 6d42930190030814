//! Bytes that have not left yet: a front that was written by us, a piece of a body beside it, and what ends that piece.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

/// Bytes that have not left yet, in this order.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    /// A head, pieces that were copied, or the line before a chunk; `at` of it have left.
    pub(crate) front: Vec<u8>,
    at: usize,
    /// A piece of a body that is too large to be copied.
    pub(crate) data: Bytes,
    /// What stands behind it.
    pub(crate) end: &'static [u8],
}

impl Unsent {
    /// Has that to send.
    pub(crate) fn new(front: Vec<u8>) -> Self {
        Self { front, ..Self::default() }
    }

    /// And that behind it.
    pub(crate) fn and(mut self, data: Bytes) -> Self {
        self.data = data;
        self
    }

    /// Whether there is anything.
    pub(crate) fn has_bytes(&self) -> bool {
        self.at < self.front.len() || !self.data.is_empty() || !self.end.is_empty()
    }

    /// Sends once; how many bytes have left.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<usize>> {
        let front = &self.front[self.at..];
        let written = if self.data.is_empty() && self.end.is_empty() {
            Pin::new(stream).poll_write(context, front)
        } else {
            let parts = [IoSlice::new(front), IoSlice::new(&self.data), IoSlice::new(self.end)];
            Pin::new(stream).poll_write_vectored(context, &parts)
        };
        let count = ready!(written)?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(count);
        Poll::Ready(Ok(count))
    }

    /// Sends everything.
    pub(crate) fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.has_bytes() {
            ready!(self.poll_write(context, stream))?;
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut count: usize) {
        let from_front = count.min(self.front.len() - self.at);
        self.at += from_front;
        count -= from_front;
        let from_data = count.min(self.data.len());
        self.data.advance(from_data);
        self.end = &self.end[count - from_data..];
        if self.at == self.front.len() {
            self.front.clear();
            self.at = 0;
        }
        if self.data.is_empty() {
            self.data = Bytes::new();
        }
    }

    /// Lets an empty buffer go: what waits holds none.
    pub(crate) fn release(&mut self) {
        if self.front.is_empty() {
            self.front = Vec::new();
        }
    }
}
