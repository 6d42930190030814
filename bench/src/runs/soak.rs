//! A great many requests in a row: resident memory must not grow.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::{JoinSet, LocalSet};

use super::Setting;
use crate::gateway::{Contender, TIDEGATE};
use crate::load::{Aim, CONNECTIONS, Lane};
use crate::results::SoakResult;
use crate::sample::median;
use crate::work::{WORKS, Work};

/// One request in so many is a stream.
const STREAM_EACH: u64 = 20;

/// What may grow and still be called flat: an allocator is never quite still.
const ALLOWED_MIB: f64 = 2.0;

/// Sends so many requests through Tidegate.
pub(crate) async fn run(setting: &Setting<'_>, requests: u64) -> Result<SoakResult> {
    let gateway = Contender::start(TIDEGATE, &setting.site)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left = Rc::new(Cell::new(requests));
    let aims = [aim(&gateway, "chat")?, aim(&gateway, "stream")?];
    let local = LocalSet::new();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        tasks.spawn_local_on(ask(aims.clone(), Rc::clone(&left)), &local);
    }
    let (start, asked_before) = (Instant::now(), setting.upstream.requests());
    let mut looks = vec![gateway.resident_mib()];
    local.run_until(watch(&mut tasks, &gateway, &left, &mut looks)).await?;
    let asked = setting.upstream.requests() - asked_before;
    ensure!(asked == requests, "the provider was asked {asked} times for {requests} requests");
    let mib = thinned(&looks, 101);
    let (grown_mib, flat) = growth(&mib);
    eprintln!("{requests} requests: {grown_mib:+.2} MiB, {}", if flat { "flat" } else { "NOT flat" });
    let machine = setting.machine.clone();
    Ok(SoakResult { machine, requests, seconds: start.elapsed().as_secs_f64(), mib, grown_mib, flat })
}

fn aim(gateway: &Contender, name: &str) -> Result<Aim> {
    let work: &Work = WORKS.iter().find(|work| work.name == name).context("no such work")?;
    Ok(gateway.aim(work))
}

/// Looks at the memory until all requests are answered.
async fn watch(
    tasks: &mut JoinSet<Result<()>>,
    gateway: &Contender,
    left: &Cell<u64>,
    looks: &mut Vec<f64>,
) -> Result<()> {
    let mut clock = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = clock.tick() => {
                looks.push(gateway.resident_mib());
                if looks.len().is_multiple_of(50) {
                    eprintln!("{} requests to go, {:.1} MiB", left.get(), gateway.resident_mib());
                }
            }
            ended = tasks.join_next() => match ended {
                Some(ended) => ended??,
                None => break,
            },
        }
    }
    looks.push(gateway.resident_mib());
    Ok(())
}

/// So many values, evenly, the first and the last among them.
fn thinned(values: &[f64], count: usize) -> Vec<f64> {
    if values.len() <= count {
        return values.to_vec();
    }
    (0..count).map(|at| values[at * (values.len() - 1) / (count - 1)]).collect()
}

/// Takes one request after the other until none is left.
async fn ask([plain, stream]: [Aim; 2], left: Rc<Cell<u64>>) -> Result<()> {
    let (mut plain, mut stream) = (Lane::connect(&plain).await?, Lane::connect(&stream).await?);
    while left.get() > 0 {
        let number = left.get();
        left.set(number - 1);
        let lane = if number.is_multiple_of(STREAM_EACH) { &mut stream } else { &mut plain };
        lane.exchange().await?;
    }
    Ok(())
}

/// From the second fifth, when all is warm, to the last.
fn growth(mib: &[f64]) -> (f64, bool) {
    let fifth = mib.len() / 5;
    let part = |number: usize| median(mib.iter().skip(fifth * number).take(fifth.max(1)).copied());
    let grown = part(4) - part(1);
    (grown, grown <= ALLOWED_MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_not_flat() {
        assert!(growth(&[12.0; 100]).1);
        let warming: Vec<f64> = (0..100).map(|at| 20.0 - 8.0 / (1.0 + f64::from(at))).collect();
        assert!(growth(&warming).1);
        let leaking: Vec<f64> = (0..100).map(|at| 12.0 + f64::from(at) * 0.05).collect();
        assert!(!growth(&leaking).1);
    }
}
