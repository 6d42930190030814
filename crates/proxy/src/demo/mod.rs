//! The built-in provider `demo`: answers without any network, always the same, at a readable pace. It speaks OpenAI chat,
//! so that every other dialect reaches it through the same translation as a real provider.
//!
//! The model `demo/echo` repeats what it is told. Words that begin with `!` in the last message are orders:
//!
//! | order | what happens |
//! | --- | --- |
//! | `!words N` | an answer of N words |
//! | `!pace MS` | MS milliseconds between words of a stream (default 20) |
//! | `!think` | some reasoning before the answer |
//! | `!tool` | calls the first tool on offer |
//! | `!fail STATUS` | an error with that HTTP status |
//! | `!cut` | the stream breaks off in the middle |

mod answer;
mod order;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Sleep, sleep};

pub use answer::{chat, embeddings};

/// The name of the built-in provider.
pub const PROVIDER: &str = "demo";
/// The name of its model.
pub const MODEL: &str = "echo";

/// An answer of the demo provider.
#[derive(Debug)]
pub struct DemoAnswer {
    /// HTTP status.
    pub status: u16,
    /// `application/json` or `text/event-stream`.
    pub content_type: &'static str,
    /// The body, piece by piece.
    pub body: DemoBody,
}

/// Pieces that come at a pace.
#[derive(Debug)]
pub struct DemoBody {
    pieces: VecDeque<Bytes>,
    pace: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    cut: bool,
}

/// The broken-off end of a stream (`!cut`).
#[derive(Debug, thiserror::Error)]
#[error("the demo provider cut the stream, as it was told")]
pub struct DemoCut;

impl DemoBody {
    fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::paced(vec![bytes.into()], Duration::ZERO, false)
    }

    fn paced(pieces: Vec<Bytes>, pace: Duration, cut: bool) -> Self {
        Self { pieces: pieces.into(), pace, pause: None, cut }
    }
}

impl Body for DemoBody {
    type Data = Bytes;
    type Error = DemoCut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DemoCut>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let Some(piece) = self.pieces.pop_front() else {
            return Poll::Ready(self.cut.then_some(Err(DemoCut)));
        };
        if !self.pieces.is_empty() && !self.pace.is_zero() {
            self.pause = Some(Box::pin(sleep(self.pace)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
