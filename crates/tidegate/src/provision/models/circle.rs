//! Names that lead to other names: every one exists, and none comes back to where it began.

use super::Building;
use crate::config::written::Model;

impl<'a> Building<'a, '_> {
    /// Follows aliases to the name that has targets; `Err` with the way, if it goes round.
    ///
    /// An alias that is written like its own name (`openai/gpt-4.1: openai/gpt-4.1`) means the target.
    pub(super) fn follow(&self, name: &str) -> Result<(&'a str, &'a Model), Vec<String>> {
        let models = &self.parts.loaded.config.models;
        let entry = |name: &str| models.iter().find(|(other, _)| *other == name);
        let mut way = vec![name.to_owned()];
        let mut here = entry(name);
        while let Some((at, model)) = here {
            let next = match model {
                Model::Alias(target) if target != at => entry(target),
                _ => None,
            };
            let Some((next_name, _)) = next else { return Ok((at, model)) };
            let round = way.iter().any(|passed| passed == next_name);
            way.push(next_name.to_owned());
            if round {
                break;
            }
            here = next;
        }
        Err(way)
    }

    /// Every fallback exists, and none leads back to where it came from.
    pub(super) fn check_fallbacks(&mut self) {
        let models = &self.parts.loaded.config.models;
        // A circle is told once, not once for each name in it.
        let mut told: Vec<String> = Vec::new();
        for (name, model) in models.iter() {
            let Model::Pool(pool) = model else { continue };
            for (at, other) in pool.fallback.iter().enumerate() {
                let at = at.to_string();
                let path = ["models", name, "fallback", at.as_str()];
                match self.way_back(name, other) {
                    Some(_) if told.iter().any(|passed| passed == name) => {}
                    Some(way) => {
                        let words = format!("the fallbacks go round in a circle: {}", way.join(" → "));
                        self.error(words, &path, None);
                        told.extend(way);
                    }
                    None if models.get(other).is_none() => self.check_fallback_target(other, &path),
                    None => {}
                }
            }
        }
    }

    fn check_fallback_target(&mut self, name: &str, path: &[&str]) {
        if name.contains('/') {
            self.split_target(name, path);
        } else if let Err(unknown) = self.table.resolve(name) {
            self.error(unknown.to_string(), path, None);
        }
    }

    /// The way from `start` over `next` back to `start`, if there is one.
    fn way_back(&self, start: &str, next: &str) -> Option<Vec<String>> {
        let models = &self.parts.loaded.config.models;
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
            let further = match models.get(&last) {
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
