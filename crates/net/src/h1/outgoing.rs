//! What goes upstream: a request's head, if it is only lent, and its body.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tidegate_core::pieces::Pieces;

/// Why a request's body could not be read to its end.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A request's head that is lent for sending, as it may have to be sent again.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// What is asked.
    pub method: &'a Method,
    /// Of what: only path and query.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// `Host`, where it is not among them.
    pub host: Option<&'a HeaderValue>,
}

impl Heading<'_> {
    /// The request with that body.
    pub(crate) fn with(&self, body: Outgoing) -> Request<Outgoing> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(host) = self.host {
            request.headers_mut().entry(HOST).or_insert_with(|| host.clone());
        }
        request
    }
}

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
