//! How a pool treats its requests, and how much room a target has, for `explain`.

use std::fmt;

use serde::Serialize;
use tidegate_policy::balance::Strategy;
use tidegate_policy::health::HealthRules;
use tidegate_policy::overload::ConcurrencyRules;
use tidegate_proxy::traffic::{Conduct, GateRules, Sticky};

use crate::config::written::Period;

/// A pool's habits.
#[derive(Debug, Serialize)]
pub(super) struct Habits {
    pub(super) strategy: Strategy,
    /// Whose requests go to the same target; only with the strategy `sticky`.
    sticky: Option<&'static str>,
    health: HealthShown,
    /// Most retries, in percent of the requests; none: not bounded.
    retry_budget_percent: Option<f64>,
    hedge: Option<HedgeShown>,
}

#[derive(Debug, Serialize)]
struct HealthShown {
    /// In a row; 0: not counted.
    failures: u32,
    failure_rate_percent: Option<f64>,
    /// The share says nothing of fewer attempts.
    of_at_least: u32,
    open: String,
    trials: u32,
    slow_start: String,
    slow: Option<String>,
}

#[derive(Debug, Serialize)]
struct HedgeShown {
    percentile: f64,
    budget_percent: f64,
}

/// How much room a target has.
#[derive(Debug, Serialize)]
pub(super) struct Room {
    /// `adaptive`, `off` or a number.
    max_concurrent: String,
    queue_places: usize,
    queue_wait: String,
}

impl Habits {
    pub(super) fn of(conduct: &Conduct) -> Self {
        let rules = conduct.balancer.rules();
        Self {
            strategy: rules.strategy,
            sticky: (rules.strategy == Strategy::Sticky).then_some(match conduct.sticky {
                Sticky::Prompt => "prompt",
                Sticky::User => "user",
                Sticky::Session => "session",
                Sticky::Key => "key",
            }),
            health: health(&rules.health),
            retry_budget_percent: conduct.budget.as_ref().map(|budget| percent(budget.rules().share)),
            hedge: conduct.hedge.as_ref().map(|hedge| HedgeShown {
                percentile: percent(hedge.rules().quantile),
                budget_percent: percent(hedge.rules().share),
            }),
        }
    }

    /// How the first target is chosen.
    pub(super) fn choice(&self) -> String {
        match self.strategy {
            Strategy::Weighted => "share of the requests".to_owned(),
            Strategy::Priority => "priority: the first that is well".to_owned(),
            Strategy::RoundRobin => "round_robin: one after the other, by weight".to_owned(),
            Strategy::LeastConnections => {
                "least_connections: the fewest open requests for its weight".to_owned()
            }
            Strategy::Latency => "latency: the quicker of two drawn by weight".to_owned(),
            Strategy::Cost => "cost: the cheapest that is well".to_owned(),
            Strategy::Headroom => "headroom: by what the providers' rate limits leave".to_owned(),
            Strategy::Sticky => {
                format!(
                    "sticky: the same for the same {}, while it has room",
                    self.sticky.unwrap_or("prompt")
                )
            }
            Strategy::Load => "load: the least load by its own metrics".to_owned(),
        }
    }

    /// Whether the weights are the shares of the requests.
    pub(super) fn has_shares(&self) -> bool {
        matches!(self.strategy, Strategy::Weighted | Strategy::RoundRobin)
    }
}

fn health(rules: &HealthRules) -> HealthShown {
    HealthShown {
        failures: rules.failures,
        failure_rate_percent: rules.rate.map(percent),
        of_at_least: rules.rate_least,
        open: Period(rules.open).to_string(),
        trials: rules.trials,
        slow_start: Period(rules.slow_start).to_string(),
        slow: rules.slow_first_token.map(|slow| Period(slow).to_string()),
    }
}

impl Room {
    pub(super) fn of(rules: &GateRules) -> Self {
        Self {
            max_concurrent: match rules.concurrency {
                None => "off".to_owned(),
                Some(ConcurrencyRules::Fixed(most)) => most.to_string(),
                Some(ConcurrencyRules::Adaptive(_)) => "adaptive".to_owned(),
            },
            queue_places: rules.queue.most,
            queue_wait: Period(rules.queue.longest_wait).to_string(),
        }
    }
}

/// With one digit behind the point.
fn percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}

impl fmt::Display for Habits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "   breaker      {}", self.health)?;
        match self.retry_budget_percent {
            Some(share) => writeln!(f, "   retries      at most {share} % of the requests")?,
            None => writeln!(f, "   retries      not bounded together")?,
        }
        if let Some(HedgeShown { percentile, budget_percent }) = &self.hedge {
            writeln!(
                f,
                "   hedge        a second target when the first token is later than of {percentile} %, for at most {budget_percent} %"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for HealthShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut causes = Vec::new();
        if self.failures > 0 {
            causes.push(format!("{} failures in a row", self.failures));
        }
        if let Some(rate) = self.failure_rate_percent {
            causes.push(format!("{rate} % failures of at least {}", self.of_at_least));
        }
        if let Some(slow) = &self.slow {
            causes.push(format!("first tokens later than {slow}"));
        }
        if causes.is_empty() {
            return f.write_str("never opens by failures");
        }
        let causes = causes.join(" or ");
        write!(f, "opens by {causes}, for {}; closes after {} trials", self.open, self.trials)?;
        write!(f, ", slow start {}", self.slow_start)
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_once = match self.max_concurrent.as_str() {
            "off" => "not bounded",
            "adaptive" => "adaptive",
            number => &format!("{number} at once"),
        };
        write!(f, "{at_once}; {} may wait, each at most {}", self.queue_places, self.queue_wait)
    }
}
