//! Bodies: reading a request's within its bound, and the answer's.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

use crate::edge::body::EdgeBody;
use crate::error::GatewayError;
use crate::inflate::{Encoding, inflate_whole};
use crate::relay::Relay;

/// Most bytes of a refused body that are read and thrown away.
const DISCARDED: u64 = 128 << 20;
/// Longest time that it may take.
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// The body of an answer: in one piece, or relayed from the provider as it comes.
#[derive(Debug)]
pub enum ReplyBody {
    /// In one piece.
    Full(Option<Bytes>),
    /// As it comes.
    Relay(Box<Relay>),
    /// As it comes, untranslated: from an upstream of the edge, or from files.
    Edge(Box<EdgeBody>),
}

impl ReplyBody {
    /// A body in one piece.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self::Full(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match &mut *self {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay(relay) => {
                relay.poll_bytes(context).map(|next| next.map(|bytes| bytes.map(Frame::data)))
            }
            Self::Edge(body) => body.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            Self::Relay(_) => false,
            Self::Edge(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Relay(_) => SizeHint::default(),
            Self::Edge(body) => body.size_hint(),
        }
    }
}

/// Refuses a body that says to be something else than JSON (fault 36). One that says nothing is believed to be JSON.
pub fn expect_json(headers: &HeaderMap) -> Result<(), GatewayError> {
    let Some(value) = headers.get(http::header::CONTENT_TYPE) else { return Ok(()) };
    let is_json = value == "application/json"
        || memchr::memmem::find(value.as_bytes(), b"json").is_some()
        || value.as_bytes().to_ascii_lowercase().windows(4).any(|word| word == b"json");
    let told = || value.to_str().unwrap_or("?").chars().take(100).collect();
    if is_json { Ok(()) } else { Err(GatewayError::NotJson(told())) }
}

/// Reads a request's body, decompressed, within `limit` bytes. One that is refused is read on and thrown away, within
/// bounds: a client that writes all before it reads would find a reset instead of its answer.
pub async fn read_request<B>(headers: &HeaderMap, mut body: B, limit: usize) -> Result<Bytes, GatewayError>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let read = read_within(headers, &mut body, limit).await;
    if let Err(GatewayError::BodyTooLarge { .. } | GatewayError::UnknownEncoding(_)) = &read
        && !headers.contains_key(http::header::EXPECT)
    {
        discard(body).await;
    }
    read
}

async fn read_within<B>(headers: &HeaderMap, body: &mut B, limit: usize) -> Result<Bytes, GatewayError>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(GatewayError::BodyTooLarge { limit });
    }
    let encoding = match headers.get(http::header::CONTENT_ENCODING) {
        None => Encoding::Identity,
        Some(value) => Encoding::named(value.to_str().unwrap_or("?")).ok_or_else(|| {
            GatewayError::UnknownEncoding(String::from_utf8_lossy(value.as_bytes()).into_owned())
        })?,
    };
    let refused = |failure| match failure {
        ReadFailure::TooLarge => GatewayError::BodyTooLarge { limit },
        ReadFailure::Broken(cause) => GatewayError::BodyUnreadable(cause),
    };
    let raw = read_bounded(body, limit).await.map_err(refused)?;
    if encoding == Encoding::Identity {
        return Ok(raw);
    }
    inflate_whole(encoding, &raw, limit).map_err(refused)
}

/// Reads what is left of a refused body, up to [`DISCARDED`] bytes and [`DISCARD_TIME`].
async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let mut left = DISCARDED;
    if body.size_hint().lower() > left {
        return;
    }
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |piece| piece.len() as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Too slow: the connection is closed with the answer.
    let _ = tokio::time::timeout(DISCARD_TIME, rest).await;
}

/// Why a body could not be read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFailure {
    /// Over the bound.
    TooLarge,
    /// The connection or the compression broke.
    Broken(String),
}

/// Reads a body whole, within `limit` bytes. A body that comes in one piece is not copied.
pub async fn read_bounded<B>(mut body: B, limit: usize) -> Result<Bytes, ReadFailure>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ReadFailure::Broken(error.to_string()))?;
        let Ok(piece) = frame.into_data() else { continue };
        let so_far = if rest.is_empty() { first.as_ref().map_or(0, Bytes::len) } else { rest.len() };
        if so_far + piece.len() > limit {
            return Err(ReadFailure::TooLarge);
        }
        match &first {
            None => first = Some(piece),
            Some(head) => {
                if rest.is_empty() {
                    rest.reserve(body.size_hint().lower() as usize + head.len() + piece.len());
                    rest.extend_from_slice(head);
                }
                rest.extend_from_slice(&piece);
            }
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    #[tokio::test]
    async fn fault_27_a_body_that_says_it_is_too_large_is_refused_without_keeping_it() {
        let body = Full::new(Bytes::from_static(b"12345"));
        let error = read_request(&HeaderMap::new(), body, 4).await.unwrap_err();
        assert_eq!(error.status(), 413);
    }
}
