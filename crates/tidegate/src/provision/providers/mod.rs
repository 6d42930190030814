//! Providers: those that the file lists, those whose key is in the environment, and `demo`.

mod line;
mod watched;

pub(super) use watched::probe_rules;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tidegate_core::Secret;
use tidegate_llm::provider::{self, Provider as Row};
use tidegate_llm::{Dialect, Quirks};
use tidegate_policy::TimeLimits;
use tidegate_policy::limit::{Rule, Scope};
use tidegate_proxy::demo;
use tidegate_proxy::snapshot::{Provider, nearest};

use super::{Lasting, access};
use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::tree::{Place, Value};
use crate::config::written::ProviderEntry;
use crate::environment::Environment;

/// Headers that the gateway writes itself.
const OWN_HEADERS: &[&str] = &["host", "content-length", "transfer-encoding", "connection", "content-type"];

/// What providers are built from.
pub(super) struct Building<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) environment: &'a Environment,
    pub(super) lasting: &'a Lasting,
    pub(super) problems: Vec<Problem>,
}

impl Building<'_> {
    /// All providers: of the file in its order, of the environment, `demo` last.
    pub(super) fn all(&mut self) -> Vec<Arc<Provider>> {
        let loaded = self.loaded;
        let listed = loaded.config.providers.iter();
        let mut all: Vec<Arc<Provider>> =
            listed.filter_map(|(name, entry)| self.build(name, entry)).map(Arc::new).collect();
        if loaded.config.auto_providers {
            let listed: Vec<String> =
                loaded.config.providers.iter().map(|(name, entry)| type_of(name, entry)).collect();
            let rows = provider::all().filter(|row| row.base_url.is_some() && self.key_of(row).is_some());
            let rows: Vec<&Row> = rows.filter(|row| !listed.iter().any(|name| name == row.name)).collect();
            let entry = ProviderEntry::default();
            all.extend(rows.into_iter().filter_map(|row| self.build(row.name, &entry)).map(Arc::new));
        }
        all.push(Arc::new(demo_provider(self.limits(&ProviderEntry::default()))));
        all
    }

    /// The names of those that came from the environment.
    pub(super) fn found(&self, all: &[Arc<Provider>]) -> Vec<String> {
        let listed = &self.loaded.config.providers;
        let names = all.iter().map(|provider| &*provider.name);
        names
            .filter(|name| *name != demo::PROVIDER && listed.get(name).is_none())
            .map(str::to_owned)
            .collect()
    }

    fn place(&self, name: &str, key: &str) -> Place {
        self.loaded.tree.place_of(&["providers", name, key])
    }

    fn written(&self, name: &str, key: &str) -> bool {
        self.loaded.is_written(&["providers", name, key])
    }

    fn limits(&self, entry: &ProviderEntry) -> TimeLimits {
        entry.time_limits.over(self.loaded.config.time_limits.over(TimeLimits::default()))
    }

    fn key_of(&self, row: &Row) -> Option<Secret> {
        row.env_keys.iter().find_map(|name| self.environment.get(name)).map(Secret::new)
    }

    fn build(&mut self, name: &str, entry: &ProviderEntry) -> Option<Provider> {
        self.check_name(name)?;
        let row = self.row(name, entry)?;
        let keys = self.keys(name, entry, row);
        let lines = self.lines(name, entry, row, &keys);
        let metrics = self.metrics(name, entry, lines.first());
        let name: Arc<str> = name.into();
        let speaks_chat = lines.iter().any(|line| line.dialect == Dialect::OpenaiChat);
        Some(Provider {
            price_name: name.to_string(),
            // Without a line a provider would pass for the built-in one; its problems are told already.
            lines: Some(lines).filter(|lines| !lines.is_empty())?,
            keys: self.lasting.live.keys.ring(&name, &keys),
            metrics,
            probe: self.probe(&name, entry),
            headers: self.headers(&name, entry),
            quirks: entry.quirks.over(row.map_or_else(Quirks::default, |row| row.quirks)),
            completions: entry.completions.unwrap_or(row.map_or(speaks_chat, |row| row.completions)),
            embeddings: entry.embeddings.unwrap_or(row.map_or(speaks_chat, |row| row.embeddings)),
            limits: self.limits(entry),
            rules: self.rules(&name, entry),
            name,
        })
    }

    fn rules(&mut self, name: &str, entry: &ProviderEntry) -> Vec<Arc<Rule>> {
        let (path, place) = (["providers", name, "limits"], format!("provider/{name}"));
        access::limits(&entry.limits, &path, (&place, Scope::Provider), self.loaded, &mut self.problems)
    }

    /// All keys, each once: `api_key` or the known provider's own, and `api_keys`.
    fn keys(&mut self, name: &str, entry: &ProviderEntry, row: Option<&Row>) -> Vec<Secret> {
        let mut keys: Vec<Secret> = Vec::new();
        if entry.api_keys.is_empty() || entry.api_key.is_some() {
            keys.extend(self.key(name, entry, row));
        }
        for (at, key) in entry.api_keys.iter().enumerate() {
            let path = ["providers", name, "api_keys", &at.to_string()];
            self.warn_if_in_the_file(&path, row);
            if keys.iter().any(|known| known.expose() == key.0.expose()) {
                let problem = Problem::warning("this key is there twice", self.loaded.tree.place_of(&path));
                self.problems.push(problem.help("it counts once"));
            } else {
                keys.push(key.0.clone());
            }
        }
        keys
    }

    fn warn_if_in_the_file(&mut self, path: &[&str], row: Option<&Row>) {
        let node = self.loaded.tree.get(path);
        if node.is_some_and(|node| matches!(node.value, Value::Text(_)) && !node.filled_in) {
            let variable = row.and_then(|row| row.env_keys.first()).copied().unwrap_or("MY_KEY");
            let place = self.loaded.tree.place_of(path);
            let problem = Problem::warning("the key is written in the file", place);
            self.problems.push(
                problem
                    .help(format!("take it from elsewhere: `\"${{{variable}}}\"` or `\"${{file:/path}}\"`")),
            );
        }
    }

    fn check_name(&mut self, name: &str) -> Option<()> {
        let wrong = match name {
            demo::PROVIDER => "the name `demo` belongs to the built-in provider",
            "" => "a provider must have a name",
            _ if name.contains(['/', '*', ' ']) => "a provider's name cannot have `/`, `*` or blanks in it",
            _ => return Some(()),
        };
        self.problems.push(Problem::error(wrong, self.loaded.tree.key_of(&["providers", name])));
        None
    }

    /// The row of the table; `Some(None)` for a server that is in no table.
    fn row(&mut self, name: &str, entry: &ProviderEntry) -> Option<Option<&'static Row>> {
        let rows = || provider::all().map(|row| row.name);
        if let Some(kind) = &entry.r#type {
            let row = provider::find(kind);
            if row.is_none() {
                let problem =
                    Problem::error(format!("there is no known provider `{kind}`"), self.place(name, "type"));
                self.problems.push(problem.did_you_mean(nearest(kind, rows())));
            }
            return row.map(Some);
        }
        let row = provider::find(name);
        if row.is_some() || self.written(name, "base_url") || self.written(name, "base_urls") {
            return Some(row);
        }
        if self.written(name, "type") {
            return None;
        }
        let place = self.loaded.tree.key_of(&["providers", name]);
        let problem = Problem::error(format!("`{name}` is no known provider and has no `base_url`"), place);
        self.problems.push(match nearest(name, rows()) {
            Some(_) => problem.did_you_mean(nearest(name, rows())),
            None => {
                problem.help("give `base_url` and `dialect`, or say which known provider it is with `type`")
            }
        });
        None
    }

    fn key(&mut self, name: &str, entry: &ProviderEntry, row: Option<&Row>) -> Option<Secret> {
        if let Some(key) = &entry.api_key {
            self.warn_if_in_the_file(&["providers", name, "api_key"], row);
            return Some(key.0.clone());
        }
        let row = row?;
        let key = self.key_of(row);
        let elsewhere = self.written(name, "base_url") || self.written(name, "base_urls");
        if key.is_none() && row.needs_key && !self.written(name, "api_key") && !elsewhere {
            let variable = row.env_keys.first().copied().unwrap_or("KEY");
            let place = self.loaded.tree.key_of(&["providers", name]);
            let problem = Problem::error(format!("the provider `{name}` has no key"), place);
            self.problems.push(
                problem.help(format!("set {variable} in the environment or in `.env`, or give `api_key`")),
            );
        }
        key
    }

    fn headers(&mut self, name: &str, entry: &ProviderEntry) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        for (header, value) in entry.headers.iter() {
            let path = ["providers", name, "headers", header];
            let (key, place) = (self.loaded.tree.key_of(&path), self.loaded.tree.place_of(&path));
            match (HeaderName::from_bytes(header.as_bytes()), HeaderValue::from_str(value)) {
                (Ok(header), _) if OWN_HEADERS.contains(&header.as_str()) => {
                    self.problems.push(Problem::error(format!("the gateway sets `{header}` itself"), key));
                }
                (Ok(header), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.push((header, value));
                }
                (Err(_), _) => {
                    self.problems.push(Problem::error(format!("`{header}` is no name of a header"), key))
                }
                (_, Err(_)) => {
                    self.problems.push(Problem::error(
                        format!("the value of `{header}` cannot be sent in a header"),
                        place,
                    ));
                }
            }
        }
        headers
    }
}

/// The known provider that an entry stands for.
fn type_of(name: &str, entry: &ProviderEntry) -> String {
    entry.r#type.clone().unwrap_or_else(|| name.to_owned())
}

fn demo_provider(limits: TimeLimits) -> Provider {
    Provider {
        name: demo::PROVIDER.into(),
        price_name: demo::PROVIDER.to_owned(),
        lines: Vec::new(),
        keys: None,
        metrics: Vec::new(),
        probe: None,
        headers: Vec::new(),
        quirks: Quirks::default(),
        completions: false,
        embeddings: true,
        limits,
        rules: Vec::new(),
    }
}
