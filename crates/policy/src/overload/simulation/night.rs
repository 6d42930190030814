//! A night as `cargo xtask drill rush` plays it, in virtual time: clients that leave and ask again, and a model server that shares its speed among
//! all that it has taken in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use crate::budget::{BudgetRules, RetryBudget};
use crate::overload::{
    Answer, Ask, Class, Concurrency, ConcurrencyRules, Fate, Offered, Queue, QueueRules, Refused, Ticket,
    Woken,
};

/// The night goes on in steps of so many seconds.
const STEP: f64 = 0.005;
/// What ends is counted in windows of so many seconds.
pub(super) const WINDOW: f64 = 0.25;

/// What a server does with more than it has slots for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// All share its speed, and so much of its work is lost for each time that it is filled over; up to half.
    Shares(f64),
    /// It says so.
    Refuses,
}

/// What is played. Times in seconds, rates per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) manner: Manner,
    /// What the server works on at full speed, and how long an answer takes: before, and when it is down.
    pub(super) slots: [f64; 2],
    pub(super) service: [f64; 2],
    /// Callers on a quiet evening, and at the peak.
    pub(super) rates: [f64; 2],
    /// The share of them that want a stream.
    pub(super) streams: f64,
    /// The server begins to decline, is down, begins to recover, has recovered.
    pub(super) decline: [f64; 4],
}

/// Traffic begins to rise, is up, begins to fall, is down.
const TRAFFIC: [f64; 4] = [20.0, 80.0, 160.0, 170.0];
const END: f64 = 185.0;

impl Scenario {
    pub(super) fn drill() -> Self {
        Self {
            manner: Manner::Shares(0.1),
            slots: [40.0, 8.0],
            service: [0.2, 0.4],
            rates: [5.0, 100.0],
            streams: 0.5,
            decline: [50.0, 70.0, 130.0, 135.0],
        }
    }

    fn rate(&self, time: f64) -> f64 {
        let [quiet, peak] = self.rates;
        quiet + (peak - quiet) * depth(TRAFFIC, time)
    }

    fn slots(&self, time: f64) -> f64 {
        between(self.slots, depth(self.decline, time))
    }

    fn service(&self, time: f64) -> f64 {
        between(self.service, depth(self.decline, time))
    }

    /// Answers a second at best.
    pub(super) fn capacity(&self, time: f64) -> f64 {
        self.slots(time) / self.service(time)
    }

    /// From when on more is asked than can be done, until the server begins to recover.
    pub(super) fn overload(&self) -> [f64; 2] {
        let moments = (0..).map(|step| f64::from(step) * 0.05);
        let start =
            moments.take_while(|time| *time < END).find(|time| self.rate(*time) > self.capacity(*time));
        [start.unwrap_or(END), self.decline[2]]
    }

    /// How fast one answer of `present` gets on; 1 is full speed.
    fn speed(&self, present: f64, slots: f64) -> f64 {
        let filled = present / slots;
        match self.manner {
            Manner::Shares(loss) if filled > 1.0 => (1.0 - loss * (filled - 1.0)).max(0.5) / filled,
            _ => 1.0,
        }
    }
}

/// 0 before and after, 1 at the worst, and linear in between.
fn depth([begins, full, ends, over]: [f64; 4], time: f64) -> f64 {
    let to =
        if time < full { (time - begins) / (full - begins) } else { 1.0 - (time - ends) / (over - ends) };
    to.clamp(0.0, 1.0)
}

/// By equal factors in equal steps.
fn between([from, to]: [f64; 2], depth: f64) -> f64 {
    from * (to / from).powf(depth)
}

/// One request of a client.
#[derive(Clone, Copy, Debug)]
struct Request {
    caller: u64,
    class: Class,
    streams: bool,
    /// How often the client has asked before.
    retry: u32,
    begun: f64,
    ticket: Option<Ticket>,
    /// When it was sent to the server.
    sent: Option<i64>,
    is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A client asks again what it asked with that request.
    AsksAgain(usize),
    /// A client's patience is at its end.
    Leaves(usize),
    /// The server has no slot for it.
    Refuses(usize),
}

/// Part of an answer that is there when the server has done so much: (thousand-millionths of an answer, request, is its end).
type Part = Reverse<(i64, usize, bool)>;

/// What ended in a window.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    pub(super) good: Vec<f64>,
    pub(super) refused: usize,
    pub(super) left: usize,
}

pub(super) struct Night {
    pub(super) scenario: Scenario,
    pub(super) ended: Vec<Ended>,
    /// Clients of high class with an answer, and all.
    pub(super) high: [usize; 2],
    pub(super) most_waiting: usize,
    /// Most in the server, from a while after its decline to its recovery.
    pub(super) most_held: usize,
    permits: Concurrency,
    queue: Queue<usize>,
    budget: RetryBudget,
    requests: Vec<Request>,
    events: BinaryHeap<Reverse<(i64, Event)>>,
    parts: BinaryHeap<Part>,
    /// What the server has done of each answer since the beginning.
    done: f64,
    present: usize,
    time: f64,
    now: i64,
    chance: u64,
}

impl Night {
    pub(super) fn new(scenario: Scenario, seed: u64) -> Self {
        let queue = QueueRules { longest_wait: std::time::Duration::from_secs(10), ..QueueRules::default() };
        Self {
            scenario,
            ended: vec![Ended::default(); (END / WINDOW) as usize + 2],
            high: [0, 0],
            most_waiting: 0,
            most_held: 0,
            permits: Concurrency::new(ConcurrencyRules::default()),
            queue: Queue::new(queue),
            budget: RetryBudget::new(BudgetRules::default()),
            requests: vec![],
            events: BinaryHeap::new(),
            parts: BinaryHeap::new(),
            done: 0.0,
            present: 0,
            time: 0.0,
            now: START,
            chance: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    /// Plays it to its end.
    pub(super) fn play(mut self) -> Self {
        let mut next = 0.0;
        for step in 0..(END / STEP) as i64 {
            self.time = step as f64 * STEP;
            self.now = START + (self.time * 1e6) as i64;
            while next <= self.time {
                next -= (1.0 - self.chance()).ln() / self.scenario.rate(self.time);
                self.comes();
            }
            while self.events.peek().is_some_and(|event| event.0.0 <= self.now) {
                if let Some(Reverse((_, event))) = self.events.pop() {
                    self.happen(event);
                }
            }
            self.work();
            if step % 20 == 0 {
                let (permits, now) = (&self.permits, self.now);
                let woken = self.queue.look(now, || permits.try_take(now).then_some(()));
                self.tell(woken);
            }
            self.most_waiting = self.most_waiting.max(self.queue.len());
            let [_, down, recovers, _] = self.scenario.decline;
            if (down + 15.0..recovers).contains(&self.time) {
                self.most_held = self.most_held.max(self.present);
            }
        }
        self
    }

    /// What ended between two times.
    pub(super) fn between(&self, from: f64, to: f64) -> &[Ended] {
        &self.ended[(from / WINDOW) as usize..(to / WINDOW) as usize]
    }

    fn comes(&mut self) {
        let tenant = (self.chance() * 5.0) as u64;
        let is_high = self.chance() < 0.1;
        let streams = self.chance() < self.scenario.streams;
        let (class, caller) = if is_high { (Class::High, tenant + 5) } else { (Class::Normal, tenant) };
        let begun = self.time;
        let request =
            Request { caller, class, streams, retry: 0, begun, ticket: None, sent: None, is_over: false };
        self.requests.push(request);
        self.begin(self.requests.len() - 1);
    }

    fn begin(&mut self, id: usize) {
        let patience = 20.0 + 10.0 * self.chance();
        self.after(patience, Event::Leaves(id));
        self.ask(id);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::AsksAgain(before) => {
                let before = self.requests[before];
                let request = Request {
                    retry: before.retry + 1,
                    begun: self.time,
                    ticket: None,
                    sent: None,
                    is_over: false,
                    ..before
                };
                self.requests.push(request);
                self.begin(self.requests.len() - 1);
            }
            Event::Leaves(id) if self.requests[id].is_over => {}
            Event::Leaves(id) => {
                self.window().left += 1;
                self.disappoint(id, None);
                match (self.requests[id].sent, self.requests[id].ticket) {
                    (Some(sent), _) => self.give_back(sent),
                    (None, Some(ticket)) => drop(self.queue.cancel(ticket)),
                    _ => {}
                }
            }
            Event::Refuses(id) => {
                let Some(sent) = self.requests[id].sent.take() else { return };
                self.permits.overloaded(self.now);
                self.give_back(sent);
                if self.budget.may_repeat(self.now) {
                    self.ask(id);
                } else {
                    self.window().refused += 1;
                    self.disappoint(id, None);
                }
            }
        }
    }

    fn ask(&mut self, id: usize) {
        let (now, Request { caller, class, .. }) = (self.now, self.requests[id]);
        self.budget.sent(now);
        if self.queue.is_empty() && self.permits.try_take(now) {
            return self.send(id);
        }
        let ask = Ask { class, caller, deadline: now + 600 * SECOND };
        let permits = &self.permits;
        let Offered { fate, woken } =
            self.queue.offer(ask, id, now, permits.limit(), || permits.try_take(now).then_some(()));
        self.tell(woken);
        match fate {
            Fate::GoNow(id, ()) => self.send(id),
            Fate::Waits(ticket) => self.requests[id].ticket = Some(ticket),
            Fate::Refused(refused) => self.refuse(&refused),
        }
    }

    fn tell(&mut self, woken: Woken<usize, ()>) {
        woken.go.into_iter().for_each(|woke| self.send(woke.waiter));
        woken.refused.iter().for_each(|refused| self.refuse(refused));
    }

    fn refuse(&mut self, refused: &Refused<usize>) {
        self.window().refused += 1;
        let told = refused.retry_after.map(|wait| wait.as_secs_f64().ceil()).filter(|told| *told > 0.0);
        self.disappoint(refused.back, told);
    }

    /// The client asks again, twice at most.
    fn disappoint(&mut self, id: usize, told: Option<f64>) {
        self.requests[id].is_over = true;
        let Request { retry, class, .. } = self.requests[id];
        if retry == 2 {
            self.high[1] += usize::from(class == Class::High);
            return;
        }
        let own = 0.5 * f64::from(1 << retry) * (0.75 + 0.25 * self.chance());
        self.after(told.filter(|told| *told <= 60.0).unwrap_or(own), Event::AsksAgain(id));
    }

    fn send(&mut self, id: usize) {
        self.requests[id].sent = Some(self.now);
        if matches!(self.scenario.manner, Manner::Refuses)
            && self.present as f64 >= self.scenario.slots(self.time).round()
        {
            self.present += 1;
            return self.after(0.005, Event::Refuses(id));
        }
        self.present += 1;
        let size = 0.8 + 0.4 * self.chance();
        let at = |share: f64| ((self.done + size * share) * 1e9) as i64;
        if self.requests[id].streams {
            self.parts.push(Reverse((at(0.3), id, false)));
        }
        self.parts.push(Reverse((at(1.0), id, true)));
    }

    /// The server gets on.
    fn work(&mut self) {
        let (slots, service) = (self.scenario.slots(self.time), self.scenario.service(self.time));
        self.done += STEP * self.scenario.speed(self.present as f64, slots) / service;
        let done = (self.done * 1e9) as i64;
        while self.parts.peek().is_some_and(|part| part.0.0 <= done) {
            let Some(Reverse((_, id, is_end))) = self.parts.pop() else { break };
            let Request { is_over, sent, streams, begun, class, .. } = self.requests[id];
            let Some(sent) = sent.filter(|_| !is_over) else { continue };
            if is_end != streams {
                let answer = if streams { Answer::Stream } else { Answer::Whole };
                self.permits.first_token(answer, sent, self.now);
                let (permits, now) = (&self.permits, self.now);
                let woken = self.queue.look(now, || permits.try_take(now).then_some(()));
                self.tell(woken);
            }
            if is_end {
                self.requests[id].is_over = true;
                let took = self.time - begun;
                self.window().good.push(took);
                let is_high = usize::from(class == Class::High);
                self.high = [self.high[0] + is_high, self.high[1] + is_high];
                self.give_back(sent);
            }
        }
    }

    fn give_back(&mut self, sent: i64) {
        self.present -= 1;
        self.permits.give_back();
        let (permits, now) = (&self.permits, self.now);
        let held = crate::overload::length(now - sent);
        let woken = self.queue.done(held, now, || permits.try_take(now).then_some(()));
        self.tell(woken);
    }

    fn window(&mut self) -> &mut Ended {
        &mut self.ended[(self.time / WINDOW) as usize]
    }

    fn after(&mut self, seconds: f64, event: Event) {
        self.events.push(Reverse((self.now + (seconds * 1e6) as i64, event)));
    }

    fn chance(&mut self) -> f64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 11) as f64 / (1u64 << 53) as f64
    }
}
