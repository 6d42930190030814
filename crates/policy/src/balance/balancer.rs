//! The balancer of a pool.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::candidate::{Asked, Candidate};
use super::level;
use super::order::{Order, Place, Ranked, Why};
use super::pick;
use super::strategy::Strategy;
use crate::health::{HealthRules, Out, Standing, micros};

/// How fast a measured distance fades, in microseconds. Networks change seldom.
pub(crate) const DISTANCE_DECAY: i64 = 600_000_000;

/// How a pool chooses, and when its targets are broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The way of choosing.
    pub strategy: Strategy,
    /// When breakers open, and how targets come back.
    pub health: HealthRules,
    /// When a smaller share of the pool than this is healthy, breakers that slow or failing answers have opened are not heeded; 0 switches it off. Envoy's default is a half, for
    /// pools of many equal hosts; of few providers one that works is better than three of which it is one.
    pub panic_threshold: f64,
    /// How fast the peak-EWMA fades to 1/e.
    pub decay: Duration,
    /// Sticky: no target has more than this many times its share of the open requests. Over 1.
    pub bound: f64,
    /// Sticky: so many open requests a target may always have.
    pub bound_least: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            health: HealthRules::default(),
            panic_threshold: 0.1,
            decay: Duration::from_secs(10),
            bound: 1.25,
            bound_least: 8,
        }
    }
}

/// A pool's rules with the little that its requests share. A reload may make a new one: what matters is in the gauges.
#[derive(Debug, Default)]
pub struct Balancer {
    pub(crate) rules: Rules,
    pub(crate) turn: AtomicU64,
    usual: AtomicI64,
}

/// How a pool judges the attempts at its targets.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a> {
    pub(crate) health: &'a HealthRules,
    /// The time to first token that is usual in the pool, in microseconds; 0: unknown.
    pub(crate) usual: i64,
    /// In microseconds.
    pub(crate) decay: i64,
}

/// What the steps of making an order share.
pub(crate) struct Making<'a, 'c> {
    pub(crate) balancer: &'a Balancer,
    pub(crate) candidates: &'a [Candidate<'c>],
    pub(crate) asked: &'a Asked,
    pub(crate) usual: f32,
    pub(crate) decay: i64,
    pub(crate) now: i64,
}

impl Making<'_, '_> {
    /// What is chosen by: the request's own wish, or else the pool's rule.
    pub(crate) fn strategy(&self) -> Strategy {
        self.asked.strategy.unwrap_or(self.balancer.rules.strategy)
    }
}

impl Balancer {
    /// A balancer by these rules.
    pub fn new(rules: Rules) -> Self {
        Self { rules, turn: AtomicU64::new(0), usual: AtomicI64::new(0) }
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How attempts are judged now. To be taken anew for each call of a gauge.
    pub fn watch(&self) -> Watch<'_> {
        Watch { health: &self.rules.health, usual: self.usual.load(Relaxed), decay: micros(self.rules.decay) }
    }

    /// The order in which the candidates are asked. `chance` gives numbers in `0.0..1.0`. Nothing is changed but the turn; that a trial is
    /// taken is decided by [`super::Gauge::begin`].
    pub fn order(
        &self,
        candidates: &[Candidate<'_>],
        asked: &Asked,
        now: i64,
        mut chance: impl FnMut() -> f64,
    ) -> Order {
        let mut ranked = Vec::with_capacity(candidates.len());
        ranked.extend(candidates.iter().enumerate().map(|(i, candidate)| stand(i, candidate, now)));
        let panic = self.panic(&mut ranked, candidates);
        if !ranked.iter().any(Ranked::is_usable) {
            hasten(&mut ranked, candidates, now);
        }
        let usual = self.learn_usual(candidates, &ranked);
        level::set_nearness(&mut ranked, candidates, asked.region);
        let decay = micros(self.rules.decay);
        let making = Making { balancer: self, candidates, asked, usual, decay, now };
        pick::set_keys(&making, &mut ranked, &mut chance);
        let usable = level::sort(&mut ranked);
        let strategy = making.strategy();
        let why = pick::choose(&making, &mut ranked[..usable], &mut chance);
        Order { ranked, usable, strategy, why, panic }
    }

    /// Whether too few are healthy; then those become usable whose breaker is open because they are slow or fail too often, tiers and
    /// regions aside. Those that do nothing any more stay out: asking them all the time would help nobody.
    fn panic(&self, ranked: &mut [Ranked], candidates: &[Candidate<'_>]) -> bool {
        let is_broken = |one: &Ranked| matches!(one.place, Place::Trial | Place::Out(Out::Broken(_)));
        let is_doubtful =
            |one: &Ranked| is_broken(one) && candidates[one.index as usize].gauge.health().is_doubtful();
        let healthy = ranked.iter().filter(|one| one.place == Place::Ready).count();
        let broken = ranked.iter().filter(|one| is_broken(one)).count();
        let needed = self.rules.panic_threshold * (healthy + broken) as f64;
        if healthy as f64 >= needed || !ranked.iter().any(is_doubtful) {
            return false;
        }
        for one in ranked {
            if is_doubtful(one) {
                one.place = Place::Panic;
                one.share = 1.0;
            }
            (one.tier, one.reserve) = (0, false);
        }
        true
    }

    /// The lower median of the usable targets' times to first token, in microseconds; 0 where fewer than two are known.
    fn learn_usual(&self, candidates: &[Candidate<'_>], ranked: &[Ranked]) -> f32 {
        let mut known = [0.0f32; 16];
        let mut count = 0;
        for one in ranked.iter().filter(|one| one.place == Place::Ready) {
            let time = candidates[one.index as usize].gauge.first_token();
            if time > 0.0 && count < known.len() {
                known[count] = time;
                count += 1;
            }
        }
        let known = &mut known[..count];
        known.sort_unstable_by(f32::total_cmp);
        let usual = if count > 1 { known[(count - 1) / 2] } else { 0.0 };
        if self.usual.load(Relaxed) != usual as i64 {
            self.usual.store(usual as i64, Relaxed);
        }
        if usual > 0.0 { usual } else { known.first().copied().unwrap_or(0.0) }
    }
}

/// Nobody can be asked: who is broken gets his next trial sooner.
fn hasten(ranked: &mut [Ranked], candidates: &[Candidate<'_>], now: i64) {
    for one in ranked {
        let health = candidates[one.index as usize].gauge.health();
        if matches!(one.place, Place::Out(Out::Broken(_))) && health.hasten(now) {
            one.place = Place::Trial;
        }
    }
}

fn stand(i: usize, candidate: &Candidate<'_>, now: i64) -> Ranked {
    let (place, share) = match candidate.gauge.health().standing(now) {
        _ if !candidate.fits => (Place::Unfit, 0.0),
        Standing::Ready(share) => (Place::Ready, share),
        Standing::Trial => (Place::Trial, 0.0),
        Standing::Out(out) => (Place::Out(out), 0.0),
    };
    Ranked {
        index: i as u32,
        place,
        tier: candidate.tier,
        near: 0,
        key: 0.0,
        tie: 0,
        weight: candidate.weight.max(1) as f32 * share,
        share,
        reserve: candidate.weight == 0,
    }
}

impl Ranked {
    pub(crate) fn is_usable(&self) -> bool {
        matches!(self.place, Place::Ready | Place::Trial | Place::Panic)
    }

    /// Usable by everybody, not just for one trial.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.place, Place::Ready | Place::Panic)
    }
}

impl Why {
    pub(crate) fn of(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Priority => Self::Rank,
            Strategy::Weighted => Self::Drawn,
            Strategy::RoundRobin => Self::Turn,
            Strategy::LeastConnections => Self::Fewest,
            Strategy::Latency => Self::Only,
            Strategy::Cost => Self::Cheapest,
            Strategy::Headroom => Self::Headroom,
            Strategy::Sticky => Self::Kept,
            Strategy::Load => Self::LeastLoad,
        }
    }
}
