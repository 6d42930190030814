//! Who may ask and how much: the config's keys, teams and limits.

use std::sync::Arc;

use tidegate_core::Secret;
use tidegate_policy::access::{Key, Network, Team};
use tidegate_policy::limit::spec::{Quantity, Spec, WindowKind, check_all};
use tidegate_policy::limit::{Rule, Scope, Unit};
use tidegate_policy::overload::Class;
use tidegate_proxy::snapshot::{Access, Instead, ModelTable};

use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::written::{
    InsteadEntry, InsteadTerms, InsteadWord, KeyEntry, LimitEntry, LimitScope, LimitUnit, LimitWindow,
    OnFailure, PriorityWord, RedisEntry,
};
use crate::instant::read_rfc3339;

/// Shortest key that may stand in a config: a guess must be hopeless.
const SHORTEST_KEY: usize = 16;

/// A key of the config with its secret.
pub type FixedKey = (Secret, Key);

/// Builds what the data plane asks, and the config's own keys.
pub(super) fn build(
    loaded: &Loaded,
    models: &ModelTable,
    problems: &mut Vec<Problem>,
) -> (Access, Vec<FixedKey>) {
    let mut building = Building { loaded, problems };
    building.redis();
    let limits = building.limits(&loaded.config.limits, &["limits"], "", Scope::Global);
    let config = &loaded.config;
    let when_limited = building.instead("when_limited", &config.when_limited, models);
    let when_down = match &config.when_down {
        Some(entries) => building.instead("when_down", entries, models),
        None => when_limited.clone(),
    };
    let teams = building.teams();
    let keys = building.keys(&teams);
    (Access { require_key: requires_key(loaded), limits, when_limited, when_down }, keys)
}

/// Whether every caller must show a key.
pub(crate) fn requires_key(loaded: &Loaded) -> bool {
    let config = &loaded.config;
    let is_exposed = config.listen.iter().any(|door| !door.address.is_local());
    let by_default = !config.keys.is_empty() || (is_exposed && !config.insecure.anonymous);
    config.require_key.unwrap_or(by_default)
}

struct Building<'a> {
    loaded: &'a Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Building<'_> {
    fn error(&mut self, words: impl Into<String>, path: &[&str]) {
        self.problems.push(Problem::error(words, self.loaded.tree.place_of(path)));
    }

    /// Says what holds only if it is known how many instances there are.
    fn redis(&mut self) {
        let Some(terms) = self.loaded.config.redis.as_ref().map(RedisEntry::terms) else { return };
        if terms.instances.is_none() && terms.on_failure == OnFailure::Share {
            let words = "an instance that starts while Redis is away would grant every limit in full, as if it were alone";
            let problem = Problem::warning(words, self.loaded.tree.place_of(&["redis"]));
            self.problems
                .push(problem.help("say how many there are with `instances`, or write `on_failure: deny`"));
        }
    }

    fn limits(&mut self, entries: &[LimitEntry], path: &[&str], place: &str, scope: Scope) -> Vec<Arc<Rule>> {
        limits(entries, path, (place, scope), self.loaded, self.problems)
    }

    fn instead(&mut self, setting: &str, entries: &[InsteadEntry], models: &ModelTable) -> Vec<Instead> {
        let mut all = Vec::with_capacity(entries.len());
        for (number, entry) in entries.iter().enumerate() {
            match entry {
                InsteadEntry::Word(InsteadWord::Cache) => all.push(Instead::Cache),
                InsteadEntry::Terms(InsteadTerms { model: Some(name), message: None }) => {
                    if let Err(unknown) = models.resolve(name) {
                        self.error(unknown.to_string(), &[setting, &number.to_string(), "model"]);
                    }
                    all.push(Instead::Model(name.clone()));
                }
                InsteadEntry::Terms(InsteadTerms { model: None, message: Some(words) }) => {
                    all.push(Instead::Message(words.clone()));
                }
                InsteadEntry::Terms(_) => {
                    let words = "say one of `model: NAME` and `message: TEXT`";
                    self.error(words, &[setting, &number.to_string()]);
                }
            }
        }
        all
    }

    fn teams(&mut self) -> Vec<Arc<Team>> {
        let mut all = Vec::new();
        for (name, entry) in self.loaded.config.teams.iter() {
            let limits = self.limits(&entry.limits, &["teams", name, "limits"], name, Scope::Team);
            let models = entry.models.clone();
            all.push(Arc::new(Team {
                id: name.into(),
                name: name.to_owned(),
                enabled: true,
                models,
                limits,
            }));
        }
        all
    }

    fn keys(&mut self, teams: &[Arc<Team>]) -> Vec<FixedKey> {
        let config = &self.loaded.config;
        let mut all: Vec<FixedKey> = Vec::new();
        for (name, entry) in config.keys.iter() {
            let key = self.key(name, entry, teams);
            if entry.key.0.expose().len() < SHORTEST_KEY {
                let words =
                    format!("the key is shorter than {SHORTEST_KEY} characters, which can be guessed");
                self.error(words, &["keys", name, "key"]);
            } else if all.iter().any(|(other, _)| *other == entry.key.0) {
                self.error("another name has the same key", &["keys", name, "key"]);
            }
            all.push((entry.key.0.clone(), key));
        }
        all
    }

    fn key(&mut self, name: &str, entry: &KeyEntry, teams: &[Arc<Team>]) -> Key {
        let team = entry.team.as_ref().and_then(|wanted| {
            let found = teams.iter().find(|team| team.name == *wanted).cloned();
            if found.is_none() {
                let nearest =
                    tidegate_proxy::snapshot::nearest(wanted, teams.iter().map(|team| team.name.as_str()));
                let place = self.loaded.tree.place_of(&["keys", name, "team"]);
                let problem = Problem::error(format!("there is no team `{wanted}` in `teams`"), place);
                self.problems.push(problem.did_you_mean(nearest));
            }
            found
        });
        let expires = entry.expires.as_ref().and_then(|text| {
            let read = read_rfc3339(text);
            if read.is_none() {
                let words = format!("`{text}` is no time; write it as `2027-01-31T00:00:00Z`");
                self.error(words, &["keys", name, "expires"]);
            }
            read
        });
        Key {
            id: name.into(),
            name: name.to_owned(),
            team,
            tags: entry.tags.clone(),
            models: entry.models.clone(),
            routes: entry.routes.clone(),
            networks: self.networks(name, &entry.networks),
            expires,
            enabled: true,
            strict: entry.strict,
            priority: class(entry.priority),
            overrides: entry.overrides,
            limits: self.limits(&entry.limits, &["keys", name, "limits"], name, Scope::Key),
        }
    }

    fn networks(&mut self, name: &str, written: &[String]) -> Vec<Network> {
        let mut all = Vec::with_capacity(written.len());
        for (number, text) in written.iter().enumerate() {
            match text.parse() {
                Ok(network) => all.push(network),
                Err(words) => self.error(words, &["keys", name, "networks", &number.to_string()]),
            }
        }
        all
    }
}

/// The rules of all limits that are written at one path; `place` becomes part of their names, `scope` holds where none is written.
pub(super) fn limits(
    entries: &[LimitEntry],
    path: &[&str],
    (place, scope): (&str, Scope),
    loaded: &Loaded,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<Rule>> {
    let specs: Vec<Spec> = entries.iter().map(spec).collect();
    check_all(&specs, place, scope).unwrap_or_else(|mistakes| {
        for (number, mistake) in mistakes {
            let number = number.to_string();
            let path: Vec<&str> = path.iter().copied().chain([number.as_str(), mistake.field]).collect();
            let words = format!("`{}` {}", mistake.field, mistake.message);
            problems.push(Problem::error(words, loaded.tree.place_of(&path)));
        }
        Vec::new()
    })
}

pub(super) fn spec(entry: &LimitEntry) -> Spec {
    Spec {
        name: entry.name.clone(),
        by: entry.by.map(scope),
        of: unit(entry.of),
        limit: Quantity::Decimal(entry.limit),
        per: entry.per.clone(),
        window: entry.window.map(window),
        burst: entry.burst.map(Quantity::Decimal),
        models: entry.models.clone(),
    }
}

fn class(written: PriorityWord) -> Class {
    match written {
        PriorityWord::Critical => Class::Critical,
        PriorityWord::High => Class::High,
        PriorityWord::Normal => Class::Normal,
        PriorityWord::Low => Class::Low,
    }
}

fn scope(written: LimitScope) -> Scope {
    match written {
        LimitScope::Global => Scope::Global,
        LimitScope::Route => Scope::Route,
        LimitScope::Team => Scope::Team,
        LimitScope::Key => Scope::Key,
        LimitScope::User => Scope::User,
        LimitScope::Ip => Scope::Ip,
        LimitScope::Model => Scope::Model,
        LimitScope::Provider => Scope::Provider,
    }
}

fn unit(written: LimitUnit) -> Unit {
    match written {
        LimitUnit::Requests => Unit::Requests,
        LimitUnit::InputTokens => Unit::InputTokens,
        LimitUnit::OutputTokens => Unit::OutputTokens,
        LimitUnit::Tokens => Unit::Tokens,
        LimitUnit::Money => Unit::Money,
        LimitUnit::Concurrent => Unit::Concurrent,
    }
}

fn window(written: LimitWindow) -> WindowKind {
    match written {
        LimitWindow::Sliding => WindowKind::Sliding,
        LimitWindow::Calendar => WindowKind::Calendar,
        LimitWindow::Bucket => WindowKind::Bucket,
    }
}
