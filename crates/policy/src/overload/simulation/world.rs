//! A gateway with one target in virtual time. The gateway does what the proxy is told to do; the provider has slots and queues or refuses the rest.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;
use crate::budget::{BudgetRules, RetryBudget};
use crate::overload::{
    Adaptive, Answer, Ask, Class, Concurrency, ConcurrencyRules, Fate, Offered, Queue, QueueRules, Why, Woken,
};

/// A provider that has so many slots; each answer takes `service` seconds.
pub(super) struct Provider {
    pub(super) slots: usize,
    pub(super) service: f64,
    /// Refuses what finds no slot with 429 (after 5 ms); otherwise lets it wait.
    pub(super) refuses: bool,
}

/// Who asks: of what class, how often a second, and how long it waits for its turn.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) class: Class,
    pub(super) name: u64,
    pub(super) rate: f64,
    pub(super) patience: f64,
}

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Done {
    Served,
    /// Not let in, told at once.
    RefusedAtOnce,
    /// Refused after it had waited.
    RefusedLate,
    /// The provider refused it.
    Upstream,
}

/// Which faults the simulation found in the decisions.
#[derive(Default, Debug)]
pub(super) struct Fault {
    pub(super) handed_out_late: usize,
    pub(super) most_waiting: usize,
    pub(super) most_in_flight: u32,
}

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) came: i64,
    pub(super) caller: u64,
    pub(super) class: Class,
    pub(super) done: Done,
    /// Seconds until then.
    pub(super) took: f64,
    /// Whether the provider had refused it before.
    pub(super) is_again: bool,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    caller: u64,
    class: Class,
    came: i64,
    deadline: i64,
    is_again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Comes(usize),
    /// Slot of the provider is done with a request that was sent at this time.
    Answered(usize),
    Refused(usize),
    Tick,
}

pub(super) struct World {
    pub(super) provider: Provider,
    pub(super) callers: Vec<Caller>,
    pub(super) tally: Vec<End>,
    pub(super) fault: Fault,
    pub(super) now: i64,
    pub(super) permits: Concurrency,
    pub(super) queue: Queue<Waiter>,
    budget: RetryBudget,
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    requests: Vec<(Request, i64)>,
    busy: usize,
    backlog: VecDeque<usize>,
    sequence: u64,
    chance: u64,
    /// How many have come.
    pub(super) came: usize,
}

/// The waiter of the queue: the request itself.
#[derive(Debug)]
pub(super) struct Waiter(Request);

impl World {
    pub(super) fn new(provider: Provider, callers: Vec<Caller>, seed: u64) -> Self {
        let rules = ConcurrencyRules::Adaptive(Adaptive { ease: None, ..Adaptive::default() });
        let mut world = Self {
            provider,
            tally: vec![],
            fault: Fault::default(),
            now: START,
            permits: Concurrency::new(rules),
            queue: Queue::new(QueueRules::default()),
            budget: RetryBudget::new(BudgetRules::default()),
            events: BinaryHeap::new(),
            requests: vec![],
            busy: 0,
            backlog: VecDeque::new(),
            sequence: 0,
            came: 0,
            chance: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            callers,
        };
        (0..world.callers.len()).for_each(|caller| world.next_of(caller));
        world.at(START + SECOND, Event::Tick);
        world
    }

    /// Whether everybody who came is served, refused, waiting or under way: nobody is lost, nobody counted twice.
    pub(super) fn is_whole(&self) -> bool {
        self.came == self.tally.len() + self.queue.len() + self.permits.in_flight() as usize
    }

    /// Lets time pass up to a second from the start.
    pub(super) fn run_to(&mut self, second: f64) {
        let end = START + (second * 1e6) as i64;
        while let Some(Reverse((at, _, event))) = self.events.peek().copied() {
            if at > end {
                break;
            }
            self.events.pop();
            self.now = at;
            self.happen(event);
            self.fault.most_waiting = self.fault.most_waiting.max(self.queue.len());
            self.fault.most_in_flight = self.fault.most_in_flight.max(self.permits.in_flight());
        }
        self.now = end;
    }

    /// Of requests that came between two seconds: how many were served, and how many there were.
    pub(super) fn share(&self, from: f64, to: f64, which: impl Fn(&End) -> bool) -> (usize, usize) {
        let (from, to) = (START + (from * 1e6) as i64, START + (to * 1e6) as i64);
        let of_time = self.tally.iter().filter(|one| (from..to).contains(&one.came) && which(one));
        of_time.fold((0, 0), |(served, all), one| (served + usize::from(one.done == Done::Served), all + 1))
    }

    /// How many answers came between two seconds.
    pub(super) fn served(&self, from: f64, to: f64) -> usize {
        let (from, to) = (START + (from * 1e6) as i64, START + (to * 1e6) as i64);
        let ends = self
            .tally
            .iter()
            .filter(|one| one.done == Done::Served)
            .map(|one| one.came + (one.took * 1e6) as i64);
        ends.filter(|end| (from..to).contains(end)).count()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Comes(caller) => self.comes(caller),
            Event::Answered(id) => {
                self.busy -= 1;
                while self.busy < self.provider.slots
                    && let Some(next) = self.backlog.pop_front()
                {
                    self.serve(next);
                }
                let (request, sent) = self.requests[id];
                self.permits.first_token(Answer::Whole, sent, self.now);
                self.note(request, Done::Served);
                self.give_back(sent);
            }
            Event::Refused(id) => {
                let (request, sent) = self.requests[id];
                self.permits.overloaded(self.now);
                self.give_back(sent);
                if self.budget.may_repeat(self.now) {
                    self.ask(Request { is_again: true, ..request });
                } else {
                    self.note(request, Done::Upstream);
                }
            }
            Event::Tick => {
                let (permits, now) = (&self.permits, self.now);
                let woken = self.queue.look(now, || permits.try_take(now).then_some(()));
                self.tell(woken);
                self.at(self.now + SECOND, Event::Tick);
            }
        }
    }

    fn comes(&mut self, caller: usize) {
        self.next_of(caller);
        let Caller { class, name, patience, .. } = self.callers[caller];
        let now = self.now;
        self.budget.sent(now);
        self.came += 1;
        self.ask(Request {
            caller: name,
            class,
            came: now,
            deadline: now + (patience * 1e6) as i64,
            is_again: false,
        });
    }

    fn ask(&mut self, request: Request) {
        let (now, Request { caller, class, deadline, .. }) = (self.now, request);
        if self.queue.is_empty() && self.permits.try_take(now) {
            self.send(request);
            return;
        }
        let ask = Ask { class, caller, deadline };
        let permits = &self.permits;
        let take = || permits.try_take(now).then_some(());
        let Offered { fate, woken } = self.queue.offer(ask, Waiter(request), now, permits.limit(), take);
        self.tell(woken);
        match fate {
            Fate::GoNow(waiter, ()) => self.send(waiter.0),
            Fate::Waits(_) => {}
            Fate::Refused(refused) => {
                assert!(refused.why == Why::Full || refused.retry_after.is_some(), "{refused:?}");
                self.note(request, Done::RefusedAtOnce);
            }
        }
    }

    fn tell(&mut self, woken: Woken<Waiter, ()>) {
        for woke in woken.go {
            self.fault.handed_out_late += usize::from(woke.waiter.0.deadline <= self.now);
            self.send(woke.waiter.0);
        }
        for refused in woken.refused {
            self.note(refused.back.0, Done::RefusedLate);
        }
    }

    fn send(&mut self, request: Request) {
        let id = self.requests.len();
        self.requests.push((request, self.now));
        if self.busy < self.provider.slots {
            self.serve(id);
        } else if self.provider.refuses {
            self.at(self.now + 5_000, Event::Refused(id));
        } else {
            self.backlog.push_back(id);
        }
    }

    fn serve(&mut self, id: usize) {
        self.busy += 1;
        let spread: f64 = (0..4).map(|_| self.chance() - 0.5).sum();
        let took = self.provider.service * (0.3 * spread).exp();
        self.at(self.now + (took * 1e6) as i64, Event::Answered(id));
    }

    fn give_back(&mut self, sent: i64) {
        self.permits.give_back();
        let (permits, now) = (&self.permits, self.now);
        let held = crate::overload::length(now - sent);
        let woken = self.queue.done(held, now, || permits.try_take(now).then_some(()));
        self.tell(woken);
    }

    fn note(&mut self, request: Request, done: Done) {
        let took = (self.now - request.came) as f64 / 1e6;
        let Request { came, caller, class, is_again, .. } = request;
        self.tally.push(End { came, caller, class, done, took, is_again });
    }

    /// When a caller asks next (a Poisson process; rates that change are looked at every second).
    fn next_of(&mut self, caller: usize) {
        let rate = self.callers[caller].rate;
        let pause = -(1.0 - self.chance()).ln() / rate.max(1e-6);
        self.at(self.now + (pause.min(1e6) * 1e6) as i64, Event::Comes(caller));
    }

    fn at(&mut self, at: i64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((at, self.sequence, event)));
    }

    fn chance(&mut self) -> f64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 11) as f64 / (1u64 << 53) as f64
    }
}
