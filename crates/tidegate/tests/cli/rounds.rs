//! What the gateway asks by itself, and what it learns from answers: load, probes, headroom; from the config to the choice.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::gateway::{Gateway, ask, chat, folder_with, get};

const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
const PATIENCE: Duration = Duration::from_secs(30);

/// A model server: answers chats, tells its load, and is well or not.
struct Server {
    address: SocketAddr,
    well: Arc<AtomicBool>,
    chats: Arc<AtomicUsize>,
    rounds: Arc<AtomicUsize>,
}

impl Server {
    /// With so many requests that wait, and so many requests left of its limit.
    fn start(waiting: u32, left: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            well: Arc::new(AtomicBool::new(true)),
            chats: Arc::default(),
            rounds: Arc::default(),
        };
        let (well, chats, rounds) = (server.well.clone(), server.chats.clone(), server.rounds.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(path) = read_request(&mut stream) else { continue };
                let (status, body) = match path.as_str() {
                    "/metrics" => {
                        rounds.fetch_add(1, Ordering::SeqCst);
                        (
                            200,
                            format!("llamacpp:requests_processing 2\nllamacpp:requests_deferred {waiting}\n"),
                        )
                    }
                    "/health" => {
                        rounds.fetch_add(1, Ordering::SeqCst);
                        (if well.load(Ordering::SeqCst) { 200 } else { 503 }, "{}".to_owned())
                    }
                    _ => {
                        chats.fetch_add(1, Ordering::SeqCst);
                        (200, ANSWER.to_owned())
                    }
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\nx-ratelimit-limit-requests: 1000\r\nx-ratelimit-remaining-requests: {left}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        server
    }

    fn chats(&self) -> usize {
        self.chats.load(Ordering::SeqCst)
    }

    /// Waits until the gateway has come by so often.
    fn wait_rounds(&self, count: usize) {
        until("a round", || self.rounds.load(Ordering::SeqCst) >= count);
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    first.split(' ').nth(1).map(str::to_owned)
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A gateway with the model `m` at both servers.
fn gateway(strategy: &str, more: &str, [a, b]: [&Server; 2]) -> (tempfile::TempDir, Gateway) {
    let provider =
        |server: &Server| format!("{{ dialect: openai-chat, base_url: \"http://{}/v1\" }}", server.address);
    let folder = folder_with(&format!(
        "{more}auto_providers: false\nproviders: {{ a: {}, b: {} }}\nmodels: {{ m: {{ strategy: {strategy}, targets: [a/x, b/x] }} }}\n",
        provider(a),
        provider(b),
    ));
    let gateway = Gateway::start(folder.path());
    (folder, gateway)
}

fn ask_once(gateway: &Gateway) {
    let answer = ask(gateway.address, "POST", "/v1/chat/completions", &chat("m", "hello", false));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn load_is_fetched_and_the_idle_server_is_chosen() {
    let (busy, idle) = (Server::start(50, 1000), Server::start(0, 1000));
    let (_folder, gateway) = gateway("load", "", [&busy, &idle]);
    // The second round begins when what the first has learnt is known.
    busy.wait_rounds(2);
    idle.wait_rounds(2);
    for _ in 0..8 {
        ask_once(&gateway);
    }
    assert_eq!((busy.chats(), idle.chats()), (0, 8));
}

#[test]
fn a_probe_finds_a_dead_server_before_a_caller_does_and_its_recovery_too() {
    let (ill, well) = (Server::start(0, 1000), Server::start(0, 1000));
    ill.well.store(false, Ordering::SeqCst);
    let health = "health: { failures: 2, open: 500ms, probe: { path: /health, every: 100ms } }\n";
    let (_folder, gateway) = gateway("priority", health, [&ill, &well]);
    ill.wait_rounds(4);
    for _ in 0..4 {
        ask_once(&gateway);
    }
    assert_eq!((ill.chats(), well.chats()), (0, 4));
    ill.well.store(true, Ordering::SeqCst);
    until("the recovered one is asked", || {
        ask_once(&gateway);
        ill.chats() > 0
    });
}

#[test]
fn servers_of_routes_are_probed_too() {
    let (ill, well) = (Server::start(0, 1000), Server::start(0, 1000));
    ill.well.store(false, Ordering::SeqCst);
    let config = format!(
        "upstreams:\n  app:\n    strategy: priority\n    servers: [\"http://{}\", \"http://{}\"]\n    health: {{ probe: {{ path: /health, every: 100ms, fall: 2, rise: 1 }} }}\nroutes: [{{ path: /, proxy: app }}]\n",
        ill.address, well.address
    );
    let folder = folder_with(&config);
    let gateway = Gateway::start(folder.path());
    let ask = || assert!(get(gateway.address, "/page").starts_with("HTTP/1.1 200"));
    ill.wait_rounds(3);
    for _ in 0..4 {
        ask();
    }
    assert_eq!((ill.chats(), well.chats()), (0, 4));
    ill.well.store(true, Ordering::SeqCst);
    until("the recovered one is asked", || {
        ask();
        ill.chats() > 0
    });
}

#[test]
fn headroom_follows_what_the_providers_say_is_left() {
    let (narrow, wide) = (Server::start(0, 1), Server::start(0, 1000));
    let (_folder, gateway) = gateway("headroom", "", [&narrow, &wide]);
    // Both are unknown until each has answered once.
    until("both are known", || {
        ask_once(&gateway);
        narrow.chats() > 0 && wide.chats() > 0
    });
    let before = narrow.chats();
    for _ in 0..20 {
        ask_once(&gateway);
    }
    assert_eq!(narrow.chats(), before, "a thousandth of its limit is left");
}
