//! The provider of the drill: OpenAI chat, streamed and not, as fast as its [`Batch`] allows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::batch::{Batch, Job};
use super::chance::Chance;
use super::scenario::Scenario;
use crate::wire::{Length, Wire};

/// How often the batch gets on.
const STEP: Duration = Duration::from_millis(5);

/// Shares of an answer after which a stream's events are sent; the first is the time to the first token.
const EVENTS: [f64; 5] = [0.3, 0.475, 0.65, 0.825, 1.0];

/// A provider on a thread of its own. It lives as long as the program.
pub(crate) struct Provider {
    /// Where it listens, on 127.0.0.1.
    pub(crate) address: SocketAddr,
    /// What it works on.
    pub(crate) batch: Batch,
}

impl Provider {
    /// Starts it on a free port; the scenario's time begins at `start`.
    pub(crate) fn start(scenario: &Scenario, start: Instant) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no port for the provider")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let batch = Batch::default();
        let shared = Arc::new((batch.clone(), scenario.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("provider".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::spawn(work(Arc::clone(&shared), start));
                let mut chance = Chance::new(7);
                loop {
                    // An error is a client that has gone already, or no more files: the next one may come through.
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            drop(tokio::spawn(connection(stream, Arc::clone(&shared), chance.any())))
                        }
                        Err(_) => tokio::time::sleep(STEP).await,
                    }
                }
            });
        })?;
        Ok(Self { address, batch })
    }
}

/// Lets the batch get on.
async fn work(shared: Arc<(Batch, Scenario)>, start: Instant) {
    let (batch, scenario) = &*shared;
    let mut ticks = interval(STEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before = Instant::now();
    loop {
        ticks.tick().await;
        let now = Instant::now();
        let time = now.saturating_duration_since(start).as_secs_f64();
        batch.pass((now - before).as_secs_f64(), scenario.slots(time), scenario.service(time));
        before = now;
    }
}

/// Serves one connection; an error is a client that went away.
async fn connection(stream: TcpStream, shared: Arc<(Batch, Scenario)>, seed: u64) {
    serve(stream, &shared.0, &shared.1, Chance::new(seed)).await.ok();
}

async fn serve(
    stream: TcpStream,
    batch: &Batch,
    scenario: &Scenario,
    mut chance: Chance,
) -> std::io::Result<()> {
    let mut wire = Wire::with_room(stream, 4096)?;
    let mut body = Vec::new();
    while let Some(head) = wire.head().await? {
        body.clear();
        if head.length != Length::Bytes(0) {
            wire.body(head.length, &mut |piece| body.extend_from_slice(piece)).await?;
        }
        let job = batch.begin(chance.within([0.8, 1.2]));
        let end = Instant::now() + Duration::from_secs_f64(scenario.longest);
        let streams = memmem::find(&body, b"\"stream\":true").is_some();
        if !answer(&mut wire, &job, streams, end).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether the connection can be used again.
async fn answer(wire: &mut Wire, job: &Job, streams: bool, end: Instant) -> std::io::Result<bool> {
    let shares = if streams { &EVENTS[..] } else { &[1.0] };
    for (place, &share) in shares.iter().enumerate() {
        let arrived = tokio::select! {
            arrived = timeout_at(end, job.until(share)) => arrived.is_ok(),
            () = wire.closed() => return Ok(false),
        };
        match (arrived, place) {
            (true, _) if !streams => wire.write(super::said::plain().as_bytes()).await?,
            (true, _) => wire.write(super::said::event(place, shares.len()).as_bytes()).await?,
            (false, 0) => wire.write(super::said::overloaded().as_bytes()).await?,
            (false, _) => return Ok(false),
        }
        if !arrived {
            break;
        }
    }
    Ok(true)
}
