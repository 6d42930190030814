//! Answers over HTTP/2 whose peer gives no room for them: after a while they are given up, each by itself.
//!
//! The socket knows nothing of it, as nothing is written to it. So an answer's body notes whether it was asked for more, and the task that
//! tells it is dropped when that has not happened for too long. What was given last may wait in the connection; a piece that is the end
//! of its answer is no longer watched.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::debug;

use super::limits::Pace;

thread_local! {
    /// What a body did in the poll of its task that is going on.
    static DONE: Cell<Done> = const { Cell::new(Done::Nothing) };
}

#[derive(Clone, Copy, Debug)]
enum Done {
    Nothing,
    /// It has given so many bytes, and was not asked again.
    Gave(usize),
    /// It was asked and has nothing yet, or has ended.
    Waits,
}

/// An answer's body that notes what it does.
#[derive(Debug)]
pub(super) struct Noted<B>(pub(super) B);

impl<B: Body + Unpin> Body for Noted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.0).poll_frame(context);
        DONE.set(match &polled {
            Poll::Ready(Some(Ok(frame))) => Done::Gave(frame.data_ref().map_or(0, Buf::remaining)),
            _ => Done::Waits,
        });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// Runs the tasks of a connection's streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams(pub(super) Pace);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, telling: F) {
        tokio::spawn(Watched { telling: Box::pin(telling), pace: self.0, due: None, timer: None });
    }
}

/// One stream's task.
struct Watched<F> {
    telling: Pin<Box<F>>,
    pace: Pace,
    /// Until when its body must be asked for more, while the peer's room is waited for.
    due: Option<Instant>,
    /// Set anew only when it rings: setting it for every piece would cost more than the piece.
    timer: Option<Pin<Box<Sleep>>>,
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        DONE.set(Done::Nothing);
        if this.telling.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        match DONE.get() {
            Done::Nothing => {}
            Done::Gave(bytes) => this.due = Some(Instant::now() + this.pace.time_for(bytes)),
            Done::Waits => this.due = None,
        }
        let Some(due) = this.due else { return Poll::Pending };
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while timer.as_mut().poll(context).is_ready() {
            if due <= Instant::now() {
                debug!("a stream is reset: its peer gives no room for the answer");
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}
