//! The body of an answer: plays its steps, and knows whether the client stayed to the end.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Duration, Sleep, sleep};

use crate::frames::Step;
use crate::journal::OpenAnswer;
use crate::socket::Socket;

/// An answer's body. Dropped before its last step, it counts as cancelled by the client.
pub(crate) struct Playback {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    flushed: bool,
    answer: OpenAnswer,
    socket: Socket,
    close_after: bool,
    length: Option<u64>,
}

impl Playback {
    /// `length` is told to hyper where the body has a known size and no pauses.
    pub(crate) fn new(steps: Vec<Step>, length: Option<u64>, answer: OpenAnswer, socket: Socket) -> Self {
        Self { steps: steps.into(), sleep: None, flushed: false, answer, socket, close_after: false, length }
    }

    /// Closes the connection when the answer is out, without having said so.
    pub(crate) fn closing_after(mut self, close_after: bool) -> Self {
        self.close_after = close_after;
        self
    }

    fn pop(&mut self) {
        self.steps.pop_front();
        if self.steps.is_empty() {
            self.end();
        }
    }

    fn end(&mut self) {
        self.answer.end();
        if self.close_after {
            self.socket.take_no_more_requests();
        }
    }

    fn break_off(&mut self, what: &str) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.steps.clear();
        self.answer.end();
        Poll::Ready(Some(Err(io::Error::other(what.to_owned()))))
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>, pause: Duration) -> Poll<()> {
        let timer = self.sleep.get_or_insert_with(|| Box::pin(sleep(pause)));
        ready!(timer.as_mut().poll(cx));
        self.sleep = None;
        Poll::Ready(())
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        loop {
            match this.steps.front().cloned() {
                None => {
                    this.end();
                    return Poll::Ready(None);
                }
                Some(Step::Send(bytes)) => {
                    this.pop();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Flush) if !this.flushed => {
                    this.flushed = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Flush) => {
                    this.flushed = false;
                    this.pop();
                }
                Some(Step::Pause(pause)) => {
                    ready!(this.poll_sleep(cx, pause));
                    this.pop();
                }
                Some(Step::Forever(bytes, pause)) => {
                    if let Some(pause) = pause {
                        ready!(this.poll_sleep(cx, pause));
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Stall) => return Poll::Pending,
                Some(Step::Cut) => return this.break_off("cut by the script"),
                Some(Step::Reset) => {
                    this.socket.reset_on_close()?;
                    return this.break_off("reset by the script");
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
