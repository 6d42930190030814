//! What model names lead to.

use std::sync::Arc;

use tidegate_llm::price::PriceTable;
use tidegate_llm::provider;
use tidegate_policy::TimeLimits;
use tidegate_proxy::demo;
use tidegate_proxy::snapshot::{ModelTable, Pool, PoolMember, Provider, Target, nearest};

use super::{Lasting, unix_now};
use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::written::{Model, TargetEntry, TimeLimitsEntry};

/// What the table is built from.
pub(super) struct Parts<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) providers: &'a [Arc<Provider>],
    pub(super) prices: &'a PriceTable,
    pub(super) lasting: &'a Lasting,
}

/// Builds the table.
pub(super) fn build(parts: &Parts<'_>, problems: &mut Vec<Problem>) -> ModelTable {
    let mut building =
        Building { parts, table: ModelTable::new(parts.providers, parts.lasting.meters.clone()), problems };
    building.add_known();
    for (name, model) in parts.loaded.config.models.iter() {
        if name.contains('*') {
            building.add_pattern(name, model);
        } else {
            building.add_pool(name, model);
        }
    }
    building.check_fallbacks();
    building.table
}

struct Building<'a, 'p> {
    parts: &'a Parts<'a>,
    table: ModelTable,
    problems: &'p mut Vec<Problem>,
}

impl Building<'_, '_> {
    fn error(&mut self, words: String, path: &[&str]) -> &mut Problem {
        self.problems.push(Problem::error(words, self.parts.loaded.tree.place_of(path)));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// Models of the price list and of each provider's own list.
    fn add_known(&mut self) {
        for provider in self.parts.providers {
            let entry = self.parts.loaded.config.providers.get(&provider.name);
            let own = entry.into_iter().flat_map(|entry| entry.models.iter().map(String::as_str));
            let listed = self.parts.prices.models_of(&provider.price_name);
            let demo = provider.is_demo().then_some(demo::MODEL);
            let models: Vec<&str> = own.chain(listed).chain(demo).collect();
            for model in models {
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
            let problem = self.error(format!("`{name}` can lead to one target only, written as text"), &path);
            problem.help = Some("write `\"gpt-*\": \"openai/gpt-*\"`; the target can be a name of this list".to_owned());
            return;
        };
        if name.matches('*').count() > 1 || target.matches('*').count() > 1 {
            self.error(format!("`{name}`: there can be one `*` only, in the name and in the target"), &path);
            return;
        }
        let leads_to_a_name = self.parts.loaded.config.models.get(target).is_some();
        if !leads_to_a_name && self.target_provider(target, &path).is_none() {
            return;
        }
        self.table.add_pattern(name, target);
    }

    fn add_pool(&mut self, name: &str, model: &Model) {
        let path = ["models", name];
        if name.trim().is_empty() {
            self.error("a model must have a name".to_owned(), &path);
            return;
        }
        let members = self.members(name, model, &mut vec![name.to_owned()]);
        let fallback = self.fallback_of(name, model);
        let broken = self.problems.iter().any(|problem| {
            problem.place.as_ref().is_some_and(|place| *place == self.parts.loaded.tree.place_of(&["models", name, "targets"]))
        });
        let written = |key| self.parts.loaded.is_written(&["models", name, key]);
        if members.is_empty() && fallback.is_empty() && !broken && matches!(model, Model::Pool(_)) && !written("targets") {
            let problem = self.error(format!("`{name}` leads nowhere"), &path);
            problem.help = Some("give it `targets: [provider/model]`".to_owned());
        }
        self.table.add_pool(Pool { name: name.to_owned(), members, fallback });
    }

    /// The targets behind a name; an alias of another name has that one's.
    fn members(&mut self, name: &str, model: &Model, way: &mut Vec<String>) -> Vec<PoolMember> {
        match model {
            Model::Alias(target) => match self.alias(name, target) {
                Some(_) if way.contains(target) => {
                    let way = format!("{} → {target}", way.join(" → "));
                    self.error(format!("`{}` leads to itself: {way}", way_start(&way)), &["models", name]);
                    Vec::new()
                }
                Some(other) => {
                    way.push(target.clone());
                    // Problems of the other name are told at the other name.
                    let told = self.problems.len();
                    let members = self.members(target, &other, way);
                    let circle = |problem: &Problem| problem.title.contains("leads to itself");
                    let kept: Vec<Problem> = self.problems.drain(told..).filter(circle).collect();
                    self.problems.extend(kept);
                    members
                }
                None => self.targets(name, &[TargetEntry::Plain(target.clone())], &[], &TimeLimitsEntry::default()),
            },
            Model::Targets(targets) => self.targets(name, targets, &[], &TimeLimitsEntry::default()),
            Model::Pool(pool) => self.targets(name, &pool.targets, &["targets"], &pool.time_limits),
        }
    }

    /// The other name of this list that an alias stands for.
    fn alias(&self, name: &str, target: &str) -> Option<Model> {
        self.parts.loaded.config.models.get(target).filter(|_| target != name).cloned()
    }

    fn fallback_of(&self, name: &str, model: &Model) -> Vec<String> {
        match model {
            Model::Pool(pool) => pool.fallback.clone(),
            Model::Targets(_) => Vec::new(),
            // An alias goes on like the name that it stands for; circles end here, told of elsewhere.
            Model::Alias(target) => match self.alias(name, target) {
                Some(Model::Pool(pool)) => pool.fallback,
                _ => Vec::new(),
            },
        }
    }

    fn targets(&mut self, name: &str, targets: &[TargetEntry], key: &[&str], limits: &TimeLimitsEntry) -> Vec<PoolMember> {
        let mut members: Vec<PoolMember> = Vec::new();
        for (at, entry) in targets.iter().enumerate() {
            let at = at.to_string();
            let path: Vec<&str> = ["models", name].iter().chain(key).copied().chain([at.as_str(), "target"]).collect();
            let Some(target) = self.target(entry, &path, limits) else { continue };
            if members.iter().any(|member| member.target.label == target.label) {
                let words = format!("`{}` is among the targets twice", target.label);
                let place = self.parts.loaded.tree.place_of(&path);
                self.problems.push(Problem::warning(words, place).help("use `weight` to send it more"));
            }
            members.push(PoolMember { target, weight: entry.weight() });
        }
        if !targets.is_empty() && targets.iter().all(|entry| entry.weight() == 0) {
            let path: Vec<&str> = ["models", name].iter().chain(key).copied().collect();
            let problem = self.error(format!("all weights of `{name}` are 0, so nobody gets its requests"), &path);
            problem.help = Some("a target of weight 0 is for fail-over; one of them needs more".to_owned());
        }
        members
    }

    fn target(&mut self, entry: &TargetEntry, path: &[&str], pool: &TimeLimitsEntry) -> Option<Arc<Target>> {
        let (provider, model) = self.target_provider(entry.target(), path)?;
        self.tell_max_output(&provider, &model);
        self.warn_if_misspelt(&provider, &model, path);
        let limits: TimeLimits = pool.over(provider.limits);
        let limits = entry.time_limits().map_or(limits, |own| own.over(limits));
        Some(self.table.target(&provider, &model, Some(limits)))
    }

    /// Splits `provider/model`.
    fn target_provider(&mut self, target: &str, path: &[&str]) -> Option<(Arc<Provider>, String)> {
        let providers = self.parts.providers;
        let Some((name, model)) = target.split_once('/').filter(|(_, model)| !model.is_empty()) else {
            let words = format!("`{target}` is no target; write `provider/model`");
            let help = self.meant_by(target);
            self.error(words, path).help = help;
            return None;
        };
        if let Some(provider) = providers.iter().find(|provider| provider.name == name) {
            return Some((provider.clone(), model.to_owned()));
        }
        // Its own problems are told already.
        if self.parts.loaded.is_written(&["providers", name]) || self.parts.loaded.config.providers.get(name).is_some() {
            return None;
        }
        let names = providers.iter().map(|provider| provider.name.as_str());
        let help = match provider::find(name) {
            Some(row) => match row.env_keys.first() {
                Some(key) => format!("add it under `providers`, or set {key} in the environment or in `.env`"),
                None => "add it under `providers`".to_owned(),
            },
            None => match nearest(name, names.chain(provider::all().map(|row| row.name))) {
                Some(other) => format!("did you mean `{other}/{model}`?"),
                None => format!("add `{name}` under `providers`"),
            },
        };
        self.error(format!("there is no provider `{name}`"), path).help = Some(help);
        None
    }

    /// What a target without provider may have meant.
    fn meant_by(&self, target: &str) -> Option<String> {
        if self.parts.loaded.config.models.get(target).is_some() {
            return Some(format!("`{target}` is a name of this list: put it under `fallback`"));
        }
        let known = self.table.known_models();
        let labels: Vec<String> = known.iter().map(|(provider, model)| format!("{}/{model}", provider.name)).collect();
        let has = known.iter().position(|(_, model)| *model == target);
        let near = || known.iter().position(|(_, model)| nearest(target, [*model]).is_some());
        has.or_else(near).map(|at| format!("did you mean `{}`?", labels[at]))
    }

    /// A model without a price whose name is nearly that of one with a price.
    fn warn_if_misspelt(&mut self, provider: &Provider, model: &str, path: &[&str]) {
        let prices = self.parts.prices;
        if model.contains('*') || prices.find(&provider.price_name, model, unix_now()).is_some() {
            return;
        }
        let own = self.parts.loaded.config.providers.get(&provider.name);
        if own.is_some_and(|entry| entry.models.iter().any(|known| known == model)) {
            return;
        }
        if let Some(other) = nearest(model, prices.models_of(&provider.price_name)) {
            let words = format!("no price is known for `{}/{model}`", provider.name);
            let place = self.parts.loaded.tree.place_of(path);
            self.problems.push(Problem::warning(words, place).help(format!("did you mean `{}/{other}`?", provider.name)));
        }
    }

    /// Every fallback exists, and none leads back to where it came from.
    fn check_fallbacks(&mut self) {
        let config = &self.parts.loaded.config;
        for (name, model) in config.models.iter() {
            let Model::Pool(pool) = model else { continue };
            for (at, other) in pool.fallback.iter().enumerate() {
                let at = at.to_string();
                let path = ["models", name, "fallback", at.as_str()];
                if let Some(way) = self.way_back(name, other) {
                    self.error(format!("the fallbacks go round in a circle: {}", way.join(" → ")), &path);
                } else if config.models.get(other).is_none() {
                    self.check_fallback_target(other, &path);
                }
            }
        }
    }

    fn check_fallback_target(&mut self, name: &str, path: &[&str]) {
        if name.contains('/') {
            self.target_provider(name, path);
        } else if let Err(unknown) = self.table.resolve(name) {
            self.error(unknown.to_string(), path);
        }
    }

    /// The way from `start` over `next` back to `start`, if there is one.
    fn way_back(&self, start: &str, next: &str) -> Option<Vec<String>> {
        let config = &self.parts.loaded.config;
        let mut ways = vec![vec![start.to_owned(), next.to_owned()]];
        let mut seen: Vec<String> = Vec::new();
        while let Some(way) = ways.pop() {
            let last = way.last().cloned().unwrap_or_default();
            if last == start {
                return Some(way);
            }
            if seen.contains(&last) {
                continue;
            }
            let further = match config.models.get(&last) {
                Some(Model::Pool(pool)) => pool.fallback.clone(),
                Some(Model::Alias(other)) => vec![other.clone()],
                _ => Vec::new(),
            };
            seen.push(last);
            ways.extend(further.into_iter().map(|name| [way.clone(), vec![name]].concat()));
        }
        None
    }
}

fn way_start(way: &str) -> &str {
    way.split(" → ").next().unwrap_or_default()
}
