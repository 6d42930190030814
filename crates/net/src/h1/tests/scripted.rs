//! A stream that does what a script says.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use crate::h1::Error;
use crate::h1::connection::Connection;
use crate::h1::stream::Transport;

/// What happens next on a stream.
#[derive(Debug)]
pub(in crate::h1) enum Step {
    /// Bytes come.
    Come(&'static [u8]),
    /// Nothing comes yet.
    Wait,
    /// The connection is reset.
    Reset,
}

/// A stream on which those steps happen, and then its end.
#[derive(Debug, Default)]
pub(in crate::h1) struct Scripted {
    pub(in crate::h1) steps: VecDeque<Step>,
    /// What was written.
    pub(in crate::h1) written: Vec<u8>,
    /// How many calls wrote it.
    pub(in crate::h1) writes: usize,
    /// So many bytes can be written before it fails.
    pub(in crate::h1) takes: Option<usize>,
    /// Every second write must wait, and the others take a few bytes only.
    pub(in crate::h1) is_slow: bool,
    /// Whether the last write had to wait.
    pub(in crate::h1) waited: bool,
}

impl Scripted {
    pub(in crate::h1) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }
}

impl Transport for Scripted {
    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut BytesMut,
        _: usize,
    ) -> Poll<io::Result<usize>> {
        match self.steps.pop_front() {
            Some(Step::Come(bytes)) => {
                buffer.extend_from_slice(bytes);
                Poll::Ready(Ok(bytes.len()))
            }
            Some(Step::Wait) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            None => Poll::Ready(Ok(0)),
        }
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.waited = !self.waited;
        if self.is_slow && self.waited {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let left = self.takes.map_or(usize::MAX, |takes| takes - self.written.len());
        let mut left = left.min(if self.is_slow { 7 } else { usize::MAX });
        let is_full = left == 0;
        let before = self.written.len();
        for part in parts {
            let count = part.len().min(left);
            self.written.extend_from_slice(&part[..count]);
            left -= count;
        }
        self.writes += 1;
        let count = self.written.len() - before;
        Poll::Ready(if is_full { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(count) })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Waits for the head of the answer.
pub(in crate::h1) async fn head(connection: &mut Connection<Scripted>) -> Result<Response<()>, Error> {
    poll_fn(|context| connection.poll_head(context)).await
}

/// Reads the body to its end.
pub(in crate::h1) async fn body(connection: &mut Connection<Scripted>) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(piece) = poll_fn(|context| connection.poll_piece(context)).await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

type Polled<E> = Poll<Option<Result<Frame<Bytes>, E>>>;

/// A body out of a closure.
pub(in crate::h1) fn from_fn<E>(
    poll: impl FnMut(&mut Context<'_>) -> Polled<E> + Send + Unpin + 'static,
) -> impl Body<Data = Bytes, Error = E> + Send + 'static {
    FromFn(poll)
}

struct FromFn<F>(F);

impl<E, F: FnMut(&mut Context<'_>) -> Polled<E> + Unpin> Body for FromFn<F> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled<E> {
        (self.0)(context)
    }
}
