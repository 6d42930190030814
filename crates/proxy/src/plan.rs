//! Stop 4, second half: which targets a model name leads to, in which order.

use std::sync::Arc;

use tidegate_llm::BadRequest;
use tidegate_policy::balance::{Asked, Candidate, Gauge, Order, Place, Strategy};
use tidegate_policy::health::{Out, Standing};

use crate::chance::chance;
use crate::clock::micros;
use crate::error::GatewayError;
use crate::headers;
use crate::snapshot::{ModelTable, Pool, PoolMember, Resolved, Target, UnknownModel};
use crate::traffic::{Conduct, Decision, Steer, Wish};

/// Targets in the order in which they are tried; never empty.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The targets.
    pub targets: Vec<Arc<Target>>,
    /// How each of them is treated.
    pub terms: Vec<Terms>,
}

/// How a target of a plan is treated.
#[derive(Clone, Debug)]
pub struct Terms {
    /// By the conduct of its pool.
    pub conduct: Arc<Conduct>,
    /// Too few of its pool are healthy, so that its breaker is not heeded.
    pub is_forced: bool,
}

impl Terms {
    /// Of a target without others. When it is ill, it is asked all the same as far as that makes sense.
    pub fn of_lone(conduct: Arc<Conduct>, gauge: &Gauge, now: i64) -> Self {
        let is_forced = !matches!(gauge.health().standing(now), Standing::Ready(_)) && {
            let lone = Candidate { gauge, id: 0, weight: 1, tier: 0, region: 0, price: None, fits: true };
            conduct.balancer.order(&[lone], &Asked::default(), now, chance).is_panic()
        };
        Self { conduct, is_forced }
    }
}

impl Plan {
    /// The plan for a model name: the pool's members as its strategy orders them, then its fallbacks, each target once. A caller who may
    /// say so has its own target first.
    pub fn make(models: &ModelTable, name: &str, wish: &Wish<'_>) -> Result<Self, GatewayError> {
        let steer = Steer::of(wish.headers, &wish.exchange.caller)?;
        let mut plan = Self { targets: Vec::new(), terms: Vec::new() };
        plan.add(models, name, (wish, steer.strategy), &mut Vec::new())?;
        match steer.target {
            Some(label) => plan.begin_with(label).map(|()| plan),
            None => Ok(plan),
        }
    }

    /// Puts one of the targets before the others.
    fn begin_with(&mut self, label: &str) -> Result<(), GatewayError> {
        let Some(place) = self.targets.iter().position(|target| &*target.label == label) else {
            let all: Vec<&str> = self.targets.iter().map(|target| &*target.label).collect();
            let words =
                format!("`{}` is none of the model's targets: {}", label.escape_debug(), all.join(", "));
            return Err(BadRequest::field(headers::TARGET.as_str(), words).into());
        };
        self.targets[..=place].rotate_right(1);
        self.terms[..=place].rotate_right(1);
        Ok(())
    }

    /// A plan with one target.
    pub fn of(target: Arc<Target>) -> Self {
        let mut plan = Self { targets: Vec::new(), terms: Vec::new() };
        let conduct = target.alone.clone();
        plan.add_lone(target, conduct);
        plan
    }

    /// The target's `provider/model`, where there is just one.
    pub fn only_label(&self) -> Option<&str> {
        match self.targets.as_slice() {
            [target] => Some(&target.label),
            _ => None,
        }
    }

    /// When the first of the targets that are out for a time may be asked again, in Unix microseconds.
    pub fn soonest(&self, now: i64) -> Option<i64> {
        let times = self.targets.iter().filter_map(|target| match target.live.gauge.health().standing(now) {
            Standing::Out(Out::Limited(until) | Out::Broken(until)) => Some(until),
            _ => None,
        });
        times.min()
    }

    fn add(
        &mut self,
        models: &ModelTable,
        name: &str,
        wish: (&Wish<'_>, Option<Strategy>),
        seen: &mut Vec<String>,
    ) -> Result<(), UnknownModel> {
        let pool = match models.resolve(name)? {
            Resolved::Target(target) => {
                let conduct = target.alone.clone();
                self.add_lone(target, conduct);
                return Ok(());
            }
            Resolved::Pool(pool) => pool,
        };
        // The config check refuses cycles; this keeps a mistake there from becoming an endless loop here.
        if seen.contains(&pool.name) {
            return Ok(());
        }
        seen.push(pool.name.clone());
        match pool.members.as_slice() {
            [] => {}
            [only] => self.add_lone(only.target.clone(), pool.conduct.clone()),
            several => self.add_ordered(models, &pool, several, wish),
        }
        for fallback in &pool.fallback {
            self.add(models, fallback, wish, seen)?;
        }
        Ok(())
    }

    fn add_lone(&mut self, target: Arc<Target>, conduct: Arc<Conduct>) {
        let terms = Terms::of_lone(conduct, &target.live.gauge, micros());
        self.push(target, terms);
    }

    fn add_ordered(
        &mut self,
        models: &ModelTable,
        pool: &Pool,
        members: &[PoolMember],
        (wish, own): (&Wish<'_>, Option<Strategy>),
    ) {
        let strategy = own.unwrap_or(pool.conduct.balancer.rules().strategy);
        let candidates: Vec<_> = members.iter().map(|member| candidate(member, strategy, wish)).collect();
        let hash = if strategy == Strategy::Sticky { wish.hash(pool.conduct.sticky) } else { None };
        let asked = Asked { hash, region: models.region, strategy: own };
        let now = micros();
        let order = pool.conduct.balancer.order(&candidates, &asked, now, chance);
        note(pool, members, &order, wish, now);
        for ranked in order.all() {
            let target = members[ranked.index as usize].target.clone();
            // Who is out for another cause than its breaker (by hand, for want of room) stays out in a panic too.
            let is_forced = ranked.place == Place::Panic;
            self.push(target, Terms { conduct: pool.conduct.clone(), is_forced });
        }
    }

    fn push(&mut self, target: Arc<Target>, terms: Terms) {
        if !self.targets.iter().any(|known| known.label == target.label) {
            self.targets.push(target);
            self.terms.push(terms);
        }
    }
}

fn candidate<'m>(member: &'m PoolMember, strategy: Strategy, wish: &Wish<'_>) -> Candidate<'m> {
    let target = &member.target;
    let price = || wish.exchange.snapshot.price_of(target, wish.exchange.arrived);
    Candidate {
        gauge: &target.live.gauge,
        id: target.live.id,
        weight: member.weight,
        tier: member.tier,
        region: member.region,
        price: if strategy == Strategy::Cost {
            price().map(|price| wish.price_by(&price.price))
        } else {
            None
        },
        fits: true,
    }
}

fn note(pool: &Pool, members: &[PoolMember], order: &Order, wish: &Wish<'_>, now: i64) {
    let first = order.first().map(|index| members[index].target.label.clone());
    let usable = u32::try_from(order.usable().len()).unwrap_or(u32::MAX);
    let all = u32::try_from(members.len()).unwrap_or(u32::MAX);
    wish.exchange.desk.decisions.add(Decision {
        at: now,
        exchange: wish.exchange.id,
        pool: pool.label.clone(),
        strategy: order.strategy(),
        target: first,
        why: order.why(),
        usable: (usable, all),
        is_panic: order.is_panic(),
    });
}
