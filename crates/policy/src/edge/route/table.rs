//! The table of all routes: by host, then by path, then by conditions.

use http::{HeaderMap, Method};
use std::collections::HashMap;

use super::place::Places;
use super::{HostPattern, PathMatch, PathPattern, RouteRule};
use crate::edge::path::PathFault;
use crate::edge::query;

/// What a request has that routes look at.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// As [`crate::edge::target::authority`] gives it, without the port; empty when there is none.
    pub host: &'a str,
    /// In its one spelling: see [`crate::edge::path::normalise`].
    pub path: &'a str,
    /// The method.
    pub method: &'a Method,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The raw query without `?`; empty when there is none.
    pub query: &'a str,
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The route's place in the list that the table was made of, and how its path fitted.
    Route(usize, PathMatch),
    /// Everything of some route fits but the method: 405 with these in `Allow`.
    OtherMethods(Vec<Method>),
    /// Nothing fits: 404.
    Nothing,
}

/// Why routes do not make a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteFault {
    /// A route's path has no spelling that a request could have.
    #[error("`{path}`: {fault}")]
    Path {
        /// The path as it was written.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// The regexes of a host's routes cannot be compiled together.
    #[error("the regexes of one host are too large together: {0}")]
    Regexes(String),
}

/// Compiled routes.
#[derive(Debug, Default)]
pub struct RouteTable {
    rules: Vec<RouteRule>,
    exact: HashMap<Box<str>, Places>,
    below: HashMap<Box<str>, Places>,
    any: Places,
}

impl RouteTable {
    /// Compiles the routes; what a look-up returns are places in this list.
    pub fn new(rules: Vec<RouteRule>) -> Result<Self, RouteFault> {
        let mut table = Self { rules, ..Self::default() };
        let rules = std::mem::take(&mut table.rules);
        for (entry, rule) in rules.iter().enumerate() {
            let everywhere = [None];
            let hosts = rule.hosts.iter().map(Some).collect::<Vec<_>>();
            for host in if hosts.is_empty() { &everywhere[..] } else { &hosts } {
                add_paths(table.places(*host), &rule.paths, entry)?;
            }
        }
        let better_first = |a: &usize, b: &usize| weight(&rules[*b]).cmp(&weight(&rules[*a])).then(a.cmp(b));
        let hosts = table.exact.values_mut().chain(table.below.values_mut());
        for places in hosts.chain([&mut table.any]) {
            places.finish(better_first)?;
        }
        table.rules = rules;
        Ok(table)
    }

    fn places(&mut self, host: Option<&HostPattern>) -> &mut Places {
        match host {
            None => &mut self.any,
            Some(HostPattern::Exact(name)) => self.exact.entry(name.as_str().into()).or_default(),
            Some(HostPattern::Below(name)) => self.below.entry(name.as_str().into()).or_default(),
        }
    }

    /// The route that the request takes.
    pub fn find(&self, asking: Asking<'_>) -> Found {
        let mut found = None;
        let mut other_methods: Vec<Method> = Vec::new();
        self.visit(asking, &mut |entry, path| {
            let rule = &self.rules[entry];
            if !holds(rule, asking) {
                return false;
            }
            if !rule.methods.is_empty() && !rule.methods.contains(asking.method) {
                let new = rule.methods.iter().filter(|method| !other_methods.contains(method));
                let new: Vec<Method> = new.cloned().collect();
                other_methods.extend(new);
                return false;
            }
            found = Some(Found::Route(entry, path));
            true
        });
        found.unwrap_or(if other_methods.is_empty() {
            Found::Nothing
        } else {
            Found::OtherMethods(other_methods)
        })
    }

    /// Every route whose host and path fit, best first, and what of it does not fit (`None`: it would be taken). For explanations.
    pub fn candidates(&self, asking: Asking<'_>) -> Vec<(usize, PathMatch, Option<String>)> {
        let mut all: Vec<(usize, PathMatch, Option<String>)> = Vec::new();
        self.visit(asking, &mut |entry, path| {
            if !all.iter().any(|(known, ..)| *known == entry) {
                all.push((entry, path, misfit(&self.rules[entry], asking)));
            }
            false
        });
        all
    }

    /// The routes that the table was made of.
    pub fn rules(&self) -> &[RouteRule] {
        &self.rules
    }

    /// Tells of every route whose host and path fit, best first, until it is enough.
    fn visit(&self, asking: Asking<'_>, visit: &mut dyn FnMut(usize, PathMatch) -> bool) {
        if let Some(places) = self.exact.get(asking.host)
            && places.visit(asking.path, visit)
        {
            return;
        }
        if !self.below.is_empty() {
            let mut rest = asking.host;
            while let Some((_, parent)) = rest.split_once('.') {
                if let Some(places) = self.below.get(parent)
                    && places.visit(asking.path, visit)
                {
                    return;
                }
                rest = parent;
            }
        }
        self.any.visit(asking.path, visit);
    }
}

fn add_paths(places: &mut Places, paths: &[PathPattern], entry: usize) -> Result<(), RouteFault> {
    if paths.is_empty() {
        return places.add(None, entry);
    }
    paths.iter().try_for_each(|path| places.add(Some(path), entry))
}

/// More conditions, more weight.
fn weight(rule: &RouteRule) -> (bool, usize, usize) {
    (!rule.methods.is_empty(), rule.headers.len(), rule.query.len())
}

fn holds(rule: &RouteRule, asking: Asking<'_>) -> bool {
    failing_header(rule, asking).is_none() && failing_query(rule, asking).is_none()
}

fn failing_header<'r>(rule: &'r RouteRule, asking: Asking<'_>) -> Option<&'r str> {
    let mut conditions = rule.headers.iter();
    let failing = conditions.find(|condition| {
        let values = asking.headers.get_all(&condition.name).into_iter();
        !condition.test.holds(values.map(http::HeaderValue::as_bytes))
    });
    failing.map(|condition| condition.name.as_str())
}

fn failing_query<'r>(rule: &'r RouteRule, asking: Asking<'_>) -> Option<&'r str> {
    if rule.query.is_empty() {
        return None;
    }
    let pairs: Vec<_> = query::pairs(asking.query).collect();
    let failing = rule.query.iter().find(|condition| {
        let values = pairs.iter().filter(|(name, _)| *name == condition.name);
        !condition.test.holds(values.map(|(_, value)| value.as_bytes()))
    });
    failing.map(|condition| condition.name.as_str())
}

fn misfit(rule: &RouteRule, asking: Asking<'_>) -> Option<String> {
    if !rule.methods.is_empty() && !rule.methods.contains(asking.method) {
        return Some(format!("method {} is not among its methods", asking.method));
    }
    let header = failing_header(rule, asking).map(|name| format!("header `{name}` does not fit"));
    header.or_else(|| failing_query(rule, asking).map(|name| format!("query `{name}` does not fit")))
}
