//! How pools and targets are treated: strategy, health, budgets, room.

use std::sync::Arc;

use tidegate_policy::balance::{Rules, Strategy};
use tidegate_policy::budget::BudgetRules;
use tidegate_policy::health::HealthRules;
use tidegate_policy::hedge::HedgeRules;
use tidegate_policy::overload::{Adaptive, ConcurrencyRules, QueueRules};
use tidegate_proxy::traffic::{Conduct, GateRules, Sticky};

use crate::config::written::{
    ConcurrencyEntry, ConcurrencyWord, Config, HealthEntry, HedgeEntry, ModelPool, StickyWord, StrategyWord,
    TargetEntry,
};

/// The conduct of targets that are asked for by their own names.
pub(super) fn alone(config: &Config, own: Option<&HealthEntry>) -> Arc<Conduct> {
    let rules = Rules { health: health(config, own), ..Rules::default() };
    Arc::new(Conduct::new(rules, Sticky::default(), budget(config), None))
}

/// The conduct of a pool. `is_uniform`: its members are all the same model, so that one that is much slower than the others is ill.
pub(super) fn of_pool(
    config: &Config,
    pool: Option<&ModelPool>,
    own: Option<&HealthEntry>,
    is_uniform: bool,
) -> Arc<Conduct> {
    let word = pool.map(|pool| pool.strategy).unwrap_or_default();
    let mut health = health(config, own);
    health.slow_factor = health.slow_factor.filter(|_| is_uniform);
    let rules = Rules { strategy: strategy(word), health, ..Rules::default() };
    let sticky = sticky(pool.map(|pool| pool.sticky).unwrap_or_default());
    let hedge = pool.and_then(|pool| pool.hedge.as_ref()).map(hedge);
    Arc::new(Conduct::new(rules, sticky, budget(config), hedge))
}

/// How much room a target has.
pub(super) fn gate(config: &Config, entry: Option<&TargetEntry>) -> GateRules {
    let own = entry.and_then(TargetEntry::terms).and_then(|terms| terms.max_concurrent);
    let concurrency = match (own, &config.overload.concurrency) {
        (Some(most), _) | (None, &ConcurrencyEntry::Number(most)) => Some(ConcurrencyRules::Fixed(most)),
        (None, ConcurrencyEntry::Word(ConcurrencyWord::Adaptive)) => Some(ConcurrencyRules::default()),
        (None, ConcurrencyEntry::Word(ConcurrencyWord::Strict)) => {
            Some(ConcurrencyRules::Adaptive(Adaptive { ease: None, ..Adaptive::default() }))
        }
        (None, ConcurrencyEntry::Word(ConcurrencyWord::Off)) => None,
    };
    let queue = &config.overload.queue;
    let queue =
        QueueRules { most: queue.places as usize, longest_wait: queue.wait.0, ..QueueRules::default() };
    GateRules { concurrency, queue }
}

fn budget(config: &Config) -> Option<BudgetRules> {
    let share = f64::from(config.retry.budget) / 100.0;
    let floor_per_second = if share > 0.0 { BudgetRules::default().floor_per_second } else { 0.0 };
    Some(BudgetRules { share, floor_per_second, ..BudgetRules::default() })
}

fn hedge(entry: &HedgeEntry) -> HedgeRules {
    HedgeRules {
        quantile: f64::from(entry.percentile) / 100.0,
        share: f64::from(entry.budget) / 100.0,
        ..HedgeRules::default()
    }
}

fn health(config: &Config, own: Option<&HealthEntry>) -> HealthRules {
    let usual = HealthRules::default();
    let top = &config.health;
    let open = own.and_then(|own| own.open).or(top.open).map_or(usual.open, |open| open.0);
    let rate = own.and_then(|own| own.failure_rate).or(top.failure_rate);
    HealthRules {
        failures: own.and_then(|own| own.failures).or(top.failures).unwrap_or(usual.failures),
        rate: rate.map_or(usual.rate, |percent| (percent > 0).then(|| f64::from(percent) / 100.0)),
        silence: own
            .and_then(|own| own.silence)
            .or(top.silence)
            .map_or(usual.silence, |silence| Some(silence.0)),
        open,
        longest_open: open.saturating_mul(10),
        slow_start: own
            .and_then(|own| own.slow_start)
            .or(top.slow_start)
            .map_or(usual.slow_start, |time| time.0),
        slow_first_token: own.and_then(|own| own.slow).or(top.slow).map(|slow| slow.0),
        ..usual
    }
}

fn strategy(word: StrategyWord) -> Strategy {
    match word {
        StrategyWord::Weighted => Strategy::Weighted,
        StrategyWord::Priority => Strategy::Priority,
        StrategyWord::RoundRobin => Strategy::RoundRobin,
        StrategyWord::LeastConnections => Strategy::LeastConnections,
        StrategyWord::Latency => Strategy::Latency,
        StrategyWord::Cost => Strategy::Cost,
        StrategyWord::Headroom => Strategy::Headroom,
        StrategyWord::Sticky => Strategy::Sticky,
        StrategyWord::Load => Strategy::Load,
    }
}

fn sticky(word: StickyWord) -> Sticky {
    match word {
        StickyWord::Prompt => Sticky::Prompt,
        StickyWord::User => Sticky::User,
        StickyWord::Session => Sticky::Session,
        StickyWord::Key => Sticky::Key,
    }
}
