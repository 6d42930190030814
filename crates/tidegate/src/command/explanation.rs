//! The plan for a request, for people and as JSON.

mod conduct;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use tidegate_llm::Dialect;
use tidegate_llm::price::Class;
use tidegate_policy::TimeLimits;
use tidegate_proxy::snapshot::{Pool, Resolved, Snapshot, Target, UnknownModel};

use self::conduct::{Habits, Room};
use crate::config::written::Period;

/// What happens to a request for a model.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// The name asked for.
    model: String,
    /// How it was found.
    resolved: String,
    /// What is tried, step by step: the next one when all targets of one have failed.
    steps: Vec<Step>,
    /// Each target once.
    targets: Vec<TargetPlan>,
    /// Most attempts of one request.
    max_attempts: u32,
    /// The gateway's own region.
    region: Option<String>,
}

/// Targets of one name, and how one of them is chosen.
#[derive(Debug, Serialize)]
struct Step {
    name: String,
    targets: Vec<Share>,
    conduct: Habits,
}

#[derive(Debug, Serialize)]
struct Share {
    target: String,
    weight: u32,
    /// Of the requests of its tier, by the weights.
    percent: f64,
    tier: u32,
    region: Option<String>,
}

#[derive(Debug, Serialize)]
struct TargetPlan {
    target: String,
    model: String,
    /// One for each dialect of a caller.
    callers: Vec<Route>,
    time_limits: BTreeMap<&'static str, String>,
    /// US dollars per million tokens; empty for an unpriced model.
    price: Vec<(&'static str, String)>,
    context_window: Option<u64>,
    max_output: Option<u64>,
    room: Room,
}

/// How a caller's request reaches a target.
#[derive(Debug, Serialize)]
struct Route {
    caller: &'static str,
    dialect: &'static str,
    /// Whether bytes pass through untouched.
    pass_through: bool,
    base_url: String,
}

impl Explanation {
    /// Explains a name; `now` in seconds since 1970, for prices.
    pub(super) fn of(snapshot: &Snapshot, name: &str, now: u64) -> Result<Self, UnknownModel> {
        let mut making = Making { snapshot, steps: Vec::new(), seen: Vec::new(), targets: Vec::new() };
        let resolved = making.resolved(name)?;
        making.follow(name)?;
        let targets = making.targets.iter().map(|target| target_plan(snapshot, target, now)).collect();
        Ok(Self {
            model: name.to_owned(),
            resolved,
            steps: making.steps,
            targets,
            max_attempts: snapshot.rules.retry.max_attempts,
            region: snapshot.models.region_name(snapshot.models.region).map(str::to_owned),
        })
    }
}

struct Making<'a> {
    snapshot: &'a Snapshot,
    steps: Vec<Step>,
    seen: Vec<String>,
    targets: Vec<std::sync::Arc<Target>>,
}

impl Making<'_> {
    fn resolved(&self, name: &str) -> Result<String, UnknownModel> {
        Ok(match self.snapshot.models.resolve(name)? {
            Resolved::Pool(pool) if pool.name == name => "a name of the config".to_owned(),
            Resolved::Pool(pool) => format!("by a pattern of the config, to its name {}", pool.name),
            Resolved::Target(target) if *target.label == *name => "provider/model".to_owned(),
            Resolved::Target(target) if self.is_known(&target.model) && target.model == name => {
                format!("a bare name, which only {} has", target.provider.name)
            }
            Resolved::Target(target) => format!("by a pattern of the config, to {}", target.label),
        })
    }

    fn is_known(&self, model: &str) -> bool {
        self.snapshot.models.known_models().iter().any(|(_, known)| *known == model)
    }

    /// The same way that a request goes: a name's targets, then its fallbacks.
    fn follow(&mut self, name: &str) -> Result<(), UnknownModel> {
        match self.snapshot.models.resolve(name)? {
            Resolved::Target(target) => {
                let target_label = target.label.to_string();
                let share = Share { target: target_label, weight: 1, percent: 100.0, tier: 0, region: None };
                let conduct = Habits::of(&target.alone);
                self.steps.push(Step { name: name.to_owned(), targets: vec![share], conduct });
                self.keep(target);
            }
            Resolved::Pool(pool) if !self.seen.contains(&pool.name) => {
                self.seen.push(pool.name.clone());
                self.steps.push(self.step(&pool));
                pool.members.iter().for_each(|member| self.keep(member.target.clone()));
                for fallback in &pool.fallback {
                    self.follow(fallback)?;
                }
            }
            Resolved::Pool(_) => {}
        }
        Ok(())
    }

    fn step(&self, pool: &Pool) -> Step {
        let sum = |tier| {
            let same = pool.members.iter().filter(|member| member.tier == tier);
            same.map(|member| u64::from(member.weight)).sum::<u64>().max(1)
        };
        let targets = pool.members.iter().map(|member| Share {
            target: member.target.label.to_string(),
            weight: member.weight,
            percent: (f64::from(member.weight) * 1000.0 / sum(member.tier) as f64).round() / 10.0,
            tier: member.tier,
            region: self.snapshot.models.region_name(member.region).map(str::to_owned),
        });
        let mut targets: Vec<Share> = targets.collect();
        let conduct = Habits::of(&pool.conduct);
        // Others stay in the order in which they are written: it is a rank.
        let by_weight = |share: &Share| if conduct.has_shares() { share.weight } else { 0 };
        targets.sort_by_key(|share| (share.tier, std::cmp::Reverse(by_weight(share))));
        Step { name: pool.name.clone(), targets, conduct }
    }

    fn keep(&mut self, target: std::sync::Arc<Target>) {
        if !self.targets.iter().any(|known| known.label == target.label) {
            self.targets.push(target);
        }
    }
}

fn target_plan(snapshot: &Snapshot, target: &Target, now: u64) -> TargetPlan {
    let price = snapshot.prices.find(&target.provider.price_name, &target.model, now);
    let rates = price.into_iter().flat_map(|price| {
        Class::ALL.into_iter().filter_map(|class| Some((class.name(), price.rates.named(class)?.to_string())))
    });
    TargetPlan {
        target: target.label.to_string(),
        model: target.model.clone(),
        callers: Dialect::ALL.into_iter().map(|caller| route(target, caller)).collect(),
        time_limits: time_limits(&target.limits),
        price: rates.collect(),
        context_window: price.and_then(|price| price.context_window),
        max_output: target.max_output_tokens,
        room: Room::of(&target.live.gate.rules()),
    }
}

fn route(target: &Target, caller: Dialect) -> Route {
    match target.provider.line_for(caller) {
        None => Route {
            caller: caller.name(),
            dialect: Dialect::OpenaiChat.name(),
            pass_through: false,
            base_url: "(built in)".to_owned(),
        },
        Some(line) => Route {
            caller: caller.name(),
            dialect: line.dialect.name(),
            pass_through: line.dialect == caller,
            base_url: format!("{}{}", line.lanes.origin(), line.path),
        },
    }
}

fn time_limits(limits: &TimeLimits) -> BTreeMap<&'static str, String> {
    let shown = |limit| Period(limit).to_string();
    BTreeMap::from([
        ("connect", shown(limits.connect)),
        ("first_byte", shown(limits.first_byte)),
        ("first_token", shown(limits.first_token)),
        ("idle", shown(limits.idle)),
        ("total", shown(limits.total)),
    ])
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.model, self.resolved)?;
        for (at, step) in self.steps.iter().enumerate() {
            let choice = step.conduct.choice();
            match at {
                0 if step.targets.is_empty() => writeln!(f, "\n1. no targets of its own")?,
                0 => writeln!(f, "\n1. {choice}; the others follow when one fails")?,
                _ => writeln!(f, "\n{}. then {}", at + 1, step.name)?,
            }
            step.fmt(f)?;
        }
        if let Some(region) = &self.region {
            writeln!(f, "\nThe gateway is in the region {region}.")?;
        }
        writeln!(f, "\nAt most {} attempts (`retry.max_attempts`).", self.max_attempts)?;
        self.targets.iter().try_for_each(|target| target.fmt(f))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for share in &self.targets {
            if self.conduct.has_shares() || self.targets.len() == 1 {
                write!(f, "   {:>5} %  {}", share.percent, share.target)?;
            } else {
                write!(f, "   weight {}  {}", share.weight, share.target)?;
            }
            let has_tiers = self.targets.iter().any(|other| other.tier != 0);
            if has_tiers {
                write!(f, ", tier {}", share.tier)?;
            }
            if let Some(region) = &share.region {
                write!(f, ", region {region}")?;
            }
            writeln!(f)?;
        }
        if self.targets.is_empty() { Ok(()) } else { self.conduct.fmt(f) }
    }
}

impl fmt::Display for TargetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", self.target)?;
        for route in &self.callers {
            let way = if route.pass_through { "bytes pass through" } else { "translated" };
            writeln!(f, "   {:<16} → {:<16} {way}, {}", route.caller, route.dialect, route.base_url)?;
        }
        let limits: Vec<String> = ["connect", "first_byte", "first_token", "idle", "total"]
            .iter()
            .filter_map(|stage| Some(format!("{stage} {}", self.time_limits.get(stage)?)))
            .collect();
        writeln!(f, "   time limits  {}", limits.join(", "))?;
        let rates: Vec<String> = self.price.iter().map(|(class, rate)| format!("{class} {rate}")).collect();
        match rates.as_slice() {
            [] => writeln!(f, "   price        unpriced: its cost is not counted; see `prices`")?,
            rates => writeln!(f, "   price        {} (US dollars per million tokens)", rates.join(", "))?,
        }
        let tokens = |count: Option<u64>| {
            count.map_or_else(|| "unknown".to_owned(), |count| format!("at most {count}"))
        };
        let (context, output) = (tokens(self.context_window), tokens(self.max_output));
        writeln!(f, "   tokens       context {context}, output {output}")?;
        writeln!(f, "   room         {}", self.room)
    }
}
