//! The gate of a target: how many requests it has at once, and who waits for his turn.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_policy::overload::{
    Ask, Concurrency, ConcurrencyRules, Fate, Queue, QueueRules, Refused, Ticket, Woken,
};
use tokio::sync::oneshot::{self, Receiver, Sender};

use super::Live;
use crate::clock::micros;
use crate::error::Shed;

/// How often somebody who waits looks whether room has come by itself: a limit that rose, a scout that is due.
const LOOK: Duration = Duration::from_millis(500);

/// How many may be at a target at once, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateRules {
    /// At once; `None`: not bounded.
    pub concurrency: Option<ConcurrencyRules>,
    /// Who waits.
    pub queue: QueueRules,
}

impl Default for GateRules {
    fn default() -> Self {
        Self { concurrency: Some(ConcurrencyRules::default()), queue: QueueRules::default() }
    }
}

/// What a waiter is told.
type Turn = Result<Place, NoRoom>;

/// A refusal.
#[derive(Clone, Copy, Debug)]
pub struct NoRoom {
    /// Why.
    pub why: Shed,
    /// When there is likely to be room.
    pub retry_after: Option<Duration>,
}

/// Concurrency and queue of one target.
#[derive(Debug)]
pub struct Gate {
    rules: Mutex<GateRules>,
    concurrency: Concurrency,
    queue: Queue<Sender<Turn>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            rules: Mutex::default(),
            concurrency: Concurrency::new(ConcurrencyRules::default()),
            queue: Queue::new(QueueRules::default()),
        }
    }
}

/// Room for one request at a target; dropped, it is given back and the next one goes.
#[derive(Debug)]
pub struct Place {
    live: Arc<Live>,
    since: i64,
}

impl Place {
    /// When it was had, in microseconds.
    pub fn since(&self) -> i64 {
        self.since
    }
}

impl Gate {
    /// Lets other rules hold from now on.
    pub fn set_rules(&self, rules: &GateRules) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = *rules;
        self.concurrency.set_rules(rules.concurrency.unwrap_or(ConcurrencyRules::Fixed(u32::MAX)));
        self.queue.set_rules(rules.queue);
    }

    /// The rules that hold now.
    pub fn rules(&self) -> GateRules {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are there at once.
    pub fn concurrency(&self) -> &Concurrency {
        &self.concurrency
    }

    /// Whether somebody who comes now is likely to be let in at once.
    pub fn has_room(&self) -> bool {
        self.queue.is_empty() && !self.concurrency.is_full()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

/// Takes room if there is some and nobody waits for it.
pub fn try_enter(live: &Arc<Live>, now: i64) -> Option<Place> {
    let gate = &live.gate;
    (gate.queue.is_empty() && gate.concurrency.try_take(now))
        .then(|| Place { live: live.clone(), since: now })
}

/// Waits for room as long as `ask` allows.
pub async fn enter(live: &Arc<Live>, ask: Ask) -> Result<Place, NoRoom> {
    let (sender, mut turn) = oneshot::channel();
    let now = micros();
    let gate = &live.gate;
    let offered = gate.queue.offer(ask, sender, now, gate.concurrency.limit(), || take(live));
    tell(offered.woken);
    let ticket = match offered.fate {
        Fate::GoNow(_, place) => return Ok(place),
        Fate::Refused(refused) => return Err(no_room(&refused)),
        Fate::Waits(ticket) => ticket,
    };
    let waiting = Waiting { live, ticket };
    wait(&waiting, &mut turn).await
}

async fn wait(waiting: &Waiting<'_>, turn: &mut Receiver<Turn>) -> Result<Place, NoRoom> {
    loop {
        match tokio::time::timeout(LOOK, &mut *turn).await {
            Ok(Ok(told)) => return told,
            // The queue tells everybody; this is the end of the process.
            Ok(Err(_)) => return Err(NoRoom { why: Shed::Expired, retry_after: None }),
            Err(_) => look(waiting.live),
        }
    }
}

/// Hands out what has become free by itself, and refuses those whose time is over.
pub(super) fn look(live: &Arc<Live>) {
    tell(live.gate.queue.look(micros(), || take(live)));
}

fn take(live: &Arc<Live>) -> Option<Place> {
    let now = micros();
    live.gate.concurrency.try_take(now).then(|| Place { live: live.clone(), since: now })
}

/// Somebody who waits; dropped, he waits no more.
struct Waiting<'l> {
    live: &'l Arc<Live>,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Nothing to cancel: his turn has come, and with the channel goes his place.
        drop(self.live.gate.queue.cancel(self.ticket));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = micros();
        let gate = &self.live.gate;
        gate.concurrency.give_back();
        let held = Duration::from_micros(u64::try_from(now - self.since).unwrap_or(0));
        tell(gate.queue.done(held, now, || take(&self.live)));
    }
}

/// Tells those who waited. Who is gone gives his place back by not taking it.
fn tell(woken: Woken<Sender<Turn>, Place>) {
    for woke in woken.go {
        drop(woke.waiter.send(Ok(woke.permit)));
    }
    for refused in woken.refused {
        let told = Err(no_room(&refused));
        drop(refused.back.send(told));
    }
}

fn no_room(refused: &Refused<Sender<Turn>>) -> NoRoom {
    NoRoom { why: refused.why.into(), retry_after: refused.retry_after }
}
