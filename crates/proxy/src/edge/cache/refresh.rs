//! What is read for the cache alone: renewals behind the clients' backs, and answers that their clients have already.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, PRAGMA};
use tidegate_net::LaneBody;
use tidegate_policy::edge::path::PathRules;
use tidegate_policy::edge::route::PathMatch;

use super::answer::Job;
use super::fetch::{Fetched, fetch};
use super::flight::Flight;
use super::record::Recorder;
use super::store::Looked;
use crate::edge::body::{Patience, Source};
use crate::edge::pass::Way;
use crate::edge::visit::Visit;
use crate::edge::{Action, Passage, Route};
use crate::entry::Gateway;
use crate::exchange::{Exchange, Outcome};

/// Renews what is kept in a task of its own, unless somebody is at it already. Nobody waits for it.
pub fn behind(gateway: &Arc<Gateway>, job: &Job<'_>, looked: &Looked, exchange: &Exchange) {
    let Ok(flight) = job.cache.store.flights.go(&job.flight_key(looked)) else { return };
    let mut visit = job.way.visit.again();
    // What this client wants of the cache is no affair of the next one's.
    let asked = &mut Arc::make_mut(&mut visit.head).headers;
    for name in [CACHE_CONTROL, PRAGMA] {
        asked.remove(name);
    }
    let route = job.way.route.clone();
    let mut passage = Passage::new(Some(route.clone()), visit.address(), visit.peer.clone());
    passage.is_behind = true;
    passage.user = exchange.edge.as_ref().and_then(|passage| passage.user.clone());
    let mut renewing = gateway.open("refresh", visit.peer.clone(), exchange.snapshot.clone());
    renewing.edge = Some(passage);
    let way = (job.way.fitted, job.way.paths);
    tokio::spawn(Renewal { visit, route, way, looked: looked.clone(), flight }.run(renewing));
}

/// What is to be renewed.
struct Renewal {
    visit: Visit,
    route: Arc<Route>,
    way: (PathMatch, PathRules),
    looked: Looked,
    flight: Flight,
}

impl Renewal {
    async fn run(self, mut exchange: Exchange) {
        let Self { visit, route, way: (fitted, paths), looked, flight } = self;
        let Action::Proxy(proxy) = &route.action else { return };
        let Some(cache) = &proxy.cache else { return };
        let job = Job::new(Way { visit: &visit, route: &route, proxy, fitted, paths }, cache);
        let (status, outcome) = match fetch(&job, &looked, Some(flight), &mut exchange).await {
            Ok(Fetched::Kept(kept)) => {
                cache.meters.count(kept.telling.used);
                (kept.stored.status, Outcome::Complete)
            }
            Ok(Fetched::New { answer, recorder, used, .. }) => {
                cache.meters.count(used);
                let status = answer.status();
                let is_whole = take_in(answer.into_body(), recorder, proxy.times.idle).await;
                (status, if is_whole { Outcome::Complete } else { Outcome::Cancelled })
            }
            Err(error) => (error.status(), Outcome::Failed),
        };
        exchange.status = status.as_u16();
        exchange.outcome = outcome;
    }
}

/// Reads an answer to its end for the cache alone; says whether it came whole.
pub async fn take_in(lane: LaneBody, recorder: Option<Box<Recorder>>, idle: Duration) -> bool {
    let Some(mut recorder) = recorder else { return false };
    let mut source = Source::Lane(Box::new(lane), Patience::new(idle));
    // Trailers are not kept.
    let mut trailers = None;
    loop {
        match poll_fn(|context| source.poll_piece(context, &mut trailers)).await {
            Some(Ok(piece)) => recorder.push(&piece),
            Some(Err(_)) => return false,
            None => {
                recorder.finish();
                return true;
            }
        }
    }
}
