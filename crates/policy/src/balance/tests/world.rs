//! A world in simulated time: requests arrive, targets answer as they are told to, and failed attempts go on to the next target.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use super::*;
use crate::health::Event;

pub(super) const SECOND: i64 = 1_000_000;
/// After so long without a first token an attempt fails.
const PATIENCE: i64 = 10 * SECOND;

/// Chance that can be repeated (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(pub u64);

impl Dice {
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(super) fn chance(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// An exponential time with this mean.
    pub(super) fn time(&mut self, mean: i64) -> i64 {
        (-(1.0 - self.chance()).ln() * mean as f64) as i64
    }
}

/// How a target answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Conduct {
    Well,
    TenTimesSlow,
    /// This share of the attempts fails at once.
    Failing(f64),
    BlackHole,
    /// Breaks off after the first token.
    Resetting,
}

pub(super) struct Target {
    pub gauge: Gauge,
    pub weight: u32,
    pub tier: u32,
    pub region: u32,
    /// From when on it answers how; the last that has begun holds.
    pub conduct: Vec<(i64, Conduct)>,
    /// It answers so many at a time; the others wait in a queue.
    pub slots: usize,
    busy: usize,
    queue: VecDeque<usize>,
}

impl Target {
    pub(super) fn new() -> Self {
        let conduct = vec![(0, Conduct::Well)];
        let gauge = Gauge::default();
        Self {
            gauge,
            weight: 1,
            tier: 0,
            region: 0,
            conduct,
            slots: usize::MAX,
            busy: 0,
            queue: VecDeque::new(),
        }
    }

    pub(super) fn behaving(conduct: &[(i64, Conduct)]) -> Self {
        Self { conduct: conduct.to_vec(), ..Self::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Arrive,
    Answer,
    Heard,
    Succeed,
    Fail,
}

struct Request {
    arrived: i64,
    order: Vec<usize>,
    forced: bool,
    target: usize,
    began: i64,
    ticket: Option<Ticket>,
    conduct: Conduct,
    committed: bool,
}

/// What came of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub arrived: i64,
    pub took: i64,
    pub good: bool,
}

pub(super) struct World {
    pub targets: Vec<Target>,
    pub balancer: Balancer,
    pub region: u32,
    pub now: i64,
    /// Attempts: when, at whom.
    pub attempts: Vec<(i64, usize)>,
    pub done: Vec<Done>,
    pub events: Vec<(i64, usize, Event)>,
    /// The mean time to the first token; the rest of the answer takes `rest` times that.
    pub first_token: i64,
    pub rest: f64,
    dice: Dice,
    agenda: BinaryHeap<Reverse<(i64, u64, Next, usize)>>,
    count: u64,
    requests: Vec<Request>,
}

impl World {
    pub(super) fn new(strategy: Strategy, targets: Vec<Target>, seed: u64) -> Self {
        Self {
            targets,
            balancer: choosing::balancer(strategy),
            region: 0,
            now: 0,
            attempts: Vec::new(),
            done: Vec::new(),
            events: Vec::new(),
            first_token: SECOND / 5,
            rest: 2.0,
            dice: Dice(seed),
            agenda: BinaryHeap::new(),
            count: 0,
            requests: Vec::new(),
        }
    }

    /// Lets requests arrive by chance, so many a second, until `end`.
    pub(super) fn run(&mut self, rate: f64, end: i64) {
        let between = (SECOND as f64 / rate) as i64;
        self.plan(self.now, Next::Arrive, 0);
        while let Some(Reverse((at, _, next, id))) = self.agenda.pop() {
            if at >= end {
                break;
            }
            self.now = at;
            match next {
                Next::Arrive => {
                    let pause = self.dice.time(between);
                    self.plan(at + pause, Next::Arrive, 0);
                    self.arrive();
                }
                Next::Answer => self.answer(id),
                Next::Heard => self.hear(id),
                Next::Succeed => self.end(id, true),
                Next::Fail => self.end(id, false),
            }
        }
    }

    /// The share of the attempts of this time that went to `target`.
    pub(super) fn share(&self, target: usize, from: i64, to: i64) -> f64 {
        let all = self.attempts.iter().filter(|(at, _)| (from..to).contains(at));
        let count = all.clone().count().max(1);
        all.filter(|(_, one)| *one == target).count() as f64 / count as f64
    }

    pub(super) fn success(&self) -> f64 {
        self.done.iter().filter(|done| done.good).count() as f64 / self.done.len() as f64
    }

    pub(super) fn mean_time(&self) -> f64 {
        self.done.iter().map(|done| done.took as f64).sum::<f64>() / self.done.len() as f64
    }

    fn plan(&mut self, at: i64, next: Next, id: usize) {
        self.count += 1;
        self.agenda.push(Reverse((at, self.count, next, id)));
    }

    fn arrive(&mut self) {
        let asked = Asked { hash: Some(self.dice.bits() % 500), region: self.region, ..Asked::default() };
        let candidates: Vec<_> = self
            .targets
            .iter()
            .enumerate()
            .map(|(i, target)| Candidate {
                gauge: &target.gauge,
                id: i as u64 + 1,
                weight: target.weight,
                tier: target.tier,
                region: target.region,
                price: None,
                fits: true,
            })
            .collect();
        let dice = &mut self.dice;
        let order = self.balancer.order(&candidates, &asked, self.now, || dice.chance());
        let request = Request {
            arrived: self.now,
            order: order.usable().rev().collect(),
            forced: order.is_panic(),
            target: 0,
            began: 0,
            ticket: None,
            conduct: Conduct::Well,
            committed: false,
        };
        self.requests.push(request);
        self.attempt(self.requests.len() - 1);
    }

    fn attempt(&mut self, id: usize) {
        let request = &mut self.requests[id];
        let ticket = loop {
            let Some(place) = request.order.pop() else {
                let done = Done { arrived: request.arrived, took: self.now - request.arrived, good: false };
                return self.done.push(done);
            };
            let begun = self.targets[place].gauge.begin(self.balancer.watch(), request.forced, self.now);
            self.events.extend(begun.event.map(|event| (self.now, place, event)));
            if let Some(ticket) = begun.ticket {
                self.attempts.push((self.now, place));
                request.target = place;
                break ticket;
            }
        };
        request.ticket = Some(ticket);
        request.began = self.now;
        let target = &mut self.targets[request.target];
        request.conduct = target
            .conduct
            .iter()
            .rev()
            .find(|(from, _)| *from <= self.now)
            .map_or(Conduct::Well, |one| one.1);
        match request.conduct {
            Conduct::BlackHole => self.plan(self.now + PATIENCE, Next::Fail, id),
            _ if target.busy < target.slots => {
                target.busy += 1;
                self.answer(id);
            }
            _ => target.queue.push_back(id),
        }
    }

    /// The target begins to answer.
    fn answer(&mut self, id: usize) {
        let factor = match self.requests[id].conduct {
            Conduct::TenTimesSlow => 10,
            Conduct::Failing(share) if self.dice.chance() < share => {
                return self.plan(self.now + self.first_token / 10, Next::Fail, id);
            }
            _ => 1,
        };
        // First tokens vary by about a half, the whole answer by much more.
        let first = (self.first_token as f64 * factor as f64 * (0.5 + self.dice.chance())) as i64;
        let rest = self.dice.time((self.first_token as f64 * self.rest) as i64);
        self.plan(self.now + first, Next::Heard, id);
        let end = if self.requests[id].conduct == Conduct::Resetting { Next::Fail } else { Next::Succeed };
        self.plan(self.now + first + rest, end, id);
    }

    fn hear(&mut self, id: usize) {
        let request = &mut self.requests[id];
        request.committed = true;
        let took = Duration::from_micros((self.now - request.began) as u64);
        let gauge = &self.targets[request.target].gauge;
        let Some(ticket) = &mut request.ticket else { return };
        let event = gauge.heard(ticket, self.balancer.watch(), took, self.now);
        self.events.extend(event.map(|event| (self.now, request.target, event)));
    }

    fn end(&mut self, id: usize, good: bool) {
        let request = &mut self.requests[id];
        let place = request.target;
        let target = &mut self.targets[place];
        let outcome = if good { Outcome::Success } else { Outcome::Failure };
        let Some(ticket) = request.ticket.take() else { return };
        let event = target.gauge.end(ticket, self.balancer.watch(), outcome, self.now);
        self.events.extend(event.map(|event| (self.now, place, event)));
        if good || request.committed {
            self.done.push(Done { arrived: request.arrived, took: self.now - request.arrived, good });
        }
        let again = !good && !request.committed;
        if request.conduct != Conduct::BlackHole {
            match target.queue.pop_front() {
                Some(waiting) => self.plan(self.now, Next::Answer, waiting),
                None => target.busy -= 1,
            }
        }
        if again {
            self.attempt(id);
        }
    }
}
