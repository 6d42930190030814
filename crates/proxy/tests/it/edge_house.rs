//! A gateway with routes, and what is needed to ask it byte by byte.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use tidegate_net::{Connector, LaneOptions, Origin};
use tidegate_policy::balance;
use tidegate_policy::edge::route::{PathPattern, RouteRule, RouteTable};
use tidegate_proxy::edge::site::{Change, Times};
use tidegate_proxy::edge::{Action, HostSent, Member, Proxy, Route, Server, Site, Upstream};
use tidegate_proxy::traffic::{Conduct, GateRules, Live, Sticky};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{House, Plan, patient};

/// What the upstream has been asked, request by request: head and body in one.
pub type Heard = Arc<Mutex<Vec<String>>>;

/// A route that takes everything below `/`.
pub fn route(action: Action) -> Route {
    Route {
        name: "route".into(),
        action,
        addresses: Default::default(),
        basic: None,
        cors: None,
        limits: Vec::new(),
        request_headers: Default::default(),
        answer_headers: Default::default(),
        compression: None,
        is_logged: true,
    }
}

/// A rule for all paths below that one.
pub fn below(path: &str) -> RouteRule {
    RouteRule { paths: vec![PathPattern::Prefix(path.to_owned())], ..RouteRule::default() }
}

/// A proxy to these servers, asked in their order.
pub fn proxy(servers: &[&str]) -> Proxy {
    proxy_over(servers, &LaneOptions::default())
}

/// A proxy to these servers over lanes of that kind.
pub fn proxy_over(servers: &[&str], options: &LaneOptions) -> Proxy {
    let connector = Arc::new(Connector::default());
    let members = servers.iter().enumerate().map(|(tier, url)| {
        let (origin, path) = Origin::parse(url).unwrap();
        let live = Live::new(format!("upstream/{origin}#{tier}").into());
        live.gate.set_rules(&GateRules { concurrency: None, ..GateRules::default() });
        let server = Server {
            address: origin.to_string().into(),
            lanes: connector.pool_with(&origin, options),
            host: HeaderValue::from_str(&origin.host_header()).unwrap(),
            path,
            live,
        };
        Member { server: Arc::new(server), weight: 1, tier: tier as u32 }
    });
    let rules = balance::Rules { health: patient(), ..balance::Rules::default() };
    let conduct = Conduct::new(rules, Sticky::default(), None, None);
    let upstream = Upstream::fixed("servers".into(), members.collect(), Arc::new(conduct));
    Proxy {
        upstream: Arc::new(upstream),
        change: Change::default(),
        host: HostSent::Client,
        body_limit: 1 << 20,
        times: Times { connect: Duration::from_secs(5), ..Times::default() },
        next: Default::default(),
        collects_request: None,
        reads_ahead: None,
        writes_forwarded: false,
        cache: None,
    }
}

/// A site with these routes.
pub fn site(routes: Vec<(RouteRule, Route)>) -> Site {
    let (rules, routes): (Vec<_>, Vec<_>) = routes.into_iter().unzip();
    Site {
        folders: Site::folders_of(&rules),
        table: RouteTable::new(rules).unwrap(),
        routes: routes.into_iter().map(Arc::new).collect(),
        error_pages: HashMap::new(),
        ..Site::default()
    }
}

/// A gateway with that site.
pub async fn open(site: Site) -> House {
    House::start_with(Plan { edge: Some(Arc::new(site)), ..Plan::default() }).await
}

/// A gateway that proxies everything to one server.
pub async fn passing(server: &str) -> House {
    open(site(vec![(below("/"), route(Action::Proxy(Box::new(proxy(&[server])))))])).await
}

/// An upstream that answers every request with these bytes and keeps its connections. Gives its URL and what it hears.
pub async fn upstream(answer: &str) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, serve_at(listener, answer.to_owned()))
}

/// The same on that listener.
pub fn serve_at(listener: TcpListener, answer: String) -> Heard {
    let heard = Heard::default();
    let told = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer.clone(), told.clone()));
        }
    });
    heard
}

async fn serve(mut stream: TcpStream, answer: String, heard: Heard) {
    let mut read = Vec::new();
    while let Some(request) = next_message(&mut stream, &mut read).await {
        heard.lock().unwrap().push(request);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A message with a length or in chunks, from the front of what comes.
pub async fn next_message(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(read).into_owned();
        if let Some(at) = text.find("\r\n\r\n") {
            let head = text[..at].to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            let end = if head.contains("transfer-encoding: chunked") {
                text[at..].find("0\r\n\r\n").map(|end| at + end + 5)
            } else {
                Some(at + 4 + length.unwrap_or(0)).filter(|end| *end <= read.len())
            };
            if let Some(end) = end {
                read.drain(..end);
                return Some(text[..end].to_owned());
            }
        }
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
    }
}

/// Sends bytes on a connection of their own, and reads to its end.
pub async fn say(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let reading = stream.read_to_end(&mut read);
    tokio::time::timeout(crate::house::PATIENCE, reading).await.expect("no end of the answer").unwrap();
    String::from_utf8_lossy(&read).into_owned()
}

/// GETs a path, with further headers (each with its line end), and closes.
pub async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    say(address, &format!("GET {path} HTTP/1.1\r\nhost: app.test\r\nconnection: close\r\n{headers}\r\n"))
        .await
}

/// The status of an answer.
pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

/// A header of an answer or a request.
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (its, value) = line.split_once(": ")?;
        its.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The body of an answer.
pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
