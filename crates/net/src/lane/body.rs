//! An answer's body on its lane.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};

use super::{Lane, LaneAnswer, LanePool};
use crate::h1::{self, Upgraded};

/// An answer's body. When it has been read to its end, its lane is used again; dropped before, the lane is closed, which
/// is how an upstream learns that nobody listens any more.
#[derive(Debug)]
pub struct LaneBody {
    /// `None` once the body has ended or failed.
    lane: Option<(Lane, Arc<LanePool>)>,
}

impl LaneBody {
    pub(super) fn answer(head: Response<()>, lane: Lane, pool: Arc<LanePool>) -> LaneAnswer {
        let mut body = Self { lane: Some((lane, pool)) };
        let is_tunnel = body.lane.as_ref().is_some_and(|(lane, _)| lane.is_tunnel());
        if !is_tunnel {
            body.give_back_at_end();
        }
        head.map(|()| body)
    }

    /// The bytes that follow, where the answer has switched protocols.
    pub fn upgraded(self) -> Option<Upgraded> {
        let (stream, read) = self.lane?.0.into_tunnel()?;
        Some(Upgraded::new(stream, read))
    }

    fn give_back_at_end(&mut self) {
        if let Some((mut lane, pool)) = self.lane.take_if(|(lane, _)| lane.is_at_end())
            && lane.can_go_on()
        {
            pool.keep(lane);
        }
    }
}

impl Body for LaneBody {
    type Data = Bytes;
    type Error = h1::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h1::Error>>> {
        let Some((lane, _)) = &mut self.lane else { return Poll::Ready(None) };
        let piece = ready!(lane.poll_piece(context));
        match &piece {
            Some(Err(error)) => {
                tracing::debug!(%error, "lane broke");
                self.lane = None;
            }
            _ => self.give_back_at_end(),
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.lane.as_ref().is_none_or(|(lane, _)| lane.is_at_end())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.lane {
            None => SizeHint::with_exact(0),
            Some((lane, _)) => lane.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
