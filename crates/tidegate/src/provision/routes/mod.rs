//! The config's routes: from the written words to a site, with all that is wrong with them.

mod action;
mod buffering;
mod caching;
mod log;
mod matching;
mod secure;
mod terms;
mod upstreams;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tidegate_policy::access::Network;
use tidegate_policy::edge::client::TrustedProxies;
use tidegate_policy::edge::path::PathRules;
use tidegate_policy::edge::route::RouteTable;
use tidegate_proxy::edge::cache::CacheBounds;
use tidegate_proxy::edge::{Route, Site, Upstream};

use super::Lasting;
use crate::config::Loaded;
use crate::config::problem::Problem;
use crate::config::written::RouteEntry;

/// Builds the site; none where the config has nothing of the kind.
pub(super) fn build(loaded: &Loaded, lasting: &Lasting, problems: &mut Vec<Problem>) -> Option<Arc<Site>> {
    let config = &loaded.config;
    let mut building = Building { loaded, lasting, problems, upstreams: HashMap::new() };
    building.build_upstreams();
    let trusted = TrustedProxies { networks: building.trusted(), ..TrustedProxies::default() };
    let error_pages = building.error_pages();
    let security = building.security();
    let log = building.log_format();
    if config.routes.is_empty() && config.trusted_proxies.is_empty() && log.is_none() && security.is_none() {
        return None;
    }
    let mut rules = Vec::with_capacity(config.routes.len());
    let mut routes: Vec<Arc<Route>> = Vec::with_capacity(config.routes.len());
    for (number, entry) in config.routes.iter().enumerate() {
        let place = RoutePlace { number: number.to_string(), name: name_of(entry, number) };
        let rule = building.rule(entry, &place);
        let Some(route) = building.route(entry, &place) else { continue };
        routes.push(Arc::new(route));
        rules.push(rule);
    }
    let folders = Site::folders_of(&rules);
    let table = RouteTable::new(rules).unwrap_or_else(|fault| {
        building.problems.push(Problem::error(fault.to_string(), loaded.tree.key_of(&["routes"])));
        RouteTable::default()
    });
    let has_cache = routes.iter().any(|route| route.cache().is_some());
    let cache = if has_cache { building.cache_bounds() } else { CacheBounds::default() };
    Some(Arc::new(Site {
        table,
        routes,
        folders,
        trusted,
        error_pages,
        paths: PathRules::default(),
        log,
        cache,
        security,
    }))
}

/// A route's place in the config, and its name.
struct RoutePlace {
    number: String,
    name: String,
}

/// A route's name: its own, or host and path.
fn name_of(entry: &RouteEntry, number: usize) -> String {
    if let Some(name) = &entry.name {
        return name.clone();
    }
    let first = |words: [&Option<crate::config::written::Words>; 2]| {
        let word = words.into_iter().flatten().find_map(|words| words.all().first().cloned());
        word.unwrap_or_default()
    };
    let host = first([&entry.host, &entry.matches.host]);
    let path = first([&entry.path, &entry.matches.path]);
    if host.is_empty() && path.is_empty() { format!("route {number}") } else { format!("{host}{path}") }
}

struct Building<'a> {
    loaded: &'a Loaded,
    lasting: &'a Lasting,
    problems: &'a mut Vec<Problem>,
    upstreams: HashMap<String, Arc<Upstream>>,
}

impl Building<'_> {
    fn problem(&self, words: impl Into<String>, path: &[&str]) -> Problem {
        Problem::error(words, self.loaded.tree.place_of(path))
    }

    fn error(&mut self, words: impl Into<String>, path: &[&str]) {
        let problem = self.problem(words, path);
        self.problems.push(problem);
    }

    /// A problem of a route's setting.
    fn wrong(&mut self, place: &RoutePlace, setting: &[&str], words: impl Into<String>) {
        let path: Vec<&str> =
            ["routes", place.number.as_str()].into_iter().chain(setting.iter().copied()).collect();
        self.error(words, &path);
    }

    /// Reads a setting's text; what is wrong with it is a problem.
    fn read<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        text: &str,
        place: &RoutePlace,
        setting: &[&str],
    ) -> Option<T> {
        text.parse().map_err(|wrong: T::Err| self.wrong(place, setting, wrong.to_string())).ok()
    }

    fn trusted(&mut self) -> Vec<Network> {
        let mut all = Vec::new();
        for (number, text) in self.loaded.config.trusted_proxies.iter().enumerate() {
            match text.parse() {
                Ok(network) => all.push(network),
                Err(words) => self.error(words, &["trusted_proxies", &number.to_string()]),
            }
        }
        all
    }

    fn error_pages(&mut self) -> HashMap<u16, Bytes> {
        let mut pages = HashMap::new();
        let config = &self.loaded.config;
        for (status, file) in config.error_pages.iter() {
            let code = status.parse::<u16>().ok().filter(|code| (400..600).contains(code));
            let Some(code) = code else {
                let place = self.loaded.tree.key_of(&["error_pages", status]);
                let words = format!("`{status}` is no status of an error; pages are for 400 to 599");
                self.problems.push(Problem::error(words, place));
                continue;
            };
            match std::fs::read(self.path(file)) {
                Ok(page) => drop(pages.insert(code, page.into())),
                Err(error) => {
                    self.error(format!("{file} cannot be read: {error}"), &["error_pages", status]);
                }
            }
        }
        pages
    }

    fn path(&self, written: &str) -> PathBuf {
        let written = Path::new(written).strip_prefix(".").unwrap_or(Path::new(written));
        self.loaded.folder.join(written)
    }
}
