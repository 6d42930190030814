//! A target that does one thing wrong, or nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::drill::chance::Chance;
use crate::drill::said;
use crate::wire::{Length, Wire};

/// How long a good target takes.
const USUAL: Duration = Duration::from_millis(50);

/// Events of a stream.
const EVENTS: usize = 5;

/// What is wrong with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    Slow,
    Failing,
    Silent,
    BreaksOff,
    Nonsense,
}

impl Fault {
    /// All that are one.
    pub(super) const ALL: [Self; 5] =
        [Self::Slow, Self::Failing, Self::Silent, Self::BreaksOff, Self::Nonsense];

    /// In words, behind "one of three targets".
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::None => "is good",
            Self::Slow => "is ten times as slow",
            Self::Failing => "fails 30 % of requests",
            Self::Silent => "never answers",
            Self::BreaksOff => "resets in the midst of answers",
            Self::Nonsense => "answers nonsense with 200",
        }
    }
}

/// A target on a thread of its own. It lives as long as the program.
pub(super) struct Target {
    /// Where it listens, on 127.0.0.1.
    pub(super) address: SocketAddr,
    asked: Arc<AtomicU64>,
}

impl Target {
    /// Starts it on a free port.
    pub(super) fn start(fault: Fault) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no port for a target")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let asked = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&asked);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("target".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                let mut chance = Chance::new(17);
                while let Ok((stream, _)) = listener.accept().await {
                    let (shared, own) = (Arc::clone(&shared), Chance::new(chance.any()));
                    // An error is a client that went away, or this target's own fault.
                    tokio::spawn(async move { serve(stream, fault, &shared, own).await.ok() });
                }
            });
        })?;
        Ok(Self { address, asked })
    }

    /// Requests that it has got so far.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn serve(
    stream: TcpStream,
    fault: Fault,
    asked: &AtomicU64,
    mut chance: Chance,
) -> std::io::Result<()> {
    let mut wire = Wire::new(stream)?;
    let mut body = Vec::new();
    while let Some(head) = wire.head().await? {
        body.clear();
        if head.length != Length::Bytes(0) {
            wire.body(head.length, &mut |piece| body.extend_from_slice(piece)).await?;
        }
        asked.fetch_add(1, Ordering::Relaxed);
        let streams = memmem::find(&body, b"\"stream\":true").is_some();
        match fault {
            Fault::Silent => {
                wire.closed().await;
                return Ok(());
            }
            Fault::Failing if chance.share() < 0.3 => {
                wire.write(said::error("500 Internal Server Error", "Something broke.").as_bytes()).await?;
            }
            Fault::Nonsense => {
                sleep(USUAL).await;
                wire.write(said::response("200 OK", "<html>\u{1f41f} moved").as_bytes()).await?;
            }
            Fault::BreaksOff => return broken(&mut wire, streams).await,
            Fault::Slow => good(&mut wire, streams, USUAL * 10).await?,
            Fault::None | Fault::Failing => good(&mut wire, streams, USUAL).await?,
        }
    }
    Ok(())
}

async fn good(wire: &mut Wire, streams: bool, time: Duration) -> std::io::Result<()> {
    if !streams {
        sleep(time).await;
        return wire.write(said::plain().as_bytes()).await;
    }
    for place in 0..EVENTS {
        sleep(time / EVENTS as u32).await;
        wire.write(said::event(place, EVENTS).as_bytes()).await?;
    }
    Ok(())
}

/// The connection ends when this returns.
async fn broken(wire: &mut Wire, streams: bool) -> std::io::Result<()> {
    sleep(USUAL).await;
    let whole = if streams { said::event(0, EVENTS) } else { said::plain() };
    let part = if streams { whole.len() } else { whole.len() / 2 };
    wire.write(&whole.as_bytes()[..part]).await
}
