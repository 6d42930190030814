//! Who waits, in which order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Ask, QueueRules};
use crate::overload::{Class, micros};

/// All waiters. Tickets grow with the order of arrival.
#[derive(Debug)]
pub(super) struct Waiters<T> {
    waiting: BTreeMap<u64, Waiter<T>>,
    deadlines: BTreeSet<(i64, u64)>,
    classes: [Line; Class::ALL.len()],
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiter<T> {
    ask: Ask,
    since: i64,
    token: T,
}

/// Those of one class.
#[derive(Debug, Default)]
struct Line {
    /// Their tickets.
    all: BTreeSet<u64>,
    /// Tickets by caller; callers without any are not here.
    callers: BTreeMap<u64, BTreeSet<u64>>,
    /// The callers, in the order of their turns.
    turns: VecDeque<u64>,
    /// Since when the oldest has been waiting for too long.
    late_since: Option<i64>,
    /// When somebody was last refused because the class is overloaded.
    turned_away: Option<i64>,
}

impl<T> Waiters<T> {
    pub(super) fn new() -> Self {
        let classes = std::array::from_fn(|_| Line::default());
        Self { waiting: BTreeMap::new(), deadlines: BTreeSet::new(), classes, next_ticket: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len_of(&self, class: Class) -> usize {
        self.classes[class as usize].all.len()
    }

    pub(super) fn insert(&mut self, ask: Ask, token: T, now: i64) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let line = &mut self.classes[ask.class as usize];
        line.all.insert(ticket);
        let own = line.callers.entry(ask.caller).or_default();
        if own.is_empty() {
            line.turns.push_back(ask.caller);
        }
        own.insert(ticket);
        self.deadlines.insert((ask.deadline, ticket));
        self.waiting.insert(ticket, Waiter { ask, since: now, token });
        ticket
    }

    pub(super) fn remove(&mut self, ticket: u64) -> Option<T> {
        self.take(ticket).map(|waiter| waiter.token)
    }

    /// The next whose turn it is: of the highest class the next caller's oldest, or newest under overload. With its ticket, class and when it came.
    pub(super) fn next(&mut self, rules: &QueueRules, now: i64) -> Option<(u64, Class, i64, T)> {
        let class = Class::ALL.into_iter().rev().find(|class| self.len_of(*class) > 0)?;
        self.watch_class(class, rules, now);
        let is_newest_first = self.is_overloaded(class, rules, now);
        let line = &mut self.classes[class as usize];
        let caller = *line.turns.front()?;
        let own = line.callers.get(&caller)?;
        let ticket = *if is_newest_first { own.last()? } else { own.first()? };
        // It goes to the end; if nothing of it is left, `take` removes it.
        line.turns.rotate_left(1);
        let waiter = self.take(ticket)?;
        Some((ticket, class, waiter.since, waiter.token))
    }

    /// One whose deadline has come.
    pub(super) fn pop_expired(&mut self, now: i64) -> Option<T> {
        let (deadline, ticket) = *self.deadlines.first()?;
        if deadline > now { None } else { self.remove(ticket) }
    }

    /// Takes out one that matters less than an asker: the newest of the caller with the most waiting, in the lowest class below the asker's; or in
    /// its own class if that caller has more waiting than the asker would have.
    pub(super) fn push_out(&mut self, class: Class, caller: u64) -> Option<T> {
        let lowest = Class::ALL.into_iter().find(|class| self.len_of(*class) > 0)?;
        if lowest > class {
            return None;
        }
        let line = &self.classes[lowest as usize];
        let of_caller = |own: &BTreeSet<u64>| own.last().map(|newest| (own.len(), *newest));
        let (most, newest) = line.callers.values().filter_map(of_caller).max()?;
        let own = line.callers.get(&caller).map_or(0, BTreeSet::len);
        if lowest == class && most <= own + 1 { None } else { self.remove(newest) }
    }

    /// How many would go before a newcomer of a class: all above it, and of its class those whose turns come before its own.
    pub(super) fn ahead_of(&self, class: Class, caller: u64) -> usize {
        let above: usize =
            Class::ALL.into_iter().filter(|other| *other > class).map(|other| self.len_of(other)).sum();
        let line = &self.classes[class as usize];
        let own = line.callers.get(&caller).map_or(0, BTreeSet::len);
        let others = line.callers.len() - usize::from(own > 0);
        above + line.all.len().min(own + others.saturating_mul(own + 1))
    }

    /// Whether a class has had a waiter that waited too long, for too long. It is not over as long as others are turned away for it: else the queue
    /// would fill up to the longest wait, be overloaded, empty itself, and so on.
    pub(super) fn is_overloaded(&self, class: Class, rules: &QueueRules, now: i64) -> bool {
        let line = &self.classes[class as usize];
        let lasts = |since: i64| now.saturating_sub(since);
        line.late_since.is_some_and(|since| lasts(since) >= micros(rules.patience))
            || line.turned_away.is_some_and(|since| lasts(since) < micros(rules.target_wait))
    }

    /// Somebody of a class is refused because it is overloaded.
    pub(super) fn note_turned_away(&mut self, class: Class, now: i64) {
        self.classes[class as usize].turned_away = Some(now);
    }

    /// Notes since when the oldest of each class have waited for too long.
    pub(super) fn watch(&mut self, rules: &QueueRules, now: i64) {
        Class::ALL.into_iter().for_each(|class| self.watch_class(class, rules, now));
    }

    fn watch_class(&mut self, class: Class, rules: &QueueRules, now: i64) {
        let line = &mut self.classes[class as usize];
        let oldest = line.all.first().and_then(|ticket| self.waiting.get(ticket));
        let is_late =
            oldest.is_some_and(|oldest| now.saturating_sub(oldest.since) > micros(rules.target_wait));
        line.late_since = if is_late { line.late_since.or(Some(now)) } else { None };
    }

    fn take(&mut self, ticket: u64) -> Option<Waiter<T>> {
        let waiter = self.waiting.remove(&ticket)?;
        let Ask { class, caller, deadline } = waiter.ask;
        self.deadlines.remove(&(deadline, ticket));
        let line = &mut self.classes[class as usize];
        line.all.remove(&ticket);
        if line.all.is_empty() {
            line.late_since = None;
        }
        if let Some(own) = line.callers.get_mut(&caller) {
            own.remove(&ticket);
            if own.is_empty() {
                line.callers.remove(&caller);
                line.turns.retain(|other| *other != caller);
            }
        }
        Some(waiter)
    }
}
