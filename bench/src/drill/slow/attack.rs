//! Connections that hold on to the gateway: heads that never end, and answers that are hardly read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::drill::chance::Chance;

/// Between two bytes of a head.
const DRIP: Duration = Duration::from_secs(5);

/// What a slow reader takes, and how often.
const SIP: usize = 4 * 1024;
const PAUSE: Duration = Duration::from_secs(1);

/// A small window, so that what is not read waits at the gateway.
const WINDOW: u32 = 16 * 1024;

/// What was seen of the attack.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Connections that are open now.
    pub(super) dripping: AtomicUsize,
    pub(super) reading: AtomicUsize,
    /// Such as the gateway has let go.
    pub(super) let_go: AtomicU64,
    /// Readers that were cut.
    pub(super) cut: AtomicU64,
    /// Connections that could not be opened.
    pub(super) refused: AtomicU64,
    /// Bytes that readers have taken.
    pub(super) taken: AtomicU64,
}

/// An attack, on a thread of its own. It ends when this is dropped.
pub(super) struct Attack {
    pub(super) counts: Arc<Counts>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How many there are, and within which time they come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) dripping: usize,
    pub(super) reading: usize,
    pub(super) within: Duration,
}

impl Attack {
    /// Begins it: these connections to that address, where the file is at that path.
    pub(super) fn start(address: SocketAddr, path: &'static str, size: Size) -> Result<Self> {
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = counts.clone();
        let thread = std::thread::Builder::new().name("attack".to_owned()).spawn(move || {
            runtime.block_on(async {
                let mut chance = Chance::new(17);
                for _ in 0..size.dripping {
                    tokio::spawn(drip(address, size.within.mul_f64(chance.share()), shared.clone()));
                }
                for _ in 0..size.reading {
                    let wait = size.within.mul_f64(chance.share());
                    tokio::spawn(sip(address, path, wait, shared.clone()));
                }
                stopped.await.ok();
            });
        })?;
        Ok(Self { counts, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Sends a head a byte at a time; when the gateway has had enough, begins another one.
async fn drip(address: SocketAddr, wait: Duration, counts: Arc<Counts>) {
    sleep(wait).await;
    loop {
        if let Ok(stream) = TcpStream::connect(address).await {
            counts.dripping.fetch_add(1, Ordering::Relaxed);
            drip_on(stream).await.ok();
            counts.dripping.fetch_sub(1, Ordering::Relaxed);
            counts.let_go.fetch_add(1, Ordering::Relaxed);
        } else {
            counts.refused.fetch_add(1, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
    }
}

async fn drip_on(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"GET /proxy/1k HTTP/1.1\r\nhost: a\r\nx-slow: ").await?;
    let mut one = [0];
    // An answer, or the end, means that it was let go.
    while timeout(DRIP, stream.read(&mut one)).await.is_err() {
        stream.write_all(b"a").await?;
    }
    Ok(())
}

/// Asks for the file and hardly reads it.
async fn sip(address: SocketAddr, path: &str, wait: Duration, counts: Arc<Counts>) {
    sleep(wait).await;
    match ask(address, path).await {
        Ok(mut stream) => {
            counts.reading.fetch_add(1, Ordering::Relaxed);
            let mut room = vec![0; SIP];
            while let Ok(count @ 1..) = stream.read(&mut room).await {
                counts.taken.fetch_add(count as u64, Ordering::Relaxed);
                sleep(PAUSE).await;
            }
            counts.reading.fetch_sub(1, Ordering::Relaxed);
            counts.cut.fetch_add(1, Ordering::Relaxed);
        }
        Err(_) => drop(counts.refused.fetch_add(1, Ordering::Relaxed)),
    }
}

async fn ask(address: SocketAddr, path: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(WINDOW)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await?;
    Ok(stream)
}

/// Reads the whole file; says how long it took.
pub(super) async fn fetch(address: SocketAddr, path: &str, size: u64) -> Result<Duration> {
    let since = std::time::Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut read, mut room) = (0, vec![0; 256 * 1024]);
    loop {
        match stream.read(&mut room).await.context("the file was cut")? {
            0 => break,
            count => read += count as u64,
        }
    }
    ensure!(read > size, "the file was cut after {read} bytes");
    Ok(since.elapsed())
}
