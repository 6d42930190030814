//! What browsers are told to be careful about.

use tidegate_policy::edge::security_headers::Hsts;

use super::Building;
use super::action::age;
use crate::config::written::HstsEntry;

impl Building<'_> {
    /// Whether the preset is added, and for how long browsers insist on TLS.
    pub(super) fn security(&mut self) -> Option<Option<Hsts>> {
        let config = &self.loaded.config;
        let hsts = config.hsts.as_ref().map(|entry| self.hsts(entry));
        (config.security_headers || hsts.is_some()).then_some(hsts)
    }

    fn hsts(&mut self, entry: &HstsEntry) -> Hsts {
        let usual = Hsts::default().max_age;
        let max_age = entry.max_age.as_deref().map_or(usual, |text| {
            age(text).map_or_else(
                || {
                    let words = format!("`{text}` is no age; write `30d` or `1y`");
                    self.error(words, &["hsts", "max_age"]);
                    usual
                },
                |age| age.as_secs(),
            )
        });
        Hsts { max_age, include_subdomains: entry.include_subdomains, preload: entry.preload }
    }
}
