//! How a pool treats its requests: whom it asks, how often again, and whether twice.

use tidegate_policy::balance::{Balancer, Rules};
use tidegate_policy::budget::{BudgetRules, RetryBudget};
use tidegate_policy::hedge::{Hedge, HedgeRules};

use super::Sticky;

/// A pool's balancer, budgets and habits. A reload makes a new one; what matters is with the targets.
#[derive(Debug)]
pub struct Conduct {
    /// Whom it asks.
    pub balancer: Balancer,
    /// Who stays with the same target (strategy `sticky`).
    pub sticky: Sticky,
    /// How often it asks again; `None`: as often as each request may.
    pub budget: Option<RetryBudget>,
    /// Whether it asks two at once.
    pub hedge: Option<Hedge>,
}

impl Conduct {
    /// A conduct by these rules.
    pub fn new(rules: Rules, sticky: Sticky, budget: Option<BudgetRules>, hedge: Option<HedgeRules>) -> Self {
        Self {
            balancer: Balancer::new(rules),
            sticky,
            budget: budget.map(RetryBudget::new),
            hedge: hedge.map(Hedge::new),
        }
    }
}

impl Default for Conduct {
    fn default() -> Self {
        Self::new(Rules::default(), Sticky::default(), Some(BudgetRules::default()), None)
    }
}
