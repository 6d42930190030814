//! Servers that come and go: names that are looked up again, and servers that are asked whether they are well.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use tidegate_net::names::Names;
use tidegate_net::{Connector, Origin};
use tidegate_policy::balance;
use tidegate_policy::health::{HealthRules, Standing};
use tidegate_proxy::edge::{Action, Lookup, Roots, Seed, ServersProbe, Upstream};
use tidegate_proxy::traffic::{Conduct, Expected, GateRules, ProbeRules, Sticky};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::edge_house::{below, body, get, open, proxy, route, serve_at, site};
use crate::house::{House, patient};

const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const TWO: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// What a name stands for by now; `None`: the resolver fails.
type Told = Arc<Mutex<Option<Vec<IpAddr>>>>;

/// Two servers on one port, and a name that leads to the first.
struct Moving {
    told: Told,
    upstream: Arc<Upstream>,
    house: House,
}

/// Listeners on both addresses with the same port.
async fn listeners() -> (TcpListener, TcpListener) {
    loop {
        let one = TcpListener::bind((ONE, 0)).await.unwrap();
        let port = one.local_addr().unwrap().port();
        if let Ok(two) = TcpListener::bind((TWO, port)).await {
            return (one, two);
        }
    }
}

impl Moving {
    async fn start((one, two): (&TcpListener, &TcpListener)) -> Self {
        let told: Told = Arc::new(Mutex::new(Some(vec![ONE])));
        let says = told.clone();
        let names = Names::by(move |_, port| {
            let addresses = says.lock().unwrap().clone();
            let missing = || io::Error::other("no answer");
            let found = addresses.map(|all| all.iter().map(|ip| SocketAddr::new(*ip, port)).collect());
            Box::pin(async move { found.ok_or_else(missing) })
        });
        assert_eq!(one.local_addr().unwrap().port(), two.local_addr().unwrap().port());
        let port = one.local_addr().unwrap().port();
        let origin = Origin { tls: false, host: "app.internal".to_owned(), port };
        let seed = Seed {
            host: HeaderValue::from_str(&origin.host_header()).unwrap(),
            origin,
            lanes: Default::default(),
            path: String::new(),
            weight: 1,
            tier: 0,
            gate: GateRules { concurrency: None, ..GateRules::default() },
        };
        let roots = Roots { connector: Arc::new(Connector::with_names(names)), live: Default::default() };
        let strategy = balance::Strategy::RoundRobin;
        let rules = balance::Rules { strategy, health: patient(), ..balance::Rules::default() };
        let conduct = Arc::new(Conduct::new(rules, Sticky::default(), None, None));
        let lookup = Lookup::new(vec![seed], Duration::from_secs(30), roots);
        let upstream = Arc::new(Upstream::looked_up("app".into(), conduct, lookup));
        let mut proxy = proxy(&[]);
        proxy.upstream = upstream.clone();
        let house = open(site(vec![(below("/"), route(Action::Proxy(Box::new(proxy))))])).await;
        Self { told, upstream, house }
    }

    async fn now_at(&self, addresses: Option<&[IpAddr]>) {
        *self.told.lock().unwrap() = addresses.map(<[_]>::to_vec);
        self.upstream.look_up().await;
    }

    fn servers(&self) -> Vec<String> {
        let shown = |address: &str| address.rsplit_once(':').unwrap().0.replace("http://", "");
        self.upstream.members().iter().map(|member| shown(&member.server.address)).collect()
    }

    async fn asked(&self) -> String {
        body(&get(self.house.address, "/", "").await).to_owned()
    }
}

fn named(name: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len())
}

#[tokio::test]
async fn each_address_of_a_name_is_a_server_and_a_failing_resolver_keeps_them() {
    let (one, two) = listeners().await;
    let moving = Moving::start((&one, &two)).await;
    serve_at(one, named("one"));
    serve_at(two, named("two"));
    assert_eq!(moving.asked().await, "one", "before anything was looked up, by its name");
    moving.now_at(Some(&[TWO, ONE, TWO])).await;
    assert_eq!(moving.servers(), ["127.0.0.1", "127.0.0.2"]);
    let mut heard = [moving.asked().await, moving.asked().await];
    heard.sort_unstable();
    assert_eq!(heard, ["one", "two"], "in turn");
    let before = moving.upstream.members();
    for nothing in [None, Some(&[][..])] {
        moving.now_at(nothing).await;
        assert!(Arc::ptr_eq(&before, &moving.upstream.members()), "{nothing:?}");
    }
    moving.now_at(Some(&[TWO])).await;
    assert_eq!(moving.servers(), ["127.0.0.2"]);
    assert!(Arc::ptr_eq(&before[1].server, &moving.upstream.members()[0].server), "known as it was");
    assert_eq!([moving.asked().await, moving.asked().await], ["two", "two"]);
}

#[tokio::test]
async fn an_answer_under_way_goes_on_when_its_server_is_no_longer_named() {
    let (one, two) = listeners().await;
    let moving = Moving::start((&one, &two)).await;
    moving.now_at(Some(&[ONE])).await;
    serve_at(two, named("two"));
    let mut client = TcpStream::connect(moving.house.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let (mut server, _) = one.accept().await.unwrap();
    server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none").await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"one") {
        client.read_buf(&mut read).await.unwrap();
    }
    moving.now_at(Some(&[TWO])).await;
    assert_eq!(moving.asked().await, "two");
    server.write_all(b"end").await.unwrap();
    client.read_to_end(&mut read).await.unwrap();
    assert!(read.ends_with(b"oneend"), "{}", String::from_utf8_lossy(&read));
}

#[tokio::test]
async fn a_server_that_fails_its_probes_is_out_and_comes_back() {
    let says = Arc::new(Mutex::new("204 No"));
    let listener = TcpListener::bind((ONE, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let told = says.clone();
    let heard = crate::edge_house::Heard::default();
    let paths = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut head).await.unwrap();
            }
            paths.lock().unwrap().push(String::from_utf8(head).unwrap());
            let answer = format!("HTTP/1.1 {}\r\nconnection: close\r\n\r\n", *told.lock().unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let mut upstream = Arc::into_inner(proxy(&[&url]).upstream).unwrap();
    upstream.conduct = Arc::new(Conduct::new(
        balance::Rules {
            health: HealthRules { failures: 0, rate: None, ..HealthRules::default() },
            ..Default::default()
        },
        Sticky::default(),
        None,
        None,
    ));
    let expected = Expected::from_words(["2xx"].into_iter()).unwrap();
    let rules =
        ProbeRules { path: Some("/health".to_owned()), expected, fall: 2, rise: 1, ..ProbeRules::default() };
    upstream.probe = Some(rules.clone());
    let probe = ServersProbe { upstream: Arc::new(upstream), rules };
    let live = probe.upstream.members()[0].server.live.clone();
    let is_well =
        || matches!(live.gauge.health().standing(tidegate_proxy::clock::micros()), Standing::Ready(_));
    // A redirect is no error, but it is not what is expected.
    for (answer, well) in [("204 No", true), ("302 Found", true), ("302 Found", false), ("200 OK", true)] {
        *says.lock().unwrap() = answer;
        probe.run().await;
        assert_eq!(is_well(), well, "{answer}");
    }
    let heard = heard.lock().unwrap();
    assert!(heard.iter().all(|head| head.starts_with("GET /health HTTP/1.1\r\n")), "{heard:?}");
}
