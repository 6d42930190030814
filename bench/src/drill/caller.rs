//! Callers as SDKs make them: they wait so long, then leave and ask again, twice at most and after a pause.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use memchr::memmem;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::chance::Chance;
use super::meter::Meter;
use super::said;
use crate::wire::{Head, Wire};

/// An SDK asks again so often.
const RETRIES: u32 = 2;

/// So many of a body's last bytes are looked at.
const TAIL: usize = 64;

/// Most callers that wait at once: each is a socket here, two in the gateway, and one in the provider.
pub(crate) const MOST: usize = 8000;

/// Most connections that are kept for later.
const KEPT: usize = 512;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// A whole answer.
    Good,
    /// 429, 503 or 529, with the seconds after which it may be asked again.
    Refused { retry_after: Option<f64> },
    /// The client's patience was at its end.
    Left,
    /// Anything else.
    Failed(String),
}

/// How patient clients are, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub(crate) patience: [f64; 2],
    /// First and longest pause.
    pub(crate) backoff: [f64; 2],
    /// Whether they ask again at all.
    pub(crate) retries: bool,
}

/// One who asks for something.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) request: Arc<str>,
    pub(crate) streams: bool,
    pub(crate) high: bool,
    pub(crate) manners: Manners,
    pub(crate) chance: Chance,
}

/// All callers of one gateway.
pub(crate) struct Callers {
    address: SocketAddr,
    pub(crate) meter: Meter,
    idle: Mutex<Vec<Wire>>,
    waiting: AtomicUsize,
}

impl Callers {
    /// Of the gateway at this address; counting begins at `start`.
    pub(crate) fn new(address: SocketAddr, start: Instant) -> Self {
        Self { address, meter: Meter::new(start), idle: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// How many wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// From the first request to an answer or the last disappointment.
    pub(crate) async fn call(self: Arc<Self>, mut call: Call) {
        let retries = if call.manners.retries { RETRIES } else { 0 };
        for retry in 0..=retries {
            let begun = Instant::now();
            self.meter.asked();
            let outcome = self.bounded(&mut call).await;
            self.meter.became(&outcome, begun.elapsed().as_secs_f64());
            if outcome == Outcome::Good || retry == retries {
                self.meter.ended(call.high, outcome == Outcome::Good);
                return;
            }
            sleep(pause(&mut call, retry, &outcome)).await;
        }
    }

    async fn bounded(&self, call: &mut Call) -> Outcome {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Outcome::Failed("more callers than this drill has sockets for".to_owned());
        }
        let patience = call.chance.within(call.manners.patience);
        let asked = timeout(Duration::from_secs_f64(patience), self.ask(call)).await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        match asked {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Failed(format!("{error:#}")),
            Err(_) => Outcome::Left,
        }
    }

    async fn ask(&self, call: &Call) -> Result<Outcome> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut wire) = kept
            && let Ok(Some(head)) = send(&mut wire, &call.request).await
        {
            return self.read(wire, &head, call.streams).await;
        }
        let stream = TcpStream::connect(self.address).await.context("connecting")?;
        let mut wire = Wire::with_room(stream, 4096)?;
        let head = send(&mut wire, &call.request).await?.context("closed without an answer")?;
        self.read(wire, &head, call.streams).await
    }

    async fn read(&self, mut wire: Wire, head: &Head, streams: bool) -> Result<Outcome> {
        let mut tail = Vec::with_capacity(2 * TAIL);
        wire.body(head.length, &mut |piece| {
            tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL)..]);
            tail.drain(..tail.len().saturating_sub(TAIL));
        })
        .await
        .context("inside the answer")?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(wire);
        }
        drop(idle);
        let proper = || memmem::find(&tail, said::proper_end(streams)).is_some();
        Ok(match head.status {
            200 if proper() => Outcome::Good,
            429 | 503 | 529 => Outcome::Refused { retry_after: head.retry_after },
            status => Outcome::Failed(format!("status {status} … {}", String::from_utf8_lossy(&tail))),
        })
    }
}

async fn send(wire: &mut Wire, request: &str) -> std::io::Result<Option<Head>> {
    wire.write(request.as_bytes()).await?;
    wire.head().await
}

/// As the SDKs of OpenAI and Anthropic do it: what the server says, up to a minute, or else twice as long each time, less
/// up to a quarter.
fn pause(call: &mut Call, retry: u32, outcome: &Outcome) -> Duration {
    let [first, longest] = call.manners.backoff;
    let own = (first * f64::from(1 << retry)).min(longest) * call.chance.within([0.75, 1.0]);
    let told = match outcome {
        Outcome::Refused { retry_after: Some(told) } if *told > 0.0 && *told <= 60.0 => *told,
        _ => own,
    };
    Duration::from_secs_f64(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_waits_as_it_is_told_and_else_ever_longer() {
        let manners = Manners { patience: [1.0, 1.0], backoff: [0.5, 8.0], retries: true };
        let chance = Chance::new(1);
        let mut call = Call { request: "".into(), streams: false, high: false, manners, chance };
        let told = Outcome::Refused { retry_after: Some(3.0) };
        assert_eq!(pause(&mut call, 0, &told), Duration::from_secs(3));
        let long = Outcome::Refused { retry_after: Some(300.0) };
        assert!(pause(&mut call, 0, &long) <= Duration::from_millis(500));
        assert!(pause(&mut call, 1, &Outcome::Left) >= Duration::from_millis(750));
        assert!(pause(&mut call, 9, &Outcome::Left) <= Duration::from_secs(8));
    }
}
