//! An instance's share of a rule.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tidegate_policy::limit::{Claim, Rule, Window};

/// Rules cut into shares, so that each is cut once.
#[derive(Default)]
pub(super) struct Shares(RwLock<HashMap<Arc<str>, Cut>>);

struct Cut {
    whole: Arc<Rule>,
    instances: u32,
    share: Arc<Rule>,
}

impl Shares {
    /// The same claims on this instance's share of the limits.
    pub(super) fn claims(&self, claims: &[Claim], instances: u32) -> Arc<[Claim]> {
        if instances <= 1 {
            return claims.into();
        }
        let share = |claim: &Claim| Claim { rule: self.share(&claim.rule, instances), ..claim.clone() };
        claims.iter().map(share).collect()
    }

    fn share(&self, whole: &Arc<Rule>, instances: u32) -> Arc<Rule> {
        let fits = |cut: &&Cut| cut.instances == instances && Arc::ptr_eq(&cut.whole, whole);
        if let Some(cut) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&whole.name).filter(fits)
        {
            return Arc::clone(&cut.share);
        }
        let share = Arc::new(cut(whole, instances));
        let entry = Cut { whole: Arc::clone(whole), instances, share: Arc::clone(&share) };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&whole.name), entry);
        share
    }
}

/// Rounded down, but at least 1 of what is not 0: a small limit must not shut everybody out.
fn cut(whole: &Rule, instances: u32) -> Rule {
    let part = |amount: i64| (amount / i64::from(instances)).max(amount.min(1));
    let window = match whole.window {
        Window::Bucket { per, burst } => Window::Bucket { per, burst: part(burst) },
        other => other,
    };
    Rule { amount: part(whole.amount), window, ..whole.clone() }
}
