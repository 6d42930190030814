//! The background task: renews leases, tells Redis what it has still to be told, and looks for it while it is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::timeout;

use super::counter::Counter;
use super::limiter::Limiter;
use super::link::{Link, connect_limit};
use super::living::Living;
use super::outbox::{Holding, Operation};
use super::remote::{OTHER_EPOCH, Remote, random_name};
use super::script::{APPLY, BEAT, Call, RESERVE};

/// How often the task looks around when nobody wakes it.
const TICK: Duration = Duration::from_millis(200);
/// How often an instance says that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// An instance that has been silent for so long does not count any more, in microseconds.
const SILENT: i64 = 10_000_000;
/// How often Redis is looked for while it is away.
const PROBE_EVERY: Duration = Duration::from_millis(250);
/// After Redis has lost everything: so long each instance goes on by itself, so that all have put back what they used before one relies on
/// it. One beat, and the time for what a beat finds.
const GRACE: Duration = Duration::from_millis(1500);
/// How often what no window holds any more is forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How many times the time limit of a request the task waits: nobody waits for the task.
const PATIENCE: u32 = 4;

/// Starts the task. It ends when the limiter is gone.
pub(super) fn start(limiter: &Arc<Limiter>) {
    let Ok(runtime) = Handle::try_current() else {
        tracing::warn!("counters outside of a runtime: leases are not renewed, and Redis is not used");
        return;
    };
    let weak = Arc::downgrade(limiter);
    let wake = limiter.remote.as_ref().map_or_else(Arc::default, |remote| Arc::clone(&remote.wake));
    runtime.spawn(async move {
        let mut keeper = Keeper::new();
        while let Some(limiter) = weak.upgrade() {
            keeper.work(&limiter).await;
            drop(limiter);
            // Whether it was woken or the time is over is the same.
            let _ = timeout(TICK, wake.notified()).await;
        }
    });
}

/// What is to be done when.
struct Keeper {
    next_beat: Instant,
    next_probe: Instant,
    next_sweep: Instant,
    /// Until then Redis is not relied on: others may not have put back what they used.
    grace_until: Instant,
    /// Until then fewer instances than before are not believed.
    instances_until: Instant,
}

impl Keeper {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            next_beat: now,
            next_probe: now,
            next_sweep: now + SWEEP_EVERY,
            grace_until: now,
            instances_until: now,
        }
    }

    async fn work(&mut self, limiter: &Limiter) {
        let now = Instant::now();
        renew(limiter);
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_EVERY;
            sweep(limiter);
        }
        let Some(remote) = &limiter.remote else { return };
        if remote.breaker.is_up() {
            self.keep_up(limiter, remote).await;
        }
        if !remote.breaker.is_up() && Instant::now() >= self.next_probe {
            if let Err(why) = self.probe(limiter, remote).await {
                remote.breaker.failed(&why, limiter.clock.now());
            }
            self.next_probe = Instant::now() + PROBE_EVERY;
        }
    }

    async fn keep_up(&mut self, limiter: &Limiter, remote: &Remote) {
        let Some(mut link) = remote.link() else { return };
        if Instant::now() >= self.next_beat {
            self.next_beat = Instant::now() + BEAT_EVERY;
            match beat(remote, &mut link).await {
                Ok((epoch, seen)) => {
                    remote.breaker.succeeded();
                    self.learn_instances(remote, seen);
                    if *epoch != *remote.epoch() {
                        remote.was_emptied(limiter.clock.now());
                        return;
                    }
                }
                Err(why) => remote.failed(&why, limiter.clock.now()),
            }
        }
        while remote.breaker.is_up() {
            match send(limiter, remote, &mut link).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(why) => {
                    remote.failed(&why, limiter.clock.now());
                    // What failed may be a script that Redis has forgotten.
                    let _ = timeout(remote.rules.time_limit, APPLY.load(&mut link)).await;
                }
            }
        }
    }

    /// Looks whether Redis is well; if so tells it everything, and only then relies on it.
    async fn probe(&mut self, limiter: &Limiter, remote: &Remote) -> Result<(), String> {
        let mut link = within(connect_limit(remote.rules.time_limit), remote.connector.connect()).await?;
        let (epoch, seen) = beat(remote, &mut link).await?;
        let known = remote.epoch();
        if *epoch != *known {
            if !known.is_empty() {
                remote.outbox().begin_again();
                self.grace_until = Instant::now() + GRACE;
                self.instances_until = Instant::now() + Duration::from_micros(SILENT.unsigned_abs());
            }
            remote.set_epoch(&epoch);
        }
        self.learn_instances(remote, seen);
        let limit = remote.rules.time_limit * PATIENCE;
        within(limit, RESERVE.load(&mut link)).await?;
        within(limit, APPLY.load(&mut link)).await?;
        let open = limiter.living.ids();
        remote.outbox().renewals = open.into();
        while send(limiter, remote, &mut link).await? {}
        if Instant::now() >= self.grace_until {
            remote.set_link(Some(link));
            remote.breaker.close(limiter.clock.now());
        }
        Ok(())
    }

    fn learn_instances(&self, remote: &Remote, seen: u32) {
        let is_believed = Instant::now() >= self.instances_until;
        remote.learn_instances(if is_believed { seen } else { seen.max(remote.instances()) });
    }
}

/// Tells Redis everything and takes this instance out of the count.
pub(super) async fn close(limiter: &Limiter, remote: &Remote) {
    let Some(mut link) = remote.link().filter(|_| remote.breaker.is_up()) else { return };
    while let Ok(true) = send(limiter, remote, &mut link).await {}
    let mut leave = redis::cmd("ZREM");
    leave.arg(remote.key("instances")).arg(&remote.instance);
    // Should it fail, the instance counts for ten seconds more.
    let _ = link.ask::<redis::Value>(&leave).await;
}

/// Renews the leases that are due.
fn renew(limiter: &Limiter) {
    let now = limiter.clock.now();
    let due = limiter.living.take_due(now);
    for (id, living) in &due {
        limiter.local.renew(*id, &living.claims, living.lease, now);
    }
    if let Some(remote) = &limiter.remote
        && remote.breaker.is_up()
    {
        remote.outbox().renewals.extend(due.iter().map(|(id, _)| id));
    }
}

fn sweep(limiter: &Limiter) {
    let now = limiter.clock.now();
    limiter.local.sweep(now);
    if let Some(remote) = &limiter.remote {
        remote.outbox().own.sweep(now, remote.instances());
    }
}

/// Says that this instance lives: the epoch and the number of instances.
async fn beat(remote: &Remote, link: &mut Link) -> Result<(String, u32), String> {
    let epoch = random_name().map_err(|error| error.to_string())?;
    let call = Call {
        keys: vec![remote.key("epoch"), remote.key("instances")],
        arguments: vec![epoch, String::new(), remote.instance.clone(), SILENT.to_string()],
    };
    within(remote.rules.time_limit, BEAT.run(link, &call)).await
}

/// Sends one batch, if there is anything to be sent. False: there was nothing.
async fn send(limiter: &Limiter, remote: &Remote, link: &mut Link) -> Result<bool, String> {
    let now = limiter.clock.now();
    let (commands, last) = {
        let mut outbox = remote.outbox();
        outbox.load(now, remote.instances(), |id| {
            limiter.living.get(id).map_or_else(Vec::new, |living| renewal(remote, id, &living, now))
        });
        let Some(last) = outbox.sending.last().map(|batch| batch.number) else { return Ok(false) };
        let epoch = remote.epoch();
        let (epoch_key, sent_key) = (remote.key("epoch"), remote.key(&format!("sent:{}", remote.instance)));
        let mut commands = redis::pipe();
        for batch in &outbox.sending {
            commands.add_command(APPLY.command(&batch.call([&epoch_key, &sent_key], &epoch, now, None)));
        }
        (commands, last)
    };
    let answers: Vec<i64> = within(remote.rules.time_limit * PATIENCE, link.ask_all(&commands)).await?;
    if answers.contains(&OTHER_EPOCH) {
        remote.was_emptied(limiter.clock.now());
        return Err("it has lost its counters".to_owned());
    }
    remote.breaker.succeeded();
    remote.outbox().sending.retain(|batch| batch.number > last);
    Ok(true)
}

/// What holds a reservation on.
fn renewal(remote: &Remote, id: u64, living: &Living, now: i64) -> Vec<Operation> {
    let holding_id = remote.holding(id);
    let held = living.counters.iter().filter(|counter: &&Arc<Counter>| counter.is_held());
    held.map(|counter| Operation {
        counter: Arc::clone(counter),
        holding: Some(Holding { id: Arc::clone(&holding_id), lease: Some(living.lease) }),
        used: 0,
        at: now,
    })
    .collect()
}

/// Waits for Redis no longer than that; the error says what was wrong.
async fn within<T>(limit: Duration, call: impl Future<Output = redis::RedisResult<T>>) -> Result<T, String> {
    match timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.category().to_owned()),
        Err(_) => Err("it took too long".to_owned()),
    }
}
