//! A request's body that must come at a least pace.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::serve::Pace;

/// A body that fails with [`TooSlow`] when its sender takes too long: judged by windows, and only over the time in which
/// somebody waits for it.
#[derive(Debug)]
pub struct Paced<B> {
    body: B,
    pace: Pace,
    timer: Option<Pin<Box<Sleep>>>,
    came: usize,
}

/// Why a paced body ended.
#[derive(Debug, thiserror::Error)]
pub enum PacedError<E> {
    /// Its sender is too slow; worth a 408.
    #[error("the request's body comes too slowly")]
    TooSlow,
    /// The body itself failed.
    #[error(transparent)]
    Body(E),
}

impl<B> Paced<B> {
    /// That body at that pace.
    pub fn new(body: B, pace: Pace) -> Self {
        Self { body, pace, timer: None, came: 0 }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = PacedError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            if let Some(Ok(frame)) = &frame {
                this.came = this.came.saturating_add(frame.data_ref().map_or(0, Buf::remaining));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(PacedError::Body)));
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(this.pace.window)));
        while timer.as_mut().poll(context).is_ready() {
            if this.came < this.pace.least {
                return Poll::Ready(Some(Err(PacedError::TooSlow)));
            }
            this.came = 0;
            timer.as_mut().reset(Instant::now() + this.pace.window);
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
