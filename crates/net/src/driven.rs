//! One HTTP/1.1 connection to an upstream, driven by whoever waits for its answer.
//!
//! hyper's client connection is usually spawned as a task of its own; then every request and every piece of an answer
//! costs a trip between two tasks. Here the connection is polled by the request that uses it: fewer wake-ups, and pieces that
//! came together leave together. An idle connection is not polled at all; that its upstream has closed it is noticed when
//! it is taken up again.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};

use crate::lane::Outgoing;

/// Largest buffer for what an upstream sends; it grows from 8 KiB when bodies are large.
const BUFFER: usize = 256 * 1024;

/// A connection and its sender.
pub(crate) struct Driven {
    sender: SendRequest<Outgoing>,
    /// `None` once the connection has ended.
    connection: Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
}

impl std::fmt::Debug for Driven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driven").field("open", &self.connection.is_some()).finish()
    }
}

impl Driven {
    /// Speaks HTTP/1.1 on `stream`.
    pub(crate) async fn open<S>(stream: S) -> hyper::Result<Self>
    where
        S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new().max_buf_size(BUFFER).handshake(stream).await?;
        Ok(Self { sender, connection: Some(Box::pin(connection)) })
    }

    /// Sends a request and waits for the answer's head. An error with a message inside means that nothing was sent.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        let mut answer = std::pin::pin!(self.sender.try_send_request(request));
        let connection = &mut self.connection;
        poll_fn(|context| {
            drive(connection, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Waits until the next request can be sent; false if it never can.
    pub(crate) async fn turns_ready(&mut self) -> bool {
        poll_fn(|context| {
            self.drive(context);
            self.sender.poll_ready(context)
        })
        .await
        .is_ok()
    }

    /// Moves the connection on as far as it goes now.
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) {
        drive(&mut self.connection, context);
    }

    /// Whether the connection has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.connection.is_none() || self.sender.is_closed()
    }
}

fn drive(
    connection: &mut Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>,
    context: &mut Context<'_>,
) {
    if let Some(open) = connection
        && let Poll::Ready(ended) = open.as_mut().poll(context)
    {
        // Whoever waits for an answer is told by hyper what became of it.
        if let Err(error) = ended {
            tracing::debug!(%error, "lane ended");
        }
        *connection = None;
    }
}
