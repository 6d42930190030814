//! An answer's body on its lane.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};

use super::switch::TrunkTunnel;
use super::trunk::TrunkBody;
use super::{Lane, LaneAnswer, LanePool};
use crate::ahead::Upgraded;
use crate::h1;

/// An answer's body. When it has been read to its end, its lane is used again; dropped before, the lane is closed (in HTTP/2:
/// the stream is reset), which is how an upstream learns that nobody listens any more.
#[derive(Debug)]
pub struct LaneBody {
    /// `None` once the body has ended or failed.
    carrier: Option<Carrier>,
}

/// What a body comes on.
#[derive(Debug)]
enum Carrier {
    Lane(Lane, Arc<LanePool>),
    Trunk(Box<TrunkBody>),
    Tunnel(Box<TrunkTunnel>),
}

impl LaneBody {
    pub(super) fn answer(head: Response<()>, lane: Lane, pool: Arc<LanePool>) -> LaneAnswer {
        let is_tunnel = lane.is_tunnel();
        let mut body = Self { carrier: Some(Carrier::Lane(lane, pool)) };
        if !is_tunnel {
            body.give_back_at_end();
        }
        head.map(|()| body)
    }

    pub(super) fn on_trunk(body: TrunkBody) -> Self {
        Self { carrier: (!body.is_at_end()).then(|| Carrier::Trunk(Box::new(body))) }
    }

    pub(super) fn tunnel(tunnel: TrunkTunnel) -> Self {
        Self { carrier: Some(Carrier::Tunnel(Box::new(tunnel))) }
    }

    /// The bytes that follow, where the answer has switched protocols.
    pub fn upgraded(self) -> Option<Upgraded> {
        match self.carrier? {
            Carrier::Lane(lane, _) => {
                let (stream, read) = lane.into_tunnel()?;
                Some(Upgraded::of(read, stream))
            }
            Carrier::Trunk(_) => None,
            Carrier::Tunnel(tunnel) => Some(Upgraded::of(Bytes::new(), tunnel)),
        }
    }

    fn give_back_at_end(&mut self) {
        if let Some(Carrier::Lane(mut lane, pool)) = self.carrier.take_if(|carrier| carrier.is_done())
            && lane.can_go_on()
        {
            pool.keep(lane);
        }
    }
}

impl Carrier {
    /// Whether the lane is at the end of its answer. A trunk is held until its body says that there is no more, as trailers
    /// may follow the last byte.
    fn is_done(&self) -> bool {
        matches!(self, Self::Lane(lane, _) if lane.is_at_end())
    }
}

impl Body for LaneBody {
    type Data = Bytes;
    type Error = h1::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h1::Error>>> {
        let piece = match &mut self.carrier {
            None | Some(Carrier::Tunnel(_)) => return Poll::Ready(None),
            Some(Carrier::Lane(lane, _)) => {
                ready!(lane.poll_piece(context)).map(|piece| piece.map(Frame::data))
            }
            Some(Carrier::Trunk(body)) => {
                let piece = ready!(body.poll(context));
                if piece.is_none() {
                    self.carrier = None;
                }
                piece
            }
        };
        match &piece {
            Some(Err(error)) => {
                tracing::debug!(%error, "lane broke");
                self.carrier = None;
            }
            _ => self.give_back_at_end(),
        }
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        match &self.carrier {
            None | Some(Carrier::Tunnel(_)) => true,
            Some(Carrier::Lane(lane, _)) => lane.is_at_end(),
            Some(Carrier::Trunk(body)) => body.is_at_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.carrier {
            None | Some(Carrier::Tunnel(_)) => SizeHint::with_exact(0),
            Some(Carrier::Lane(lane, _)) => lane.left().map_or_else(SizeHint::default, SizeHint::with_exact),
            Some(Carrier::Trunk(body)) => body.left(),
        }
    }
}
