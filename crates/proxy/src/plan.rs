//! Stop 4, second half: which targets a model name leads to, in which order.

use std::sync::Arc;

use tidegate_policy::weighted_order;

use crate::snapshot::{ModelTable, Resolved, Target, UnknownModel};

/// Targets in the order in which they are tried; never empty.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The targets.
    pub targets: Vec<Arc<Target>>,
}

impl Plan {
    /// The plan for a model name: the pool's members by weight, then its fallbacks, each target once.
    pub fn make(
        models: &ModelTable,
        name: &str,
        mut chance: impl FnMut() -> f64,
    ) -> Result<Self, UnknownModel> {
        let mut plan = Self { targets: Vec::new() };
        plan.add(models, name, &mut chance, &mut Vec::new())?;
        Ok(plan)
    }

    /// The target's `provider/model`, where there is just one.
    pub fn only_label(&self) -> Option<&str> {
        match self.targets.as_slice() {
            [target] => Some(&target.label),
            _ => None,
        }
    }

    fn add(
        &mut self,
        models: &ModelTable,
        name: &str,
        chance: &mut impl FnMut() -> f64,
        seen: &mut Vec<String>,
    ) -> Result<(), UnknownModel> {
        let pool = match models.resolve(name)? {
            Resolved::Target(target) => {
                self.push(target);
                return Ok(());
            }
            Resolved::Pool(pool) => pool,
        };
        // The config check refuses cycles; this keeps a mistake there from becoming an endless loop here.
        if seen.contains(&pool.name) {
            return Ok(());
        }
        seen.push(pool.name.clone());
        let weights: Vec<u32> = pool.members.iter().map(|member| member.weight).collect();
        for place in weighted_order(&weights, &mut *chance) {
            self.push(pool.members[place].target.clone());
        }
        for fallback in &pool.fallback {
            self.add(models, fallback, chance, seen)?;
        }
        Ok(())
    }

    fn push(&mut self, target: Arc<Target>) {
        if !self.targets.iter().any(|known| known.label == target.label) {
            self.targets.push(target);
        }
    }
}
