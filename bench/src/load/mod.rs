//! The load generator: keep-alive connections, either as fast as answers come or at a rate that does not wait.

mod awake;
mod crowd;
mod handshake;
mod lane;
mod messages;
mod ticker;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use tokio::task::{JoinSet, LocalSet};
use tokio_rustls::rustls::ClientConfig;

use crate::process::{Cpu, Gateway};
use crate::sample::percentile;
use crate::work::{Expected, Work};
use awake::Awake;
pub(crate) use crowd::Crowd;
pub(crate) use handshake::{client, handshakes};
pub(crate) use lane::Lane;
pub(crate) use messages::{messages, open as open_websocket};

/// Keep-alive connections of the load generator.
pub(crate) const CONNECTIONS: usize = 64;

/// A measurement without an answer in this time is an error.
const NO_ANSWER: Duration = Duration::from_secs(10);

/// Where the load goes: a gateway, or the fake provider itself.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    pub(crate) address: SocketAddr,
    pub(crate) request: Bytes,
    pub(crate) expected: Expected,
    /// Speaks TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Bytes that are read at once.
    pub(crate) room: usize,
}

/// Bytes that are read at once where nothing else is said.
pub(crate) const ROOM: usize = 16 * 1024;

impl Aim {
    /// `provider` stands before the model's name, see [`Work::request`].
    pub(crate) fn new(work: &Work, address: SocketAddr, provider: &str) -> Self {
        let request = work.request(address, provider);
        Self { address, request, expected: work.expected(), tls: None, room: ROOM }
    }
}

/// What one measurement saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    /// Proper answers in the time that was measured.
    pub(crate) answers: u64,
    /// Seconds.
    pub(crate) time: f64,
    /// Of the gateway, in that time.
    pub(crate) cpu: Cpu,
    /// Milliseconds from the request's due time to the first piece of the body, then to its end.
    pub(crate) first: Latency,
    pub(crate) whole: Latency,
}

/// Two percentiles and the mean, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) mean: f64,
}

impl Latency {
    fn of(mut values: Vec<f64>) -> Self {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        Self { p50: percentile(&mut values, 0.5), p99: percentile(&mut values, 0.99), mean }
    }
}

impl Measured {
    /// Answers per second.
    pub(crate) fn per_second(&self) -> f64 {
        self.answers as f64 / self.time
    }

    /// CPU seconds of the gateway per 1,000 answers, which is also milliseconds per answer.
    pub(crate) fn cpu_per_thousand(&self) -> f64 {
        self.cpu.total() * 1000.0 / (self.answers.max(1) as f64)
    }

    /// The share of its core that the gateway used, from 0 to 1.
    pub(crate) fn busy(&self) -> f64 {
        self.cpu.total() / self.time
    }
}

/// What all connections of one measurement write to.
#[derive(Default)]
pub(crate) struct Counts {
    answers: Cell<u64>,
    measuring: Cell<bool>,
    first: RefCell<Vec<f64>>,
    whole: RefCell<Vec<f64>>,
}

impl Counts {
    fn answer(&self, since: Instant, first: Option<Instant>, end: Instant) {
        if !self.measuring.get() {
            return;
        }
        self.answers.set(self.answers.get() + 1);
        let millis = |at: Instant| at.saturating_duration_since(since).as_secs_f64() * 1000.0;
        self.first.borrow_mut().push(millis(first.unwrap_or(end)));
        self.whole.borrow_mut().push(millis(end));
    }
}

/// How long one measurement takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Under load, but not counted.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// All connections ask again as soon as they are answered. Any answer that is not proper is an error.
pub(crate) async fn saturate(aim: &Aim, span: Span, gateway: Option<&Gateway>) -> Result<Measured> {
    each(CONNECTIONS, |counts| closed(aim.clone(), counts), span, gateway).await
}

/// So many tasks at once that count what they do until they are stopped.
async fn each<F: Future<Output = Result<()>> + 'static>(
    count: usize,
    asking: impl Fn(Rc<Counts>) -> F,
    span: Span,
    gateway: Option<&Gateway>,
) -> Result<Measured> {
    let _awake = Awake::start();
    let counts = Rc::new(Counts::default());
    let mut tasks = JoinSet::new();
    let local = LocalSet::new();
    for _ in 0..count {
        tasks.spawn_local_on(asking(Rc::clone(&counts)), &local);
    }
    local.run_until(measure(&mut tasks, &counts, span, gateway)).await
}

async fn closed(aim: Aim, counts: Rc<Counts>) -> Result<()> {
    let mut lane = Lane::connect(&aim).await?;
    loop {
        let since = Instant::now();
        let done = lane.exchange().await?;
        counts.answer(since, done.first, done.end);
    }
}

/// Requests come at a fixed rate whether answers come or not; what waits for a connection waits on the clock.
pub(crate) async fn at_rate(aim: &Aim, rate: f64, span: Span, gateway: Option<&Gateway>) -> Result<Measured> {
    let counts = Rc::new(Counts::default());
    let mut tasks = JoinSet::new();
    let local = LocalSet::new();
    let due = ticker::start(rate, span.warm_up + span.measured)?;
    let due = Rc::new(tokio::sync::Mutex::new(due));
    for _ in 0..CONNECTIONS {
        let (aim, due, counts) = (aim.clone(), Rc::clone(&due), Rc::clone(&counts));
        let asking = async move {
            let mut lane = Lane::connect(&aim).await?;
            loop {
                let Some(since) = due.lock().await.recv().await else { return Ok(()) };
                let done = lane.exchange().await?;
                counts.answer(since, done.first, done.end);
            }
        };
        tasks.spawn_local_on(asking, &local);
    }
    local.run_until(measure(&mut tasks, &counts, span, gateway)).await
}

async fn measure(
    tasks: &mut JoinSet<Result<()>>,
    counts: &Counts,
    span: Span,
    gateway: Option<&Gateway>,
) -> Result<Measured> {
    let cpu = || gateway.map_or(Ok(Cpu::default()), Gateway::cpu);
    while_fine(tasks, tokio::time::sleep(span.warm_up)).await?;
    let (before, start) = (cpu()?, Instant::now());
    counts.measuring.set(true);
    while_fine(tasks, tokio::time::sleep(span.measured)).await?;
    // A short look at a busy machine may see nothing; then it takes longer.
    while counts.answers.get() == 0 && start.elapsed() < NO_ANSWER {
        while_fine(tasks, tokio::time::sleep(span.measured)).await?;
    }
    counts.measuring.set(false);
    let (time, after) = (start.elapsed().as_secs_f64(), cpu()?);
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    if counts.answers.get() == 0 {
        bail!("not one answer in {time:.1} s");
    }
    Ok(Measured {
        answers: counts.answers.get(),
        time,
        cpu: after.since(before),
        first: Latency::of(counts.first.take()),
        whole: Latency::of(counts.whole.take()),
    })
}

/// Waits for `wait`, but no longer than all tasks go well.
pub(crate) async fn while_fine<T>(
    tasks: &mut JoinSet<Result<()>>,
    wait: impl Future<Output = T>,
) -> Result<T> {
    tokio::pin!(wait);
    loop {
        tokio::select! {
            done = &mut wait => return Ok(done),
            Some(ended) = tasks.join_next() => ended??,
        }
    }
}
