//! The body of a request that goes upstream.

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tidegate_core::pieces::Pieces;

/// Why a request's body could not be read to its end.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request that goes upstream.
#[derive(Debug)]
pub enum Outgoing {
    /// In memory; may be empty.
    Full(Pieces),
    /// Sent as it comes: with a `Content-Length` when its size is known exactly, otherwise in chunks.
    Stream(UnsyncBoxBody<Bytes, BodyError>),
}

impl Outgoing {
    /// A whole body in memory.
    pub fn full(bytes: Bytes) -> Self {
        Self::Full(bytes.into())
    }

    /// A body in memory, in pieces.
    pub fn pieces(pieces: Pieces) -> Self {
        Self::Full(pieces)
    }

    /// A body that is sent as it comes. Its trailers stay behind.
    pub fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        Self::Stream(body.map_err(Into::into).boxed_unsync())
    }
}
