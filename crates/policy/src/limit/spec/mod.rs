//! The written shape of a limit, the same in the config file, the admin API and the database, and its check.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(in crate::limit) mod name;
mod period;
mod quantity;
#[cfg(test)]
mod tests;

pub use quantity::Quantity;

use super::{Rule, Scope, Unit, Window};
use period::Period;

/// Most of anything but money. What is above is a slip of the hand, and a sum of it could overflow.
pub const MOST: i64 = 1_000_000_000_000_000;
/// Most money, in billionths of a dollar: a billion dollars.
pub const MOST_MONEY: i64 = 1_000_000_000_000_000_000;

/// One limit as it is written: so much `of` something `per` time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name: letters, digits, `-`, `_`, `.`, `/`. Told to callers who are limited. Left out, it is made from what the limit says
    /// (`key-tokens-minute`). A limit that keeps its name keeps its count when it is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose use is added up. Left out: what the limit is written on (`key`, `team`), or `global` in the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Scope>,
    /// What is counted.
    pub of: Unit,
    /// How much: a whole number, or US dollars with up to nine digits after the point.
    pub limit: Quantity,
    /// In which time: `second`, `minute`, `hour`, `day`, `week`, `month`, or a time such as `30s`, `5m`, `24h`. Not for `concurrent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    /// How the time is looked at. Left out: `calendar` for `day`, `week` and `month`, otherwise `sliding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowKind>,
    /// For a `bucket`: what it holds when it is full. Left out: as much as `limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Quantity>,
    /// Only requests for these models, as patterns with `*`. Left out: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
}

/// How a limit looks at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Any such time: never more than the limit in the last minute.
    Sliding,
    /// Since the minute, hour, day, week or month began, in UTC.
    Calendar,
    /// A bucket that fills up steadily and holds `burst`.
    Bucket,
}

/// A mistake in a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it: a sentence without its subject and full stop (`must not be negative`).
    pub message: String,
}

/// The mistakes found so far.
#[derive(Default)]
struct Mistakes(Vec<SpecError>);

impl Mistakes {
    fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push(SpecError { field, message: message.into() });
    }
}

impl Spec {
    /// Checks the limit and makes it a rule; or says everything that is wrong with it.
    ///
    /// `place` is where it is written, unique among all places with limits (`key_…`, `team_…`; empty for the config's own list);
    /// it becomes part of the rule's name. `default_scope` holds where `by` is left out.
    pub fn check(&self, place: &str, default_scope: Scope) -> Result<Rule, Vec<SpecError>> {
        let mut mistakes = Mistakes::default();
        let scope = self.by.unwrap_or(default_scope);
        let amount = self.amount("limit", &self.limit, &mut mistakes);
        let window = self.window(amount, &mut mistakes);
        if let Some(mistake) = self.name.as_deref().and_then(name::mistake) {
            mistakes.add("name", mistake);
        }
        self.check_models(&mut mistakes);
        if !mistakes.0.is_empty() {
            return Err(mistakes.0);
        }
        let name = name::full(place, self.name.as_deref().unwrap_or(&self.default_name(scope)));
        Ok(Rule { name: name.into(), scope, unit: self.of, amount, window, models: self.models.clone() })
    }

    /// The amount in the rule's unit; 0 where it is wrong.
    fn amount(&self, field: &'static str, written: &Quantity, mistakes: &mut Mistakes) -> i64 {
        let (decimals, most) = if self.of == Unit::Money { (9, MOST_MONEY) } else { (0, MOST) };
        let amount = written.scaled(decimals).and_then(|amount| {
            i64::try_from(amount).ok().filter(|amount| *amount <= most).ok_or(quantity::TOO_LARGE.to_owned())
        });
        amount.unwrap_or_else(|message| {
            mistakes.add(field, message);
            0
        })
    }

    fn window(&self, amount: i64, mistakes: &mut Mistakes) -> Window {
        if self.of == Unit::Concurrent {
            let fields = [
                ("per", self.per.is_some()),
                ("window", self.window.is_some()),
                ("burst", self.burst.is_some()),
            ];
            for (field, _) in fields.into_iter().filter(|(_, is_there)| *is_there) {
                mistakes
                    .add(field, "makes no sense for `concurrent`, which counts what is open at the moment");
            }
            return Window::Open;
        }
        let burst = self.burst(amount, mistakes);
        let Some(per) = &self.per else {
            mistakes.add("per", "is missing");
            return Window::Open;
        };
        match Period::read(per) {
            Ok(period) => period.window(self.window, burst, mistakes),
            Err(message) => {
                mistakes.add("per", message);
                Window::Open
            }
        }
    }

    fn burst(&self, amount: i64, mistakes: &mut Mistakes) -> i64 {
        let Some(written) = &self.burst else { return amount };
        if self.window != Some(WindowKind::Bucket) {
            mistakes.add("burst", "makes sense with `window: bucket` only");
            return amount;
        }
        let before = mistakes.0.len();
        let burst = self.amount("burst", written, mistakes);
        if burst == 0 && mistakes.0.len() == before {
            mistakes.add("burst", "must be above 0: a bucket that holds nothing lets nothing through");
        }
        burst
    }

    fn check_models(&self, mistakes: &mut Mistakes) {
        for pattern in &self.models {
            if pattern.is_empty() || pattern.chars().any(char::is_control) {
                mistakes.add("models", format!("must hold models' names, not {pattern:?}"));
            }
        }
    }

    fn default_name(&self, scope: Scope) -> String {
        let name = [Some(scope.word()), Some(self.of.word()), self.per.as_deref()];
        name.into_iter().flatten().collect::<Vec<_>>().join("-").replace('_', "-")
    }
}

/// Checks all limits that are written in one place, see [`Spec::check`]; mistakes come with the number of the limit, from 0.
///
/// A made-up name that is taken already gets a number (`key-tokens-minute-2`); a name that was given twice is a mistake.
pub fn check_all(
    specs: &[Spec],
    place: &str,
    default_scope: Scope,
) -> Result<Vec<Arc<Rule>>, Vec<(usize, SpecError)>> {
    let (mut rules, mut mistakes) = (Vec::<Arc<Rule>>::with_capacity(specs.len()), Vec::new());
    // Given names first, so that a made-up one never takes a name that somebody chose.
    let (given, made_up): (Vec<_>, Vec<_>) = (0..specs.len()).partition(|&i| specs[i].name.is_some());
    for number in given.into_iter().chain(made_up) {
        match specs[number].check(place, default_scope) {
            Ok(rule) if !is_taken(&rules, &rule.name) => rules.push(rule.into()),
            Ok(_) if specs[number].name.is_some() => {
                let message = "is the name of another limit here already".to_owned();
                mistakes.push((number, SpecError { field: "name", message }));
            }
            Ok(mut rule) => {
                let free = (2..).map(|n| format!("{}-{n}", rule.name)).find(|name| !is_taken(&rules, name));
                rule.name = free.unwrap_or_default().into();
                rules.push(rule.into());
            }
            Err(errors) => mistakes.extend(errors.into_iter().map(|error| (number, error))),
        }
    }
    mistakes.sort_by_key(|(number, _)| *number);
    if mistakes.is_empty() { Ok(rules) } else { Err(mistakes) }
}

fn is_taken(rules: &[Arc<Rule>], name: &str) -> bool {
    rules.iter().any(|rule| *rule.name == *name)
}
