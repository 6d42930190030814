//! What a model name leads to.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tidegate_policy::TimeLimits;

use crate::meters::Meters;
use crate::snapshot::{PriceOfTheMinute, Provider, Target, nearest};
use crate::traffic::{Conduct, GateRules, Live, LiveTable};

/// Several targets behind one name.
#[derive(Debug)]
pub struct Pool {
    /// The name.
    pub name: String,
    /// The same, shared.
    pub label: Arc<str>,
    /// Targets with their weights.
    pub members: Vec<PoolMember>,
    /// Names to go on with when all members have failed, in order.
    pub fallback: Vec<String>,
    /// How it treats its requests.
    pub conduct: Arc<Conduct>,
}

impl Pool {
    /// A pool of that name.
    pub fn new(name: &str, members: Vec<PoolMember>, fallback: Vec<String>, conduct: Arc<Conduct>) -> Self {
        Self { name: name.to_owned(), label: name.into(), members, fallback, conduct }
    }
}

/// A target and its share of the traffic.
#[derive(Clone, Debug)]
pub struct PoolMember {
    /// The target.
    pub target: Arc<Target>,
    /// Its share; 0 is for fail-over only.
    pub weight: u32,
    /// Lower tiers come first.
    pub tier: u32,
    /// Its region's number; 0: none.
    pub region: u32,
}

impl PoolMember {
    /// A target of weight 1 in the first tier.
    pub fn plain(target: Arc<Target>) -> Self {
        Self { target, weight: 1, tier: 0, region: 0 }
    }
}

/// What a name leads to.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A name of the config.
    Pool(Arc<Pool>),
    /// `provider/model`, or a bare name that one provider has.
    Target(Arc<Target>),
}

/// A name that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownModel {
    /// Nobody has it.
    #[error("there is no model `{name}`{}", hint(.nearest))]
    Nowhere {
        /// The name.
        name: String,
        /// A name that exists and looks alike.
        nearest: Option<String>,
    },
    /// Several providers have it.
    #[error("several providers have a model `{name}`; say which one: {}", .choices.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// `provider/model` of each.
        choices: Vec<String>,
    },
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(
        || "; GET /v1/models lists those that exist, and `provider/model` always works".to_owned(),
        |name| format!("; did you mean `{name}`?"),
    )
}

/// Longest name of a model that is looked at, in bytes. Names are kept, compared and sent in headers.
const LONGEST_NAME: usize = 256;

/// The part of a name that is written down.
pub fn cut_name(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}

/// Most models outside the config that get a target of their own; further ones are made anew for each request.
const ADHOC_TARGETS: usize = 1000;

/// All names.
#[derive(Debug)]
pub struct ModelTable {
    pools: HashMap<String, Arc<Pool>>,
    /// Names with one `*`, longest first: prefix, suffix, and the target name in which `*` is filled in.
    patterns: Vec<Pattern>,
    providers: HashMap<String, Arc<Provider>>,
    /// Bare model name → providers that have it.
    bare: HashMap<String, Vec<Arc<Provider>>>,
    max_output: HashMap<String, u64>,
    adhoc: RwLock<HashMap<String, Arc<Target>>>,
    /// By provider: how its targets are treated when they are asked for by their own names.
    alone: HashMap<String, Arc<Conduct>>,
    /// This instance's region, as a number; 0: none.
    pub region: u32,
    /// The regions' names; the number of the first is 1.
    pub regions: Vec<String>,
    /// How much room targets have that are not in the config.
    pub gate: GateRules,
    live: Arc<LiveTable>,
    meters: Meters,
}

#[derive(Debug)]
struct Pattern {
    prefix: String,
    suffix: String,
    target: String,
}

impl ModelTable {
    /// An empty table that knows these providers.
    pub fn new(providers: &[Arc<Provider>], meters: Meters, live: Arc<LiveTable>) -> Self {
        Self {
            pools: HashMap::new(),
            patterns: Vec::new(),
            providers: providers
                .iter()
                .map(|provider| (provider.name.to_string(), provider.clone()))
                .collect(),
            bare: HashMap::new(),
            max_output: HashMap::new(),
            adhoc: RwLock::default(),
            alone: HashMap::new(),
            region: 0,
            regions: Vec::new(),
            gate: GateRules::default(),
            live,
            meters,
        }
    }

    /// Adds a name of the config.
    pub fn add_pool(&mut self, pool: Pool) {
        for member in &pool.members {
            self.add_known(&member.target.provider, &member.target.model);
        }
        self.pools.insert(pool.name.clone(), Arc::new(pool));
    }

    /// Adds a name with one `*` (`gpt-*`), which leads to `target` (`openai/gpt-*`) with the `*` filled in.
    pub fn add_pattern(&mut self, pattern: &str, target: &str) {
        let (prefix, suffix) = pattern.split_once('*').unwrap_or((pattern, ""));
        let (prefix, suffix, target) = (prefix.to_owned(), suffix.to_owned(), target.to_owned());
        self.patterns.push(Pattern { prefix, suffix, target });
        self.patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.prefix.len() + pattern.suffix.len()));
    }

    /// Tells that a provider has a model, so that the bare name leads there.
    pub fn add_known(&mut self, provider: &Arc<Provider>, model: &str) {
        let providers = self.bare.entry(model.to_owned()).or_default();
        if !providers.iter().any(|known| known.name == provider.name) {
            providers.push(provider.clone());
        }
    }

    /// Tells how a provider's targets are treated when they are asked for by their own names.
    pub fn set_alone(&mut self, provider: &str, conduct: Arc<Conduct>) {
        self.alone.insert(provider.to_owned(), conduct);
    }

    /// Tells how many tokens a model (`provider/model`) can put out.
    pub fn set_max_output(&mut self, label: String, tokens: u64) {
        self.max_output.insert(label, tokens);
    }

    /// A configured target with meters of its own.
    pub fn target(&self, provider: &Arc<Provider>, model: &str, limits: Option<TimeLimits>) -> Arc<Target> {
        let label: Arc<str> = format!("{}/{model}", provider.name).into();
        let meters = self.meters.target(&provider.name, &label);
        self.make_target(provider, model, label, limits, meters)
    }

    /// A target for paths that name no model.
    pub fn target_without_model(&self, provider: &Arc<Provider>) -> Arc<Target> {
        let label = provider.name.clone();
        let meters = self.meters.target(&provider.name, "");
        self.make_target(provider, "", label, None, meters)
    }

    /// What `name` leads to.
    pub fn resolve(&self, name: &str) -> Result<Resolved, UnknownModel> {
        if name.len() > LONGEST_NAME {
            return Err(UnknownModel::Nowhere { name: cut_name(name).to_owned(), nearest: None });
        }
        if let Some(pool) = self.pools.get(name) {
            return Ok(Resolved::Pool(pool.clone()));
        }
        // Asked for before, by its label.
        if let Some(target) = self.known_target(name) {
            return Ok(Resolved::Target(target));
        }
        if let Some((provider, model)) = self.split(name) {
            return Ok(Resolved::Target(self.adhoc_target(provider, model)));
        }
        match self.bare.get(name).map(Vec::as_slice) {
            Some([provider]) => return Ok(Resolved::Target(self.adhoc_target(provider, name))),
            Some(several @ [_, _, ..]) => {
                let choices = several.iter().map(|provider| format!("{}/{name}", provider.name)).collect();
                return Err(UnknownModel::Ambiguous { name: name.to_owned(), choices });
            }
            _ => {}
        }
        self.by_pattern(name).ok_or_else(|| {
            let nearest = nearest(name, self.names()).map(str::to_owned);
            UnknownModel::Nowhere { name: name.to_owned(), nearest }
        })
    }

    /// A region's name; `None` for 0.
    pub fn region_name(&self, number: u32) -> Option<&str> {
        let place = (number as usize).checked_sub(1)?;
        self.regions.get(place).map(String::as_str)
    }

    /// The names of the config, sorted.
    pub fn pool_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.pools.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The pool of that name.
    pub fn pool(&self, name: &str) -> Option<&Arc<Pool>> {
        self.pools.get(name)
    }

    /// Models that providers are known to have, as `(provider, model)`, sorted.
    pub fn known_models(&self) -> Vec<(&Arc<Provider>, &str)> {
        let mut all: Vec<_> = self
            .bare
            .iter()
            .flat_map(|(model, providers)| providers.iter().map(move |provider| (provider, model.as_str())))
            .collect();
        all.sort_by(|a, b| (&a.0.name, a.1).cmp(&(&b.0.name, b.1)));
        all
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.pools.keys().chain(self.bare.keys()).map(String::as_str)
    }

    fn split<'n>(&self, name: &'n str) -> Option<(&Arc<Provider>, &'n str)> {
        let (provider, model) = name.split_once('/')?;
        Some((self.providers.get(provider)?, model)).filter(|_| !model.is_empty())
    }

    fn by_pattern(&self, name: &str) -> Option<Resolved> {
        let pattern = self.patterns.iter().find(|pattern| {
            name.len() >= pattern.prefix.len() + pattern.suffix.len()
                && name.starts_with(&pattern.prefix)
                && name.ends_with(&pattern.suffix)
        })?;
        let star = &name[pattern.prefix.len()..name.len() - pattern.suffix.len()];
        let target = pattern.target.replacen('*', star, 1);
        if let Some(pool) = self.pools.get(&target) {
            return Some(Resolved::Pool(pool.clone()));
        }
        let (provider, model) = self.split(&target)?;
        Some(Resolved::Target(self.adhoc_target(provider, model)))
    }

    fn known_target(&self, label: &str) -> Option<Arc<Target>> {
        self.adhoc.read().unwrap_or_else(PoisonError::into_inner).get(label).cloned()
    }

    fn adhoc_target(&self, provider: &Arc<Provider>, model: &str) -> Arc<Target> {
        let label = format!("{}/{model}", provider.name);
        if let Some(target) = self.known_target(&label) {
            return target;
        }
        let known = self.bare.contains_key(model);
        let meter_label = if known { label.clone() } else { format!("{}/*", provider.name) };
        let meters = self.meters.target(&provider.name, &meter_label);
        let target = self.make_target(provider, model, label.as_str().into(), None, meters);
        target.live.gate.set_rules(&self.gate);
        let mut adhoc = self.adhoc.write().unwrap_or_else(PoisonError::into_inner);
        if adhoc.len() < ADHOC_TARGETS {
            adhoc.insert(label, target.clone());
        }
        target
    }

    /// What is known of the target; those beyond the kept ones share what is known of their provider.
    fn live_of(&self, label: &Arc<str>, provider: &str) -> Arc<Live> {
        let is_many = self.adhoc.read().unwrap_or_else(PoisonError::into_inner).len() >= ADHOC_TARGETS;
        if is_many { self.live.get(&format!("{provider}/*").into()) } else { self.live.get(label) }
    }

    fn make_target(
        &self,
        provider: &Arc<Provider>,
        model: &str,
        label: Arc<str>,
        limits: Option<TimeLimits>,
        meters: Arc<crate::meters::TargetMeters>,
    ) -> Arc<Target> {
        Arc::new(Target {
            provider: provider.clone(),
            model: model.to_owned(),
            limits: limits.unwrap_or(provider.limits),
            max_output_tokens: self.max_output.get(&*label).copied(),
            label_value: crate::headers::value(&label),
            price: PriceOfTheMinute::default(),
            live: self.live_of(&label, &provider.name),
            alone: self.alone.get(&*provider.name).cloned().unwrap_or_default(),
            label,
            meters,
        })
    }
}
