//! What a person would trip over: settings that are good each and do nothing together.

use super::Building;
use crate::config::written::{Model, ModelPool, StrategyWord, TargetEntry};

impl Building<'_, '_> {
    /// Warns of settings that have no effect.
    pub(super) fn advise(&mut self) {
        let parts = self.parts;
        for (name, model) in parts.loaded.config.models.iter() {
            if let Model::Pool(pool) = model {
                self.advise_on_pool(name, pool);
            }
        }
        self.advise_on_region();
    }

    fn advise_on_pool(&mut self, name: &str, pool: &ModelPool) {
        let parts = self.parts;
        let is_written = |setting: &str| parts.loaded.tree.get(&["models", name, setting]).is_some();
        if is_written("sticky") && pool.strategy != StrategyWord::Sticky {
            let words = format!("`{name}`: `sticky` says nothing without `strategy: sticky`");
            self.warning(
                words,
                &["models", name, "sticky"],
                "add `strategy: sticky`, or leave it out".to_owned(),
            );
        }
        let others = pool.targets.len() + pool.fallback.len();
        if pool.hedge.is_some() && others < 2 {
            let words = format!("`{name}`: `hedge` has no second target to ask");
            self.warning(words, &["models", name, "hedge"], "add another target, or leave it out".to_owned());
        }
        if is_written("strategy") && pool.targets.len() == 1 {
            let words = format!("`{name}`: `strategy` has only one target to choose from");
            self.warning(
                words,
                &["models", name, "strategy"],
                "add another target, or leave it out".to_owned(),
            );
        }
    }

    /// The gateway's own region has no target, although regions are told apart.
    fn advise_on_region(&mut self) {
        let parts = self.parts;
        let config = &parts.loaded.config;
        let targets = config.models.iter().flat_map(|(_, model)| match model {
            Model::Alias(_) => &[][..],
            Model::Targets(targets) => targets.as_slice(),
            Model::Pool(pool) => pool.targets.as_slice(),
        });
        let mut regions = targets.filter_map(TargetEntry::terms).filter_map(|terms| terms.region.as_deref());
        let Some(own) = config.region.as_deref() else { return };
        if !regions.any(|region| region == own) {
            let words = format!("no target is in the gateway's region `{own}`");
            let help = "write `region` on the targets that are near, or leave it out here".to_owned();
            self.warning(words, &["region"], help);
        }
    }
}
