//! The bounded waiting room in front of a target or a pool.

mod pace;
#[cfg(test)]
mod tests;
mod waiters;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Class, length, micros};
use pace::{Hold, Pace};
use waiters::Waiters;

/// So many waiters are let in whatever the overload, if they have the time.
const FEW: usize = 5;

/// How many may wait, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// Waiters at most.
    pub most: usize,
    /// Nobody waits longer, whatever its deadline.
    pub longest_wait: Duration,
    /// A wait that is no cause for worry. A class whose oldest waiter has waited longer for `patience` is overloaded: its newest go first, and
    /// only who can be served within this time is let in. It is so until for this time nobody has been turned away for it.
    pub target_wait: Duration,
    /// How long that may last before it counts as overload.
    pub patience: Duration,
}

impl Default for QueueRules {
    fn default() -> Self {
        Self {
            most: 1000,
            longest_wait: Duration::from_secs(30),
            target_wait: Duration::from_secs(2),
            patience: Duration::from_secs(1),
        }
    }
}

/// Who asks for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Its priority.
    pub class: Class,
    /// A hash of whom the request is for (key, team or user): callers of a class take turns.
    pub caller: u64,
    /// The latest moment at which it is still of use to begin.
    pub deadline: i64,
}

/// The place of a waiter, for [`Queue::cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What becomes of an offer, and of others by it.
#[derive(Debug)]
pub struct Offered<T, P> {
    /// What becomes of who asked.
    pub fate: Fate<T, P>,
    /// Others that go or are refused by it.
    pub woken: Woken<T, P>,
}

/// What becomes of who asked.
#[derive(Debug)]
pub enum Fate<T, P> {
    /// A permit was free after all, and this is the waiter whose turn it is.
    GoNow(T, P),
    /// It waits.
    Waits(Ticket),
    /// It does not.
    Refused(Refused<T>),
}

/// Waiters that are no longer in the queue. Every one is told.
#[derive(Debug)]
pub struct Woken<T, P> {
    /// Those who go, with their permits.
    pub go: Vec<Woke<T, P>>,
    /// Those who are refused.
    pub refused: Vec<Refused<T>>,
}

/// A waiter whose turn it is.
#[derive(Debug)]
pub struct Woke<T, P> {
    /// The waiter.
    pub waiter: T,
    /// Its permit.
    pub permit: P,
    /// How long it has waited.
    pub waited: Duration,
}

/// A waiter that is refused.
#[derive(Debug)]
pub struct Refused<T> {
    /// The waiter.
    pub back: T,
    /// Why.
    pub why: Why,
    /// When it would be likely to find room, as far as is known.
    pub retry_after: Option<Duration>,
}

/// Why somebody is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The wait would be longer than it has time; told at once.
    TooLong,
    /// As many wait as may, and none of them matters less.
    Full,
    /// It had a place and was pushed out of it: by a higher class, or by a caller of its class with fewer waiting.
    PushedOut,
    /// Its deadline came before its turn.
    Expired,
}

impl<T, P> Woken<T, P> {
    /// Nobody.
    pub const fn none() -> Self {
        Self { go: Vec::new(), refused: Vec::new() }
    }
}

/// The waiting room. `T` is what wakes a waiter, `P` a permit (such as the number of the target that has room).
///
/// Permits are kept by others ([`Concurrency`](super::Concurrency)); `take` takes one of theirs, or says that there is none. It is called under this queue's lock
/// and must not call the queue. No wake-up is lost if permits are given back *before* [`done`](Self::done) is called, and their counters are sequentially consistent:
/// who comes to wait looks once more after it can be seen waiting.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: AtomicUsize,
    hold: Hold,
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    rules: QueueRules,
    waiters: Waiters<T>,
    pace: Pace,
}

impl<T> Queue<T> {
    /// Nobody waits.
    pub fn new(rules: QueueRules) -> Self {
        let inner = Inner { rules, waiters: Waiters::new(), pace: Pace::default() };
        Self { waiting: AtomicUsize::new(0), hold: Hold::default(), inner: Mutex::new(inner) }
    }

    /// Lets other rules hold for who comes from now on.
    pub fn set_rules(&self, rules: QueueRules) {
        self.lock().rules = rules;
    }

    /// Whether nobody waits, so that who comes may take a permit without asking here.
    pub fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// How many of a class wait.
    pub fn len_of(&self, class: Class) -> usize {
        self.lock().waiters.len_of(class)
    }

    /// Whether a class is overloaded: its newest go first.
    pub fn is_overloaded(&self, class: Class, now: i64) -> bool {
        let inner = self.lock();
        inner.waiters.is_overloaded(class, &inner.rules, now)
    }

    /// Asks for a permit, after taking one directly has failed. `permits`: how many there are in all, taken or not.
    pub fn offer<P>(
        &self,
        ask: Ask,
        waiter: T,
        now: i64,
        permits: u32,
        mut take: impl FnMut() -> Option<P>,
    ) -> Offered<T, P> {
        let mut woken = Woken::none();
        let mut inner = self.lock();
        inner.expire(now, &mut woken);
        let guess = self.hold.rate(permits);
        let is_waiting = !inner.waiters.is_empty();
        inner.pace.advance(is_waiting, guess, now);
        self.hand_out(&mut inner, now, &mut take, &mut woken, None);
        if inner.waiters.is_empty()
            && let Some(permit) = take()
        {
            return Offered { fate: Fate::GoNow(waiter, permit), woken };
        }
        let ticket = match inner.seat(ask, waiter, now, &mut woken) {
            Ok(ticket) => ticket,
            Err(refused) => return Offered { fate: Fate::Refused(refused), woken },
        };
        // Seen waiting from here on; a permit that was given back just before is found by looking once more.
        self.publish(&inner);
        let own = self.hand_out(&mut inner, now, &mut take, &mut woken, Some(ticket));
        let fate = match own {
            Some(woke) => Fate::GoNow(woke.waiter, woke.permit),
            None => Fate::Waits(Ticket(ticket)),
        };
        Offered { fate, woken }
    }

    /// Somebody is done who had a permit for `held`, and has given it back. Hands permits on to those whose turn it is.
    pub fn done<P>(&self, held: Duration, now: i64, take: impl FnMut() -> Option<P>) -> Woken<T, P> {
        self.hold.learn(held);
        if self.is_empty() {
            return Woken::none();
        }
        self.wake(now, true, take)
    }

    /// Permits may have become more for another cause (a limit rose, a target came back), or time has passed: hands out, and refuses those whose time is over.
    /// Worth calling every second or so while somebody waits.
    pub fn look<P>(&self, now: i64, take: impl FnMut() -> Option<P>) -> Woken<T, P> {
        if self.is_empty() {
            return Woken::none();
        }
        self.wake(now, false, take)
    }

    /// Takes a waiter out that no longer waits. None: it is not there any more, as it has been woken or refused.
    pub fn cancel(&self, ticket: Ticket) -> Option<T> {
        let mut inner = self.lock();
        let back = inner.waiters.remove(ticket.0);
        self.publish(&inner);
        back
    }

    fn wake<P>(&self, now: i64, is_done: bool, mut take: impl FnMut() -> Option<P>) -> Woken<T, P> {
        let mut woken = Woken::none();
        let mut inner = self.lock();
        inner.expire(now, &mut woken);
        let is_waiting = !inner.waiters.is_empty();
        inner.pace.pass(is_waiting, now);
        if is_done {
            inner.pace.count();
        }
        self.hand_out(&mut inner, now, &mut take, &mut woken, None);
        woken
    }

    /// Hands out permits as long as there are waiters and permits. The one with the ticket `own` is returned.
    fn hand_out<P>(
        &self,
        inner: &mut Inner<T>,
        now: i64,
        take: &mut impl FnMut() -> Option<P>,
        woken: &mut Woken<T, P>,
        own: Option<u64>,
    ) -> Option<Woke<T, P>> {
        let mut found = None;
        while !inner.waiters.is_empty() {
            let Some(permit) = take() else { break };
            let Some((ticket, class, since, waiter)) = inner.waiters.next(&inner.rules, now) else { break };
            inner.pace.served(class);
            let woke = Woke { waiter, permit, waited: length(now.saturating_sub(since)) };
            if own == Some(ticket) { found = Some(woke) } else { woken.go.push(woke) }
        }
        self.publish(inner);
        found
    }

    fn publish(&self, inner: &Inner<T>) {
        self.waiting.store(inner.waiters.len(), Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Inner<T> {
    /// Gives somebody a place, or says why not. Somebody else may lose its own.
    fn seat<P>(&mut self, ask: Ask, waiter: T, now: i64, woken: &mut Woken<T, P>) -> Result<u64, Refused<T>> {
        if let Some((why, retry_after)) = self.objection(&ask, now) {
            return Err(Refused { back: waiter, why, retry_after });
        }
        if self.waiters.len() >= self.rules.most.max(1) {
            let retry_after = self.pace.wait_for(self.waiters.len() + 1);
            match self.waiters.push_out(ask.class, ask.caller) {
                Some(back) => woken.refused.push(Refused { back, why: Why::PushedOut, retry_after }),
                None => return Err(Refused { back: waiter, why: Why::Full, retry_after }),
            }
        }
        let deadline = ask.deadline.min(now.saturating_add(micros(self.rules.longest_wait)));
        Ok(self.waiters.insert(Ask { deadline, ..ask }, waiter, now))
    }

    /// Why somebody need not wait at all.
    fn objection(&mut self, ask: &Ask, now: i64) -> Option<(Why, Option<Duration>)> {
        let left = ask.deadline.saturating_sub(now).min(micros(self.rules.longest_wait));
        let wait = self.pace.wait_in(ask.class, self.waiters.ahead_of(ask.class, ask.caller) + 1);
        if left <= 0 {
            return Some((Why::Expired, wait));
        }
        let is_overloaded = self.waiters.is_overloaded(ask.class, &self.rules, now);
        let left = if is_overloaded { left.min(self.shortened(ask.class)) } else { left };
        let too_long = wait.filter(|wait| micros(*wait) > left)?;
        if is_overloaded {
            self.waiters.note_turned_away(ask.class, now);
        }
        Some((Why::TooLong, Some(too_long)))
    }

    /// The longest wait under overload, microseconds. A few turns are no backlog, however long each takes.
    fn shortened(&self, class: Class) -> i64 {
        let few = self.pace.wait_in(class, FEW).unwrap_or_default();
        micros(few.max(self.rules.target_wait))
    }

    /// Refuses those whose time is over.
    fn expire<P>(&mut self, now: i64, woken: &mut Woken<T, P>) {
        while let Some(back) = self.waiters.pop_expired(now) {
            let retry_after = self.pace.wait_for(self.waiters.len() + 1);
            woken.refused.push(Refused { back, why: Why::Expired, retry_after });
        }
        self.waiters.watch(&self.rules, now);
    }
}
