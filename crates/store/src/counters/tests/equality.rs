//! Memory and Redis make the same decisions.

use std::sync::Arc;
use std::time::Duration;

use tidegate_policy::limit::{Amounts, Calendar, Claim, Counters, Decision, Rule, Unit, Window};
use tidegate_testkit::servers::Redis;

use super::{look, rule};
use crate::counters::counter::Counter;
use crate::counters::link::Link;
use crate::counters::outbox::{Batch, Holding, Operation};
use crate::counters::remote::{read_decision, reserve_call};
use crate::counters::script::{APPLY, RESERVE};

const SECOND: i64 = 1_000_000;
const CENTURY: Duration = Duration::from_secs(3_200_000_000);

/// Small numbers from a seed, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as i64 % bound
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as i64) as usize]
    }
}

struct Open {
    id: u64,
    claims: Vec<Claim>,
    end: i64,
}

/// Both kinds of counters, told the same.
struct Pair {
    memory: Counters,
    redis: Link,
    tag: String,
    batches: u64,
}

impl Pair {
    fn counters(&self, claims: &[Claim]) -> Vec<Arc<Counter>> {
        claims.iter().map(|claim| Arc::new(Counter::new(&self.tag, claim.clone()))).collect()
    }

    async fn reserve(&mut self, id: u64, claims: &[Claim], lease: Duration, now: i64) -> [Decision; 2] {
        let epoch = format!("{}epoch", self.tag);
        let call = reserve_call(&epoch, "", &id.to_string(), &self.counters(claims), lease, Some(now));
        let answer: Vec<i64> = RESERVE.run(&mut self.redis, &call).await.expect("the script runs");
        let in_redis = read_decision(&answer, claims.len()).expect("a decision");
        let mut in_memory = self.memory.reserve(id, claims, lease, now);
        // Beyond a century Redis does not tell one time from another.
        in_memory.standings.iter_mut().for_each(|standing| standing.reset = standing.reset.min(CENTURY));
        if let Some(wait) = in_memory.denial.as_mut().and_then(|denial| denial.wait.as_mut()) {
            *wait = (*wait).min(CENTURY);
        }
        [in_memory, in_redis]
    }

    async fn apply(&mut self, operations: Vec<Operation>, now: i64) {
        self.batches += 1;
        let batch = Batch { number: self.batches, operations };
        let keys = [format!("{}epoch", self.tag), format!("{}sent", self.tag)];
        for wanted in [0, 1] {
            // The second time it must do nothing.
            let call = batch.call([&keys[0], &keys[1]], "", now, Some(now));
            let done: i64 = APPLY.run(&mut self.redis, &call).await.expect("the script runs");
            assert_eq!(done, wanted);
        }
    }

    async fn settle(&mut self, open: &Open, used: &Amounts, now: i64) {
        self.memory.settle(open.id, &open.claims, used, now);
        self.held(open, None, |counter| counter.used(used), now).await;
    }

    async fn renew(&mut self, open: &Open, lease: Duration, now: i64) {
        assert!(self.memory.renew(open.id, &open.claims, lease, now));
        self.held(open, Some(lease), |_| 0, now).await;
    }

    async fn held(&mut self, open: &Open, lease: Option<Duration>, used: impl Fn(&Counter) -> i64, now: i64) {
        let held = self.counters(&open.claims).into_iter().filter(|counter| counter.is_held());
        let operations = held.map(|counter| Operation {
            used: used(&counter),
            counter,
            holding: Some(Holding { id: open.id.to_string().into(), lease }),
            at: now,
        });
        let operations = operations.collect();
        self.apply(operations, now).await;
    }

    async fn add(&mut self, claim: &Claim, at: i64, now: i64) {
        self.memory.add(claim, claim.amount, at, now);
        let counter = Arc::new(Counter::new(&self.tag, claim.clone()));
        self.apply(vec![Operation { counter, holding: None, used: claim.amount, at }], now).await;
    }
}

fn rules(chance: &mut Chance) -> Vec<Arc<Rule>> {
    let windows = [
        Window::Sliding(Duration::from_secs(1)),
        Window::Sliding(Duration::from_secs(60)),
        Window::Sliding(Duration::from_micros(7_777_777)),
        Window::Sliding(Duration::from_secs(30 * 86_400)),
        Window::Calendar(Calendar::Second),
        Window::Calendar(Calendar::Minute),
        Window::Calendar(Calendar::Hour),
        Window::Calendar(Calendar::Day),
        Window::Calendar(Calendar::Week),
        Window::Calendar(Calendar::Month),
        Window::Bucket { per: Duration::from_secs(60), burst: 10 },
        Window::Bucket { per: Duration::from_micros(3_333_333), burst: 700 },
        Window::Bucket { per: Duration::from_secs(366 * 86_400), burst: 1_000_000_000_000_000 },
    ];
    let units = [Unit::Requests, Unit::InputTokens, Unit::OutputTokens, Unit::Tokens, Unit::Money];
    let mut rules: Vec<_> = (0..4)
        .map(|number| {
            let amount = chance.one_of(&[0, 1, 7, 100, 1000, 123_456_789, 1_000_000_000_000_000]);
            rule(&format!("r{number}"), chance.one_of(&units), amount, chance.one_of(&windows))
        })
        .collect();
    rules.push(rule("open", Unit::Concurrent, 3, Window::Open));
    rules
}

fn amount(chance: &mut Chance, rule: &Rule) -> i64 {
    match chance.below(10) {
        0 => 0,
        1 => rule.most(),
        2 => rule.most().saturating_add(1),
        _ => chance.below((rule.most() / 3).max(2)) + 1,
    }
}

#[tokio::test]
async fn memory_and_redis_make_the_same_decisions() {
    let server = Redis::start().await.expect("Redis starts");
    let (mut granted, mut denied) = (0, 0);
    for seed in 1..=60 {
        let pair = Pair {
            memory: Counters::new(),
            redis: Link::Single(look(&server).await),
            tag: format!("tg:{{{seed}}}:"),
            batches: 0,
        };
        let (yes, no) = one_story(seed, pair).await;
        granted += yes;
        denied += no;
    }
    // A test in which everything is granted, or nothing, would show little.
    assert!(granted > 500 && denied > 500, "{granted} granted, {denied} denied");
}

async fn one_story(seed: u64, mut pair: Pair) -> (u32, u32) {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let rules = rules(&mut chance);
    let mut now = 1_790_000_000 * SECOND + chance.below(400 * 86_400) * SECOND + chance.below(SECOND);
    let (mut open, mut counts) = (Vec::<Open>::new(), (0, 0));
    for id in 0..150 {
        now += match chance.below(12) {
            0 => chance.below(40 * 86_400) * SECOND,
            1 => chance.below(7200 * SECOND),
            2..=5 => chance.below(20 * SECOND),
            6 => 0,
            _ => chance.below(SECOND),
        };
        open.retain(|open| open.end > now);
        match chance.below(10) {
            0 | 1 if !open.is_empty() => {
                let ended = open.swap_remove(chance.below(open.len() as i64) as usize);
                let most = ended.claims.iter().map(|claim| claim.amount).max().unwrap_or(0).max(1);
                let mut some = || chance.below(most.saturating_mul(2));
                let used = Amounts { input: some(), output: some(), money: some() };
                pair.settle(&ended, &used, now).await;
            }
            2 if !open.is_empty() => {
                let ended = open.swap_remove(chance.below(open.len() as i64) as usize);
                pair.settle(&ended, &Amounts::default(), now).await;
            }
            3 if !open.is_empty() => {
                let lease = Duration::from_micros(chance.below(30 * SECOND) as u64 + 1);
                let place = chance.below(open.len() as i64) as usize;
                pair.renew(&open[place], lease, now).await;
                open[place].end = now + lease.as_micros() as i64;
            }
            4 => {
                let rule = chance.one_of(&(0..rules.len()).collect::<Vec<_>>());
                let claim = super::claim(&rules[rule], amount(&mut chance, &rules[rule]));
                let at = now - chance.below(100 * SECOND);
                pair.add(&claim, at, now).await;
            }
            _ => {
                let mut claims = Vec::new();
                for rule in &rules {
                    if chance.below(3) > 0 {
                        claims.push(super::claim(rule, amount(&mut chance, rule)));
                    }
                }
                let lease = Duration::from_micros(chance.below(30 * SECOND) as u64 + 1);
                let [memory, redis] = pair.reserve(id, &claims, lease, now).await;
                assert_eq!(memory, redis, "seed {seed}, step {id}: {claims:#?} (memory, Redis)");
                if memory.denial.is_none() {
                    counts.0 += 1;
                    open.push(Open { id, claims, end: now + lease.as_micros() as i64 });
                } else {
                    counts.1 += 1;
                }
            }
        }
    }
    counts
}
