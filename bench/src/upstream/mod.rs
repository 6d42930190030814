//! The fake provider of the load tests: OpenAI chat only, answers made once, one write per event.
//!
//! The test kit's fake provider does far more and costs more than the gateways under test; this one must not be
//! what is measured. The model name says what to answer, in the test kit's words: `bench`, `bench~n-64~pace-10`.

mod answers;
pub(crate) mod frame;
pub(crate) mod origin;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::wire::{Length, Wire};
use answers::Answer;

/// A server in the load generator's own runtime: so its core has one thread, which the gateway never has to wake. It lives as long as the
/// runtime.
pub(crate) struct Upstream {
    /// Where it listens, on 127.0.0.1.
    pub(crate) address: SocketAddr,
    requests: Arc<AtomicU64>,
}

impl Upstream {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the fake provider")?;
        let address = listener.local_addr()?;
        let requests = Arc::new(AtomicU64::new(0));
        let shared = Arc::new(Shared { answers: Mutex::default(), requests: Arc::clone(&requests) });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { address, requests })
    }

    /// Requests answered so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

struct Shared {
    answers: Mutex<HashMap<Vec<u8>, Arc<Answer>>>,
    requests: Arc<AtomicU64>,
}

impl Shared {
    fn answer(&self, body: &[u8]) -> Arc<Answer> {
        let key = answers::key(body);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answers.get(&key) {
            return Arc::clone(answer);
        }
        let answer = Arc::new(Answer::make(&key));
        answers.insert(key, Arc::clone(&answer));
        answer
    }
}

/// Serves one connection; an error is a client that went away.
async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    serve(stream, shared).await.ok();
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let mut wire = Wire::new(stream)?;
    let mut body = Vec::new();
    while let Some(head) = wire.head().await? {
        body.clear();
        if head.length != Length::Bytes(0) {
            wire.body(head.length, &mut |piece| body.extend_from_slice(piece)).await?;
        }
        let answer = shared.answer(&body);
        shared.requests.fetch_add(1, Ordering::Relaxed);
        match answer.pace {
            Some(pace) => paced(&mut wire, &answer, pace).await?,
            None => unpaced(&mut wire, &answer).await?,
        }
    }
    Ok(())
}

/// Each event in its own write, and the other connections get their turn in between: so that events arrive one by
/// one, as from a model, and not as one block.
async fn unpaced(wire: &mut Wire, answer: &Answer) -> std::io::Result<()> {
    for write in &answer.writes {
        wire.write(write).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn paced(wire: &mut Wire, answer: &Answer, pace: Duration) -> std::io::Result<()> {
    let mut ticks = interval_at(Instant::now() + pace, pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (place, write) in answer.writes.iter().enumerate() {
        if place > 0 {
            ticks.tick().await;
        }
        wire.write(write).await?;
    }
    Ok(())
}
