//! What browsers are told to be careful about.

use tidegate_policy::edge::security_headers::Hsts;

use super::Building;
use super::action::age;
use crate::config::problem::Problem;
use crate::config::written::HstsEntry;

impl Building<'_> {
    /// Whether the preset is added, and for how long browsers insist on TLS.
    pub(super) fn security(&mut self) -> Option<Option<Hsts>> {
        let config = &self.loaded.config;
        let hsts = config.hsts.as_ref().map(hsts);
        (config.security_headers || hsts.is_some()).then_some(hsts)
    }

    /// Says what is wrong with `hsts`.
    pub(super) fn check_security(&mut self) {
        let written = self.loaded.config.hsts.as_ref().and_then(|entry| entry.max_age.as_deref());
        if let Some(text) = written.filter(|text| age(text).is_none()) {
            let words = format!("`{text}` is no age; write `30d` or `1y`");
            self.problems.push(Problem::error(words, self.loaded.tree.place_of(&["hsts", "max_age"])));
        }
    }
}

fn hsts(entry: &HstsEntry) -> Hsts {
    let usual = Hsts::default();
    Hsts {
        max_age: entry.max_age.as_deref().and_then(age).map_or(usual.max_age, |age| age.as_secs()),
        include_subdomains: entry.include_subdomains,
        preload: entry.preload,
    }
}
