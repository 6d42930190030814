//! The counters of this process, in memory.

use std::time::Duration;

mod bucket;
mod calendar;
mod counter;
mod held;
mod shards;
mod sliding;
#[cfg(test)]
mod tests;

use super::{Amounts, Claim, Decision, Denial, Standing};
use counter::{Counter, Holder, Verdict, until};
use shards::{Locked, Shards};

/// Counters of all subjects of all rules, in memory. Moments (`now`, `at`) are microseconds since 1970-01-01 UTC.
///
/// A claim is granted when what was used in the window, what is held and what is claimed are together no more than the limit; all
/// claims of a request are granted together or none, whoever else comes at the same time. What is held is settled, released, or
/// free again when its lease runs out. Clocks may go back: no window is then opened twice, and nothing waits for longer than about two windows.
#[derive(Debug)]
pub struct Counters {
    shards: Shards,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters {
    /// Nothing used, nothing held.
    pub fn new() -> Self {
        Self { shards: Shards::new() }
    }

    /// Grants all claims or none. `id` (unique among what is open) holds the amounts until it settles or releases them, or until `lease` is
    /// over. What it holds already stays held.
    pub fn reserve(&self, id: u64, claims: &[Claim], lease: Duration, now: i64) -> Decision {
        self.reserve_for(Holder::Leased { id, lease }, claims, now)
    }

    /// The same without a lease, for a caller who is sure to [give back](Self::give_back) what was granted.
    pub fn keep(&self, claims: &[Claim], now: i64) -> Decision {
        self.reserve_for(Holder::Keeper, claims, now)
    }

    fn reserve_for(&self, holder: Holder, claims: &[Claim], now: i64) -> Decision {
        let mut asked = Vec::with_capacity(claims.len());
        asked.extend(claims.iter().map(|claim| Asked { hash: self.shards.hash(claim), place: None }));
        let mut locked = self.shards.lock_all(asked.iter().map(|asked| asked.hash));
        let denial = deny(&mut locked, claims, &mut asked, now);
        if denial.is_some() {
            let standings = claims.iter().zip(&asked);
            let standings = standings.map(|(claim, asked)| standing(&mut locked, claim, asked.hash, now));
            return Decision { standings: standings.collect(), denial };
        }
        // One that is added may move the others of its shard.
        let are_placed = asked.iter().all(|asked| asked.place.is_some());
        let mut standings = Vec::with_capacity(claims.len());
        let mut has_twins = false;
        for (i, claim) in claims.iter().enumerate() {
            let Asked { hash, place } = asked[i];
            let shard = locked.shard(hash);
            let counter = match place.filter(|_| are_placed).and_then(|place| shard.at(place)) {
                Some(counter) => counter,
                None => shard.find_or_insert(hash, claim, now),
            };
            counter.grant(claim, holder, now);
            standings.push(counter.standing(&claim.rule, now));
            has_twins |= asked[..i].iter().any(|other| other.hash == hash);
        }
        if has_twins {
            // The first of two claims on one counter was looked at before the second was granted.
            for (i, claim) in claims.iter().enumerate() {
                standings[i] = standing(&mut locked, claim, asked[i].hash, now);
            }
        }
        Decision { standings, denial: None }
    }

    /// Counts or holds claims that were granted elsewhere, by counters that are shared: whether there is room here is not asked.
    pub fn hold(&self, id: u64, claims: &[Claim], lease: Duration, now: i64) {
        for claim in claims {
            let hash = self.shards.hash(claim);
            let mut shard = self.shards.lock(hash);
            let counter = shard.find_or_insert(hash, claim, now);
            counter.advance_under(&claim.rule, now);
            counter.grant(claim, Holder::Leased { id, lease }, now);
        }
    }

    /// Lets go of what `id` holds and counts what it has used, at `now`. Once per reservation: a second time would count twice.
    pub fn settle(&self, id: u64, claims: &[Claim], amounts: &Amounts, now: i64) {
        self.settle_by(claims, amounts, now, |counter, _| counter.held.release(id));
    }

    /// Lets go of what was granted by [`Self::keep`] and counts what was used, at `now`. Once.
    pub fn give_back(&self, claims: &[Claim], amounts: &Amounts, now: i64) {
        self.settle_by(claims, amounts, now, |counter, claim| {
            if claim.amount > 0 {
                counter.held.give_back(claim.amount);
            }
        });
    }

    fn settle_by(
        &self,
        claims: &[Claim],
        amounts: &Amounts,
        now: i64,
        let_go: impl Fn(&mut Counter, &Claim),
    ) {
        // Requests were counted when they were granted, and hold nothing.
        for claim in claims.iter().filter(|claim| !claim.counts_at_once()) {
            let used = claim.used(amounts);
            let hash = self.shards.hash(claim);
            let mut shard = self.shards.lock(hash);
            let counter =
                if used > 0 { Some(shard.find_or_insert(hash, claim, now)) } else { shard.find(hash, claim) };
            if let Some(counter) = counter {
                counter.advance_under(&claim.rule, now);
                let_go(counter, claim);
                counter.count(used);
            }
        }
    }

    /// Lets go of what `id` holds. Nothing was used.
    pub fn release(&self, id: u64, claims: &[Claim], now: i64) {
        self.settle(id, claims, &Amounts::default(), now);
    }

    /// Lets the lease of what `id` holds run anew from `now`. False: some of it has run out already and is free.
    pub fn renew(&self, id: u64, claims: &[Claim], lease: Duration, now: i64) -> bool {
        let mut is_held = true;
        for claim in claims.iter().filter(|claim| !claim.counts_at_once() && claim.amount > 0) {
            let hash = self.shards.hash(claim);
            let mut shard = self.shards.lock(hash);
            is_held &= shard.find(hash, claim).is_some_and(|counter| {
                counter.held.advance(now);
                counter.held.renew(id, lease, now)
            });
        }
        is_held
    }

    /// Counts what was used at `at` by others: before a restart, or on another instance. Whether there was room is not asked. Amounts are best
    /// added in the order in which they were used; a bucket takes one that comes late for one of now.
    pub fn add(&self, claim: &Claim, amount: i64, at: i64, now: i64) {
        if amount <= 0 {
            return;
        }
        let at = at.min(now);
        let hash = self.shards.hash(claim);
        let mut shard = self.shards.lock(hash);
        let counter = shard.find_or_insert(hash, claim, at);
        counter.obey(&claim.rule);
        counter.count_at(amount, at, now);
    }

    /// How the claims' counters stand, in their order. Nothing is claimed.
    pub fn standings(&self, claims: &[Claim], now: i64) -> Vec<Standing> {
        let one = |claim: &Claim| {
            let hash = self.shards.hash(claim);
            let mut shard = self.shards.lock(hash);
            look(shard.find(hash, claim), claim, now, |counter| counter.standing(&claim.rule, now))
        };
        claims.iter().map(one).collect()
    }

    /// Forgets counters that are as if never used. To be called now and then, so that memory follows the subjects of late.
    pub fn sweep(&self, now: i64) {
        self.shards.each().for_each(|mut shard| shard.sweep(now));
    }

    /// How many counters there are.
    pub fn len(&self) -> usize {
        self.shards.each().map(|shard| shard.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A claim's counter, as it is looked for.
#[derive(Clone, Copy)]
struct Asked {
    hash: u64,
    /// Where it was found.
    place: Option<usize>,
}

/// Why not all claims can be granted; notes where their counters are, which are up to date then.
fn deny(locked: &mut Locked<'_>, claims: &[Claim], asked: &mut [Asked], now: i64) -> Option<Denial> {
    let mut worst: Option<(usize, Verdict)> = None;
    for (i, claim) in claims.iter().enumerate() {
        let hash = asked[i].hash;
        // Earlier claims of this request on the same counter go first.
        let twins = (0..i).filter(|&j| asked[j].hash == hash);
        let amount = twins.fold(claim.amount.max(0), |sum, j| sum.saturating_add(claims[j].amount.max(0)));
        let shard = locked.shard(hash);
        let place = shard.place(hash, claim);
        asked[i].place = place;
        let counter = place.and_then(|place| shard.at(place));
        let verdict = look(counter, claim, now, |counter| counter.judge(&claim.rule, amount));
        if verdict != Verdict::Granted && worst.is_none_or(|(_, other)| severity(verdict) > severity(other)) {
            worst = Some((i, verdict));
        }
    }
    worst.map(|(claim, verdict)| {
        let wait = if let Verdict::At(moment) = verdict { Some(until(moment, now)) } else { None };
        Denial { claim, wait }
    })
}

/// Of several verdicts the caller is told the one that keeps it out for longest, as far as is known.
fn severity(verdict: Verdict) -> (u8, i64) {
    match verdict {
        Verdict::Granted => (0, 0),
        Verdict::WhenGivenBack => (1, 0),
        Verdict::At(moment) => (2, moment),
        Verdict::Never => (3, 0),
    }
}

fn standing(locked: &mut Locked<'_>, claim: &Claim, hash: u64, now: i64) -> Standing {
    look(locked.shard(hash).find(hash, claim), claim, now, |counter| counter.standing(&claim.rule, now))
}

/// Looks at a claim's counter, brought up to date; at a new one if there is none, without keeping it.
fn look<T>(found: Option<&mut Counter>, claim: &Claim, now: i64, see: impl FnOnce(&Counter) -> T) -> T {
    match found {
        Some(counter) => {
            counter.advance_under(&claim.rule, now);
            see(counter)
        }
        None => see(&Counter::new(0, claim, now)),
    }
}

/// A length in microseconds.
fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}
