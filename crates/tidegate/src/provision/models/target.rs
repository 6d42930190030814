//! One target: `provider/model`.

use std::sync::Arc;

use tidegate_llm::provider;
use tidegate_policy::TimeLimits;
use tidegate_proxy::snapshot::{Provider, Target, nearest};

use super::{Building, conduct, unix_now};
use crate::config::written::{TargetEntry, TimeLimitsEntry};

impl Building<'_, '_> {
    /// Makes a target; `pool` are the time limits of its pool.
    pub(super) fn target(
        &mut self,
        entry: &TargetEntry,
        path: &[&str],
        pool: &TimeLimitsEntry,
    ) -> Option<Arc<Target>> {
        let (provider, model) = self.split_target(entry.target(), path)?;
        self.tell_max_output(&provider, &model);
        self.warn_if_misspelt(&provider, &model, path);
        let limits: TimeLimits = pool.over(provider.limits);
        let limits = entry.time_limits().map_or(limits, |own| own.over(limits));
        let target = self.table.target(&provider, &model, Some(limits));
        target.live.gate.set_rules(&conduct::gate(&self.parts.loaded.config, Some(entry)));
        Some(target)
    }

    /// Splits `provider/model`, and says what is wrong if that fails.
    pub(super) fn split_target(&mut self, target: &str, path: &[&str]) -> Option<(Arc<Provider>, String)> {
        let Some((name, model)) = target.split_once('/').filter(|(_, model)| !model.is_empty()) else {
            let help = self.meant_by(target);
            self.error(format!("`{target}` is no target; write `provider/model`"), path, help);
            return None;
        };
        if let Some(provider) = self.parts.providers.iter().find(|provider| *provider.name == *name) {
            return Some((provider.clone(), model.to_owned()));
        }
        // A provider that is listed and not there has problems of its own.
        if !self.parts.loaded.is_listed("providers", name) {
            let help = self.about_provider(name, model);
            self.error(format!("there is no provider `{name}`"), path, Some(help));
        }
        None
    }

    fn about_provider(&self, name: &str, model: &str) -> String {
        if let Some(row) = provider::find(name) {
            return match row.env_keys.first() {
                Some(key) => {
                    format!("add it under `providers`, or set {key} in the environment or in `.env`")
                }
                None => "add it under `providers`".to_owned(),
            };
        }
        let there = self.parts.providers.iter().map(|provider| &*provider.name);
        match nearest(name, there.chain(provider::all().map(|row| row.name))) {
            Some(other) => format!("did you mean `{other}/{model}`?"),
            None => format!("add `{name}` under `providers`"),
        }
    }

    /// What a target without provider may have meant.
    fn meant_by(&self, target: &str) -> Option<String> {
        if self.parts.loaded.config.models.get(target).is_some() {
            return Some(format!("`{target}` is a name of this list: put it under `fallback`"));
        }
        let known = self.table.known_models();
        let same = known.iter().find(|(_, model)| *model == target);
        let near = || known.iter().find(|(_, model)| nearest(target, [*model]).is_some());
        let (provider, model) = same.or_else(near)?;
        Some(format!("did you mean `{}/{model}`?", provider.name))
    }

    /// A model without a price whose name is nearly that of one with a price.
    fn warn_if_misspelt(&mut self, provider: &Provider, model: &str, path: &[&str]) {
        let prices = self.parts.prices;
        if prices.find(&provider.price_name, model, unix_now()).is_some() {
            return;
        }
        let own = self.parts.loaded.config.providers.get(&provider.name);
        if own.is_some_and(|entry| entry.models.iter().any(|known| known == model)) {
            return;
        }
        let kind = own.and_then(|entry| entry.r#type.as_deref()).unwrap_or(&provider.name);
        if let Some(other) = nearest(model, prices.models_of(kind)) {
            let words = format!("no price is known for `{}/{model}`", provider.name);
            self.warning(words, path, format!("did you mean `{}/{other}`?", provider.name));
        }
    }
}
