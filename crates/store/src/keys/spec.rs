//! Keys and teams as they are written, the same for the admin API, the command line and the database, and their check.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidegate_policy::access::{Key, Network, Team};
use tidegate_policy::limit::{Rule, Scope, Spec, spec};
use tidegate_policy::overload::Class;

use super::{FieldError, credential, moment};

/// Longest name, tag, pattern and word of metadata, in characters.
const LONGEST_TEXT: usize = 200;
/// Longest value in metadata, in characters.
const LONGEST_VALUE: usize = 1000;
/// Most of anything in one list.
const MOST: usize = 200;
/// Most limits on one key or team.
const MOST_LIMITS: usize = 50;

/// A key as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySpec {
    /// What people call it; need not be unique.
    pub name: String,
    /// Its team, by id or name. Read back, it is the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Words to add usage up by.
    pub tags: Vec<String>,
    /// Models that it may ask for, as patterns with `*`; empty: all that its team may.
    pub models: Vec<String>,
    /// Routes, or endpoints (`chat_completions`), that it may use, as patterns with `*`; empty: all.
    pub routes: Vec<String>,
    /// Networks that it may be used from (`10.0.0.0/8`); empty: all.
    pub networks: Vec<String>,
    /// When it stops working (RFC 3339: `2027-01-31T00:00:00Z`); left out: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Off: it does not work.
    pub enabled: bool,
    /// Refuses what cannot be carried over to a provider's dialect, instead of leaving it out.
    pub strict: bool,
    /// How much its requests matter when there is not room for all: `critical`, `high`, `normal`, `low`.
    pub priority: Class,
    /// May choose the target and the strategy of a request by `x-tidegate-target` and `x-tidegate-strategy`.
    pub overrides: bool,
    /// Its own limits; counted by key unless they say otherwise.
    pub limits: Vec<Spec>,
    /// Anything that its owner wants to know about it.
    pub metadata: BTreeMap<String, String>,
}

/// A team as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TeamSpec {
    /// Its name, unique.
    pub name: String,
    /// Off: none of its keys works.
    pub enabled: bool,
    /// Models that its keys may ask for, as patterns with `*`; empty: all.
    pub models: Vec<String>,
    /// Limits that its keys share; counted by team unless they say otherwise.
    pub limits: Vec<Spec>,
    /// Anything that people want to know about it.
    pub metadata: BTreeMap<String, String>,
}

impl Default for KeySpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            team: None,
            tags: Vec::new(),
            models: Vec::new(),
            routes: Vec::new(),
            networks: Vec::new(),
            expires: None,
            enabled: true,
            strict: false,
            priority: Class::Normal,
            overrides: false,
            limits: Vec::new(),
            metadata: BTreeMap::new(),
        }
    }
}

impl Default for TeamSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            models: Vec::new(),
            limits: Vec::new(),
            metadata: BTreeMap::new(),
        }
    }
}

impl KeySpec {
    /// Says everything that is wrong with it. Whether its team exists only the database knows.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        self.to_key("key", None).map(drop)
    }

    /// The key that it stands for, or everything that is wrong with it. `id` becomes part of its limits' names.
    pub fn to_key(&self, id: &str, team: Option<Arc<Team>>) -> Result<Key, Vec<FieldError>> {
        let mut check = Check::default();
        check.name(&self.name);
        if let Some(team) = &self.team {
            check.text("team", team, LONGEST_TEXT);
        }
        check.texts("tags", &self.tags);
        check.texts("models", &self.models);
        check.texts("routes", &self.routes);
        check.metadata(&self.metadata);
        let networks = check.networks(&self.networks);
        let expires = check.moment("expires", self.expires.as_deref());
        let limits = check.limits(&self.limits, id, Scope::Key);
        check.done(Key {
            id: id.into(),
            name: self.name.clone(),
            team,
            tags: self.tags.clone(),
            models: self.models.clone(),
            routes: self.routes.clone(),
            networks,
            expires,
            enabled: self.enabled,
            strict: self.strict,
            priority: self.priority,
            overrides: self.overrides,
            limits,
        })
    }
}

impl TeamSpec {
    /// Says everything that is wrong with it. Whether its name is taken only the database knows.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        self.to_team("team").map(drop)
    }

    /// The team that it stands for, or everything that is wrong with it. `id` becomes part of its limits' names.
    pub fn to_team(&self, id: &str) -> Result<Team, Vec<FieldError>> {
        let mut check = Check::default();
        check.name(&self.name);
        check.texts("models", &self.models);
        check.metadata(&self.metadata);
        let limits = check.limits(&self.limits, id, Scope::Team);
        check.done(Team {
            id: id.into(),
            name: self.name.clone(),
            enabled: self.enabled,
            models: self.models.clone(),
            limits,
        })
    }
}

/// What was found wrong so far.
#[derive(Default)]
struct Check(Vec<FieldError>);

impl Check {
    fn wrong(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    fn done<T>(self, made: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() { Ok(made) } else { Err(self.0) }
    }

    fn text(&mut self, field: &str, text: &str, longest: usize) {
        if text.trim().is_empty() {
            self.wrong(field, "must not be empty");
        } else if text.chars().count() > longest {
            self.wrong(field, format!("must have at most {longest} characters"));
        } else if text.chars().any(char::is_control) {
            self.wrong(field, "must not have control characters");
        }
    }

    /// A name must not be taken for an id.
    fn name(&mut self, name: &str) {
        self.text("name", name, LONGEST_TEXT);
        if credential::is_id(name, "key") || credential::is_id(name, "team") {
            self.wrong("name", "must not look like an id");
        }
    }

    fn count(&mut self, field: &str, count: usize, most: usize) -> bool {
        if count > most {
            self.wrong(field, format!("must have at most {most} entries"));
        }
        count <= most
    }

    fn texts(&mut self, field: &str, texts: &[String]) {
        if self.count(field, texts.len(), MOST) {
            for (place, text) in texts.iter().enumerate() {
                self.text(&format!("{field}[{place}]"), text, LONGEST_TEXT);
            }
        }
    }

    fn metadata(&mut self, metadata: &BTreeMap<String, String>) {
        if self.count("metadata", metadata.len(), MOST) {
            for (name, value) in metadata {
                self.text("metadata", name, LONGEST_TEXT);
                if value.chars().count() > LONGEST_VALUE || value.contains('\0') {
                    let field = format!("metadata.{}", name.chars().take(LONGEST_TEXT).collect::<String>());
                    self.wrong(field, format!("must have at most {LONGEST_VALUE} characters, and no NUL"));
                }
            }
        }
    }

    fn networks(&mut self, written: &[String]) -> Vec<Network> {
        if !self.count("networks", written.len(), MOST) {
            return Vec::new();
        }
        let mut networks = Vec::with_capacity(written.len());
        for (place, text) in written.iter().enumerate() {
            match text.parse() {
                Ok(network) => networks.push(network),
                Err(_) => self.wrong(
                    format!("networks[{place}]"),
                    "must be a network (`10.0.0.0/8`, `2001:db8::/32`) or an address",
                ),
            }
        }
        networks
    }

    fn moment(&mut self, field: &str, written: Option<&str>) -> Option<i64> {
        let read = written.map(moment::read);
        if read == Some(None) {
            self.wrong(field, "must be a moment such as `2027-01-31T00:00:00Z` (RFC 3339)");
        }
        read.flatten()
    }

    fn limits(&mut self, written: &[Spec], id: &str, scope: Scope) -> Vec<Arc<Rule>> {
        if !self.count("limits", written.len(), MOST_LIMITS) {
            return Vec::new();
        }
        spec::check_all(written, id, scope).unwrap_or_else(|errors| {
            for (place, error) in errors {
                self.wrong(format!("limits[{place}].{}", error.field), error.message);
            }
            Vec::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Vec<String> {
        let spec: KeySpec = serde_json::from_str(json).unwrap();
        spec.check().unwrap_err().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let json = r#"{
            "name": " ", "team": "", "tags": ["good", "a\nb"], "models": [""], "networks": ["10.0.0.0/8", "10.0.0.0/33"],
            "expires": "tomorrow", "metadata": {"": "x"}, "limits": [{"of": "requests", "limit": -5, "per": "minute"}]
        }"#;
        assert_eq!(
            fields(json),
            ["name", "team", "tags[1]", "models[0]", "metadata", "networks[1]", "expires", "limits[0].limit"]
        );
    }

    #[test]
    fn absurd_limits_and_lists_are_refused() {
        assert_eq!(
            fields(r#"{"name":"a","limits":[{"of":"tokens","limit":1e30,"per":"day"}]}"#),
            ["limits[0].limit"]
        );
        let limits = vec![r#"{"of":"tokens","limit":1,"per":"day"}"#; MOST_LIMITS + 1].join(",");
        assert_eq!(fields(&format!(r#"{{"name":"a","limits":[{limits}]}}"#)), ["limits"]);
        let long = KeySpec { name: "x".repeat(201), tags: vec![String::new(); 201], ..KeySpec::default() };
        assert_eq!(long.check().unwrap_err().len(), 2);
        assert_eq!(fields(r#"{"name":"key_00000000000000000000000000000000"}"#), ["name"]);
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<KeySpec>(r#"{"name":"a","model":["x"]}"#).is_err());
        assert!(serde_json::from_str::<TeamSpec>(r#"{"name":"a","budget":1}"#).is_err());
    }

    #[test]
    fn a_good_key_becomes_what_it_says() {
        let json = r#"{"name":"Anna's","networks":["10.0.0.0/8"],"expires":"2026-11-21T10:45:00Z","strict":true,
            "limits":[{"of":"requests","limit":5,"per":"minute"}]}"#;
        let key = serde_json::from_str::<KeySpec>(json).unwrap().to_key("key_1", None).unwrap();
        assert_eq!((key.expires, key.enabled, key.strict), (Some(1_795_257_900), true, true));
        assert!(key.limits[0].name.contains("key_1"), "{}", key.limits[0].name);
        assert_eq!(key.limits[0].scope, Scope::Key);
    }
}
