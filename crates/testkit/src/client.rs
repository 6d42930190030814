//! A small HTTP/1.1 client for tests: one connection per request, and full control over how it ends.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::socket::Socket;
use crate::sse;

/// Longest wait for a head, or for one chunk of a body.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Sends requests to one address, with the same headers each time.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    headers: HeaderMap,
}

impl Client {
    /// A client without a key.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: HeaderMap::new() }
    }

    /// Adds a header to all requests; one that is no valid header is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds `authorization: Bearer KEY`.
    #[must_use]
    pub fn bearer(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// Gets a whole answer.
    pub async fn get(&self, path: &str) -> io::Result<Answer> {
        self.send(Method::GET, path, Bytes::new()).await?.whole().await
    }

    /// Posts JSON and reads the whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> io::Result<Answer> {
        self.open(path, body).await?.whole().await
    }

    /// Posts JSON and gives the answer as soon as its head is there.
    pub async fn open(&self, path: &str, body: &Value) -> io::Result<Stream> {
        let client = self.clone().header("content-type", "application/json");
        client.send(Method::POST, path, body.to_string().into()).await
    }

    /// Sends any request, and gives the answer as soon as its head is there.
    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> io::Result<Stream> {
        let socket = Socket::new(TcpStream::connect(self.address).await?);
        let mut builder = http1::Builder::new();
        builder.max_headers(4096).max_buf_size(4 << 20);
        let (mut sender, connection) = builder.handshake(socket.clone()).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(async move {
            connection.await.ok();
        });
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(io::Error::other)?;
        *request.headers_mut() = self.headers.clone();
        let host = HeaderValue::try_from(self.address.to_string()).map_err(io::Error::other)?;
        request.headers_mut().entry("host").or_insert(host);
        let sent_at = Instant::now();
        let (head, body) =
            timeout(LIMIT, sender.send_request(request)).await?.map_err(io::Error::other)?.into_parts();
        Ok(Stream {
            status: head.status,
            headers: head.headers,
            sent_at,
            body,
            reader: sse::Reader::default(),
            pending: VecDeque::new(),
            socket,
            connection,
        })
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, unpacked from chunks and still compressed if it came so.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as server-sent events.
    pub fn events(&self) -> Vec<sse::Event> {
        sse::read_all(&self.body)
    }

    /// One header as text; `None` if absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An answer whose head has come. Dropping it closes the connection.
#[derive(Debug)]
pub struct Stream {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// When the request began to be sent.
    pub sent_at: Instant,
    body: Incoming,
    reader: sse::Reader,
    pending: VecDeque<(sse::Event, Instant)>,
    socket: Socket,
    connection: JoinHandle<()>,
}

impl Stream {
    /// The next bytes of the body; `None` at its proper end. An error if the body is cut, or nothing comes within
    /// [`LIMIT`].
    pub async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match timeout(LIMIT, self.body.frame()).await? {
                None => return Ok(None),
                Some(Err(error)) => return Err(io::Error::other(error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The next server-sent event and when its last byte was read; `None` at the body's proper end.
    pub async fn event(&mut self) -> io::Result<Option<(sse::Event, Instant)>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(Some(event));
            }
            let Some(bytes) = self.chunk().await? else { return Ok(None) };
            let now = Instant::now();
            self.pending.extend(self.reader.push(&bytes).into_iter().map(|event| (event, now)));
        }
    }

    /// All further events, and whether the body came to its proper end.
    pub async fn events(mut self) -> (Vec<sse::Event>, bool) {
        let mut events = Vec::new();
        loop {
            match self.event().await {
                Ok(Some((event, _))) => events.push(event),
                Ok(None) => return (events, true),
                Err(_) => return (events, false),
            }
        }
    }

    /// How many comment lines have been read.
    pub fn comments(&self) -> usize {
        self.reader.comments()
    }

    /// Reads the rest of the body.
    pub async fn whole(mut self) -> io::Result<Answer> {
        let mut body = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            body.extend_from_slice(&bytes);
        }
        let headers = std::mem::take(&mut self.headers);
        Ok(Answer { status: self.status, headers, body: body.into() })
    }

    /// Ends the sending direction and keeps reading.
    pub fn half_close(&self) -> io::Result<()> {
        self.socket.half_close()
    }

    /// Closes the connection, and returns when it is closed here. Linux sends a FIN if all that came was read, and
    /// a reset otherwise.
    pub async fn close(mut self) {
        self.connection.abort();
        (&mut self.connection).await.ok();
    }

    /// Closes the connection with a TCP reset, and returns when it is closed here.
    pub async fn reset(self) -> io::Result<()> {
        self.socket.reset_on_close()?;
        self.close().await;
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
