//! Upstreams that speak HTTP/2: gRPC with streams both ways and trailers, WebSockets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tidegate_net::{LaneOptions, LaneProtocol};
use tidegate_proxy::edge::Action;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::edge_house::{below, open, proxy_over, route, site};
use crate::house::House;

/// Sends every piece back as it comes, and behind the last one the request's trailers beside its own.
struct Echo {
    body: Incoming,
    trailers: Option<HeaderMap>,
}

impl Body for Echo {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        loop {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                    Err(frame) => {
                        let told = frame.into_trailers().unwrap_or_default();
                        this.trailers.get_or_insert_default().extend(told);
                    }
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(this.trailers.take().map(|map| Ok(Frame::trailers(map)))),
            }
        }
    }
}

/// What it was asked, in headers; then an echo.
async fn echoed(mut request: Request<Incoming>) -> Result<Response<Echo>, Infallible> {
    let mut answer = Response::builder().header("content-type", "application/grpc");
    let asked = format!("{} {:?} {}", request.method(), request.version(), request.uri());
    answer = answer.header("x-asked", asked);
    let te = request.headers().get("te").cloned();
    answer = answer.header("x-te", te.unwrap_or(HeaderValue::from_static("none")));
    if let Some(protocol) = request.extensions().get::<hyper::ext::Protocol>() {
        answer = answer.header("x-protocol", protocol.as_str());
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        });
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("content-length", HeaderValue::from_static("7"));
    let body = Echo { body: request.into_body(), trailers: Some(trailers) };
    Ok(answer.body(body).unwrap())
}

/// A body that is said piece by piece.
struct Said(mpsc::UnboundedReceiver<Frame<Bytes>>);

impl Body for Said {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

/// An upstream in HTTP/2 without TLS.
async fn upstream(takes_connect: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            if takes_connect {
                server.enable_connect_protocol();
            }
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(echoed)));
        }
    });
    url
}

async fn house(takes_connect: bool) -> House {
    let options = LaneOptions { protocol: LaneProtocol::Http2, ..LaneOptions::default() };
    let proxy = proxy_over(&[&upstream(takes_connect).await], &options);
    open(site(vec![(below("/"), route(Action::Proxy(Box::new(proxy))))])).await
}

type Caller = http2::SendRequest<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;

async fn caller(address: SocketAddr) -> Caller {
    let stream = TcpStream::connect(address).await.unwrap();
    let (caller, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    caller
}

fn grpc(body: Said) -> Request<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
    Request::post("http://app.test/chat.Chat/Say")
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(body.boxed_unsync())
        .unwrap()
}

fn say(sender: &mpsc::UnboundedSender<Frame<Bytes>>, piece: &'static str) {
    sender.send(Frame::data(Bytes::from(piece))).unwrap();
}

#[tokio::test]
async fn a_grpc_call_goes_through_with_streams_both_ways_and_trailers() {
    let house = house(false).await;
    let (sender, said) = mpsc::unbounded_channel();
    let mut caller = caller(house.address).await;
    say(&sender, "first");
    let answer = caller.send_request(grpc(Said(said))).await.unwrap();
    assert_eq!(answer.status(), 200);
    let asked = &answer.headers()["x-asked"];
    assert_eq!(asked, "POST HTTP/2.0 http://app.test/chat.Chat/Say");
    assert_eq!(answer.headers()["x-te"], "trailers");
    let mut body = answer.into_body();
    // Each is heard before the next one is said.
    for (piece, next) in [("first", Some("second")), ("second", Some("third")), ("third", None)] {
        let heard = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(heard, piece);
        if let Some(next) = next {
            say(&sender, next);
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-digest", HeaderValue::from_static("7"));
    trailers.insert("host", HeaderValue::from_static("evil"));
    sender.send(Frame::trailers(trailers)).unwrap();
    drop(sender);
    let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(
        (&trailers["grpc-status"], &trailers["x-digest"]),
        (&"0".parse().unwrap(), &"7".parse().unwrap())
    );
    assert_eq!(trailers.len(), 2, "rfc 9110 6.5.1: {trailers:?}");
    assert!(body.frame().await.is_none());
    let line = house.only_line();
    assert_eq!((&line["status"], &line["outcome"]), (&200.into(), &"complete".into()), "{line}");
}

#[tokio::test]
async fn a_websocket_goes_to_an_upstream_in_http2_and_back() {
    const ASK: &str = "GET /socket HTTP/1.1\r\nhost: app.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let house = house(true).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(ASK.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for line in ["sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "x-protocol: websocket"] {
        assert!(head.contains(line), "{line}: {head}");
    }
    stream.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_websocket_from_http2_goes_to_http2() {
    let house = house(true).await;
    let mut caller = caller(house.address).await;
    // Behind the first answer the gateway's settings are known.
    let plain = Request::get("http://app.test/").body(Empty::new().boxed_unsync()).unwrap();
    caller.send_request(plain).await.unwrap().into_body().collect().await.unwrap();
    let mut request = Request::new(Empty::new().boxed_unsync());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = "http://app.test/socket".parse().unwrap();
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    let answer = caller.send_request(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-protocol"]),
        (200, &"websocket".parse().unwrap())
    );
    let mut stream = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    stream.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
}

#[tokio::test]
async fn an_upstream_that_takes_no_websockets_over_http2_gets_a_plain_request() {
    let house = house(false).await;
    let ask =
        "GET /socket HTTP/1.1\r\nhost: app.test\r\nconnection: Upgrade, close\r\nupgrade: websocket\r\n\r\n";
    let answer = crate::edge_house::say(house.address, ask).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-asked: GET HTTP/2.0"), "{answer}");
}
