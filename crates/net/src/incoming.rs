//! The body of a caller's request, whichever version it comes in.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

pub use crate::h1::server::body::Fault;
use crate::h1::server::body::Fed;

/// The body of a caller's request. It is read from the connection only as it is polled.
#[derive(Debug)]
pub struct Incoming(Kind);

#[derive(Debug)]
enum Kind {
    /// All of it is here; it may be empty.
    Whole(Bytes),
    /// It comes over HTTP/1.
    Fed(Fed),
    /// It comes over HTTP/2.
    Http2(hyper::body::Incoming),
}

/// Why a request's body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    /// Over HTTP/1.
    #[error(transparent)]
    Http1(#[from] Fault),
    /// Over HTTP/2.
    #[error(transparent)]
    Http2(#[from] hyper::Error),
}

impl Incoming {
    /// A body of which all is here.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(bytes.into()))
    }

    /// The rest comes in one piece and is copied nowhere, if its length was told and the version of HTTP makes that cheap. For who
    /// has made sure that there is room for it.
    pub fn gather(&mut self) {
        if let Kind::Fed(body) = &mut self.0 {
            body.gather();
        }
    }

    pub(crate) fn fed(body: Fed) -> Self {
        Self(Kind::Fed(body))
    }
}

impl From<hyper::body::Incoming> for Incoming {
    fn from(body: hyper::body::Incoming) -> Self {
        Self(Kind::Http2(body))
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = IncomingError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, IncomingError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Fed(body) => {
                let piece = ready!(body.poll_piece(context));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(Into::into)))
            }
            Kind::Http2(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Fed(body) => body.is_at_end(),
            Kind::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Fed(body) => body.left().map_or_else(SizeHint::default, SizeHint::with_exact),
            Kind::Http2(body) => body.size_hint(),
        }
    }
}
