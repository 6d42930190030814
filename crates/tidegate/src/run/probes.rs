//! The gateway's own rounds: load reports of back ends, probes of targets and servers, the addresses of servers' names. Follows reloads; no request waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate_proxy::Gateway;
use tidegate_proxy::chance::chance;
use tidegate_proxy::edge::{ServersProbe, Site, Upstream};
use tidegate_proxy::snapshot::Snapshot;
use tidegate_proxy::traffic::{LoadJob, ProbeJob};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How often a back end is asked for its load.
const LOAD: Duration = Duration::from_secs(1);
/// Latest look at whether the config has changed.
const LOOK: Duration = Duration::from_millis(500);

/// Something to do again and again.
#[derive(Clone)]
enum Job {
    Load(LoadJob),
    Probe(ProbeJob),
    Servers(ServersProbe),
    Names(Arc<Upstream>, Duration),
}

impl Job {
    fn name(&self) -> String {
        match self {
            Self::Load(job) => format!("load {}", job.provider.name),
            Self::Probe(job) => format!("probe {}", job.target.label),
            Self::Servers(job) => format!("servers of {}", job.upstream.name),
            Self::Names(upstream, _) => format!("names of {}", upstream.name),
        }
    }

    fn every(&self) -> Duration {
        match self {
            Self::Load(_) => LOAD,
            Self::Probe(job) => job.rules.every,
            Self::Servers(job) => job.rules.every,
            Self::Names(_, every) => *every,
        }
    }

    async fn run(self, gateway: Arc<Gateway>) -> String {
        match &self {
            Self::Load(job) => job.run().await,
            Self::Probe(job) => job.run(&gateway).await,
            Self::Servers(job) => job.run().await,
            Self::Names(upstream, _) => upstream.look_up().await,
        }
        self.name()
    }
}

/// When each job is due; `None` while it is under way.
type Due = HashMap<String, Option<Instant>>;

/// Goes the rounds for ever.
pub(super) async fn go_rounds(gateway: Arc<Gateway>) {
    let (mut jobs, mut due) = (Vec::new(), Due::new());
    let mut known: Option<Arc<Snapshot>> = None;
    let mut running = JoinSet::new();
    loop {
        let snapshot = gateway.snapshot();
        if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &snapshot)) {
            jobs = jobs_of(&snapshot);
            due.retain(|name, at| at.is_none() || jobs.iter().any(|job| job.name() == *name));
            known = Some(snapshot);
        }
        let now = Instant::now();
        for job in &jobs {
            // The first time soon, so that there is something to decide by.
            let at = due.entry(job.name()).or_insert_with(|| Some(now));
            if at.is_some_and(|at| at <= now) {
                *at = None;
                running.spawn(job.clone().run(gateway.clone()));
            }
        }
        let next = due.values().flatten().min().copied().unwrap_or(now + LOOK).min(now + LOOK);
        tokio::select! {
            () = sleep_until(next) => {}
            Some(done) = running.join_next() => {
                let Ok(name) = done else { continue };
                let every = jobs.iter().find(|job| job.name() == name).map(Job::every);
                match every {
                    // Not in step with other instances.
                    Some(every) => due.insert(name, Some(now + every.mul_f64(0.9 + chance() * 0.2))),
                    None => due.remove(&name),
                };
            }
        }
    }
}

fn jobs_of(snapshot: &Snapshot) -> Vec<Job> {
    let loads = LoadJob::all(snapshot).into_iter().map(Job::Load);
    let targets = ProbeJob::all(snapshot).into_iter().map(Job::Probe);
    loads.chain(targets).chain(snapshot.edge.iter().flat_map(|site| servers_of(site))).collect()
}

/// Servers' names first, as they say who is probed.
fn servers_of(site: &Site) -> Vec<Job> {
    let upstreams = site.upstreams().into_iter();
    let names = upstreams.filter_map(|upstream| {
        let every = upstream.looks_up_every()?;
        Some(Job::Names(upstream, every))
    });
    names.chain(ServersProbe::all(site).into_iter().map(Job::Servers)).collect()
}
