//! What model names lead to.

mod advice;
mod circle;
mod conduct;
mod target;

use std::sync::Arc;

use tidegate_llm::price::PriceTable;
use tidegate_proxy::demo;
use tidegate_proxy::snapshot::{ModelTable, Pool, PoolMember, Provider};

use super::{Lasting, unix_now};
use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::tree::Value;
use crate::config::written::{HealthEntry, Model, TargetEntry, TimeLimitsEntry};

/// What the table is built from.
pub(super) struct Parts<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) providers: &'a [Arc<Provider>],
    pub(super) prices: &'a PriceTable,
    pub(super) lasting: &'a Lasting,
}

/// Builds the table.
pub(super) fn build(parts: &Parts<'_>, problems: &mut Vec<Problem>) -> ModelTable {
    let table = ModelTable::new(parts.providers, parts.lasting.meters.clone(), parts.lasting.live.clone());
    let mut building = Building { parts, table, problems, regions: Vec::new() };
    building.table.gate = conduct::gate(&parts.loaded.config, None);
    building.table.region = building.region(parts.loaded.config.region.as_deref());
    for provider in parts.providers {
        let entry = parts.loaded.config.providers.get(&provider.name);
        let own = entry.map(|entry| &entry.health);
        building.table.set_alone(&provider.name, conduct::alone(&parts.loaded.config, own));
    }
    building.add_known();
    for (name, model) in parts.loaded.config.models.iter() {
        if name.contains('*') {
            building.add_pattern(name, model);
        } else {
            building.add_pool(name);
        }
    }
    building.check_fallbacks();
    building.advise();
    building.table.regions = building.regions.iter().map(|name| (*name).to_owned()).collect();
    building.table
}

struct Building<'a, 'p> {
    parts: &'a Parts<'a>,
    table: ModelTable,
    problems: &'p mut Vec<Problem>,
    /// Names of regions; their numbers begin at 1.
    regions: Vec<&'a str>,
}

impl<'a> Building<'a, '_> {
    fn error(&mut self, words: impl Into<String>, path: &[&str], help: Option<String>) {
        let problem = Problem::error(words, self.parts.loaded.tree.place_of(path));
        self.problems.push(Problem { help, ..problem });
    }

    fn warning(&mut self, words: String, path: &[&str], help: String) {
        let problem = Problem::warning(words, self.parts.loaded.tree.place_of(path));
        self.problems.push(problem.help(help));
    }

    /// Models of the price list and of each provider's own list.
    fn add_known(&mut self) {
        for provider in self.parts.providers {
            let entry = self.parts.loaded.config.providers.get(&provider.name);
            let own = entry.into_iter().flat_map(|entry| entry.models.iter().map(String::as_str));
            let kind = entry.and_then(|entry| entry.r#type.as_deref()).unwrap_or(&provider.name);
            let listed = self.parts.prices.models_of(kind);
            let demo = provider.is_demo().then_some(demo::MODEL);
            for model in own.chain(listed).chain(demo) {
                self.table.add_known(provider, model);
                self.tell_max_output(provider, model);
            }
        }
    }

    fn tell_max_output(&mut self, provider: &Provider, model: &str) {
        let price = self.parts.prices.find(&provider.price_name, model, unix_now());
        if let Some(tokens) = price.and_then(|price| price.max_output) {
            self.table.set_max_output(format!("{}/{model}", provider.name), tokens);
        }
    }

    fn add_pattern(&mut self, name: &str, model: &Model) {
        let path = ["models", name];
        let Model::Alias(target) = model else {
            let help = "write `\"gpt-*\": \"openai/gpt-*\"`; the target can be a name of this list";
            let words = format!("`{name}` can lead to one target only, written as text");
            return self.error(words, &path, Some(help.to_owned()));
        };
        if name.matches('*').count() > 1 || target.matches('*').count() > 1 {
            let words = format!("`{name}`: there can be one `*` only, in the name and in the target");
            return self.error(words, &path, None);
        }
        let is_name = self.parts.loaded.config.models.get(target).is_some();
        if is_name || self.split_target(target, &path).is_some() {
            self.table.add_pattern(name, target);
        }
    }

    fn add_pool(&mut self, name: &str) {
        let path = ["models", name];
        if name.trim().is_empty() {
            return self.error("a model must have a name", &path, None);
        }
        let (real, model) = match self.follow(name) {
            Ok(found) => found,
            // Told once, at the first name of the circle by the alphabet.
            Err(way) => {
                if way.iter().min().is_some_and(|first| first == name) {
                    self.error(format!("`{name}` leads to itself: {}", way.join(" → ")), &path, None);
                }
                return;
            }
        };
        // Problems of another name are told at that name.
        let told = self.problems.len();
        let members = self.members(real, model);
        if real != name {
            self.problems.truncate(told);
        }
        let fallback = match model {
            Model::Pool(pool) => pool.fallback.clone(),
            Model::Alias(_) | Model::Targets(_) => Vec::new(),
        };
        if members.is_empty() && fallback.is_empty() && !self.has_items(real, model) {
            let help = "give it a target, written `provider/model`".to_owned();
            self.error(format!("`{name}` leads nowhere"), &path, Some(help));
        }
        let pool = match model {
            Model::Pool(pool) => Some(pool),
            Model::Alias(_) | Model::Targets(_) => None,
        };
        let is_uniform = members.windows(2).all(|pair| pair[0].target.model == pair[1].target.model);
        let own = self.health_of(&members);
        let conduct = conduct::of_pool(&self.parts.loaded.config, pool, own, is_uniform);
        self.table.add_pool(Pool::new(name, members, fallback, conduct));
    }

    /// Whether targets or fallbacks are written, be they good or not; bad ones have problems of their own.
    fn has_items(&self, name: &str, model: &Model) -> bool {
        let tree = &self.parts.loaded.tree;
        let has = |path: &[&str]| {
            tree.get(path).is_some_and(|node| match &node.value {
                Value::List(items) => !items.is_empty(),
                Value::Null => false,
                _ => true,
            })
        };
        match model {
            Model::Pool(_) => has(&["models", name, "targets"]) || has(&["models", name, "fallback"]),
            Model::Alias(_) | Model::Targets(_) => has(&["models", name]),
        }
    }

    /// The targets behind a name that is no alias of another one.
    fn members(&mut self, name: &str, model: &'a Model) -> Vec<PoolMember> {
        let none = TimeLimitsEntry::default();
        match model {
            Model::Alias(target) => {
                let entry = TargetEntry::Plain(target.clone());
                let made = self.target(&entry, &["models", name], &none);
                made.map(PoolMember::plain).into_iter().collect()
            }
            Model::Targets(targets) => self.targets(&["models", name], targets, &none),
            Model::Pool(pool) => self.targets(&["models", name, "targets"], &pool.targets, &pool.time_limits),
        }
    }

    /// A region's number: 0 for none.
    fn region(&mut self, name: Option<&'a str>) -> u32 {
        let Some(name) = name else { return 0 };
        let known = self.regions.iter().position(|known| *known == name);
        let place = known.unwrap_or_else(|| {
            self.regions.push(name);
            self.regions.len() - 1
        });
        u32::try_from(place + 1).unwrap_or(0)
    }

    /// The health rules of the provider that all members share, if they share one.
    fn health_of(&self, members: &[PoolMember]) -> Option<&'a HealthEntry> {
        let first = &members.first()?.target.provider.name;
        let is_shared = members.iter().all(|member| member.target.provider.name == *first);
        let entry = self.parts.loaded.config.providers.get(first).filter(|_| is_shared)?;
        Some(&entry.health)
    }

    fn targets(
        &mut self,
        path: &[&str],
        targets: &'a [TargetEntry],
        limits: &TimeLimitsEntry,
    ) -> Vec<PoolMember> {
        let mut members: Vec<PoolMember> = Vec::new();
        for (at, entry) in targets.iter().enumerate() {
            let at = at.to_string();
            let path: Vec<&str> = path.iter().copied().chain([at.as_str(), "target"]).collect();
            let Some(target) = self.target(entry, &path, limits) else { continue };
            if members.iter().any(|member| member.target.label == target.label) {
                let words = format!("`{}` is among the targets twice", target.label);
                self.warning(words, &path, "use `weight` to send it more".to_owned());
            }
            let terms = entry.terms();
            let (tier, region) =
                (terms.map_or(0, |terms| terms.tier), terms.and_then(|terms| terms.region.as_deref()));
            let region = self.region(region);
            members.push(PoolMember { target, weight: entry.weight(), tier, region });
        }
        if !targets.is_empty() && targets.iter().all(|entry| entry.weight() == 0) {
            let help = "a target of weight 0 is for fail-over; one of them needs more".to_owned();
            self.error("all weights are 0, so nobody gets the requests", path, Some(help));
        }
        members
    }
}
