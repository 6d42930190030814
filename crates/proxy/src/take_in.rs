//! Stop 4, first half: a request's body, within its bound and within what memory allows.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tidegate_net::Incoming;
use tidegate_policy::overload::{Class, Memory};

use crate::body::read_request;
use crate::error::{GatewayError, Shed};
use crate::exchange::Exchange;
use crate::traffic::class_of;

/// Reads a request's body, decompressed. Its bytes count against the memory of the process until the exchange has ended; where they
/// do not fit any more, the request is refused, those that matter least first.
pub async fn take_in(
    headers: &HeaderMap,
    mut body: Incoming,
    exchange: &mut Exchange,
) -> Result<Bytes, GatewayError> {
    exchange.class = class_of(headers, exchange);
    let desk = exchange.desk.clone();
    let limit = exchange.snapshot.rules.request_body;
    let told = body.size_hint().lower();
    // One that is over the limit is refused for that.
    let told = if told > limit as u64 { 0 } else { told };
    if !desk.memory.admit(exchange.class, told) {
        return Err(GatewayError::Shed(Shed::Memory));
    }
    if told > 0 {
        // Its room is charged already.
        body.gather();
    }
    let mut charged =
        Charged { body, memory: &desk.memory, class: exchange.class, charged: told, read: 0, is_full: false };
    let read = read_request(headers, &mut charged, limit).await;
    exchange.charged += charged.charged;
    if charged.is_full {
        return Err(GatewayError::Shed(Shed::Memory));
    }
    let body = read?;
    exchange.request_bytes = body.len();
    let inflated = (body.len() as u64).saturating_sub(exchange.charged);
    exchange.charge(inflated);
    Ok(body)
}

/// A body whose bytes are charged to the memory of the process as they come.
struct Charged<'m> {
    body: Incoming,
    memory: &'m Memory,
    class: Class,
    charged: u64,
    read: u64,
    is_full: bool,
}

impl Body for Charged<'_> {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(|error| error.to_string())?;
        self.read += frame.data_ref().map_or(0, |data| data.len() as u64);
        let more = self.read.saturating_sub(self.charged);
        if more > 0 {
            if !self.memory.admit(self.class, more) {
                self.is_full = true;
                return Poll::Ready(Some(Err("there is no memory left".to_owned())));
            }
            self.charged += more;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
