//! Paths of routes: exact, prefix on segment borders, regex; and the index that finds them.

use regex::{Regex, RegexSet};
use std::collections::HashMap;

use super::RouteFault;
use crate::edge::path::{PathRules, normalise};

/// A path as a route names it. Exact paths and prefixes are put into their one spelling when the table is compiled.
#[derive(Clone, Debug)]
pub enum PathPattern {
    /// This path.
    Exact(String),
    /// This path and what is below it: `/api` fits `/api` and `/api/x`, not `/apix`; `/api/` fits only what is below.
    Prefix(String),
    /// Paths that fit; write `^…$` to bind both ends.
    Regex(Regex),
}

/// How a route's path fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// The whole path.
    Exact,
    /// So many bytes of the path, without the slash that follows.
    Prefix(usize),
    /// A regex.
    Regex,
    /// The route names no path.
    Any,
}

/// The paths of one host's routes; what they lead to are indexes, best first.
#[derive(Debug, Default)]
pub(super) struct Places {
    exact: HashMap<Box<str>, Vec<usize>>,
    /// In the order of writing.
    regexes: Vec<(Regex, usize)>,
    set: Option<RegexSet>,
    /// Without their last slash; the flag says that there was one.
    prefixes: HashMap<Box<str>, Vec<(bool, usize)>>,
    /// Which numbers of segments prefixes have; 63 stands for more, too.
    depths: u64,
    any: Vec<usize>,
}

/// Where the one spelling of a route's paths comes from; routes may name what listeners may let pass.
const AS_WRITTEN: PathRules = PathRules { encoded_slash: true, parameters: true };

impl Places {
    pub(super) fn add(&mut self, pattern: Option<&PathPattern>, entry: usize) -> Result<(), RouteFault> {
        match pattern {
            None => self.any.push(entry),
            Some(PathPattern::Exact(path)) => {
                self.exact.entry(normal(path)?.into()).or_default().push(entry);
            }
            Some(PathPattern::Regex(regex)) => self.regexes.push((regex.clone(), entry)),
            Some(PathPattern::Prefix(path)) => {
                let path = normal(path)?;
                let bare = path.strip_suffix('/').unwrap_or(&path);
                self.depths |= 1 << depth(bare).min(63);
                let is_below = bare.len() < path.len() && !bare.is_empty();
                self.prefixes.entry(bare.into()).or_default().push((is_below, entry));
            }
        }
        Ok(())
    }

    /// Puts each list into its order and compiles the regexes together.
    pub(super) fn finish(
        &mut self,
        better_first: impl Fn(&usize, &usize) -> std::cmp::Ordering,
    ) -> Result<(), RouteFault> {
        self.exact.values_mut().for_each(|list| list.sort_by(&better_first));
        // With its slash a prefix is one byte longer, hence before the one without.
        self.prefixes
            .values_mut()
            .for_each(|list| list.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| better_first(&a.1, &b.1))));
        self.any.sort_by(&better_first);
        if self.regexes.len() > 1 {
            let sources = self.regexes.iter().map(|(regex, _)| regex.as_str());
            let set = regex::RegexSetBuilder::new(sources).size_limit(64 << 20).build();
            self.set = Some(set.map_err(|fault| RouteFault::Regexes(fault.to_string()))?);
        }
        Ok(())
    }

    /// Tells `visit` of every route whose path fits, best first, until it says that it is enough (`true`).
    pub(super) fn visit(&self, path: &str, visit: &mut dyn FnMut(usize, PathMatch) -> bool) -> bool {
        if let Some(list) = self.exact.get(path)
            && list.iter().any(|entry| visit(*entry, PathMatch::Exact))
        {
            return true;
        }
        self.visit_regexes(path, visit)
            || self.visit_prefixes(path, visit)
            || self.any.iter().any(|entry| visit(*entry, PathMatch::Any))
    }

    fn visit_regexes(&self, path: &str, visit: &mut dyn FnMut(usize, PathMatch) -> bool) -> bool {
        match &self.set {
            Some(set) => {
                set.matches(path).into_iter().any(|which| visit(self.regexes[which].1, PathMatch::Regex))
            }
            None => self
                .regexes
                .iter()
                .any(|(regex, entry)| regex.is_match(path) && visit(*entry, PathMatch::Regex)),
        }
    }

    fn visit_prefixes(&self, path: &str, visit: &mut dyn FnMut(usize, PathMatch) -> bool) -> bool {
        if self.depths == 0 {
            return false;
        }
        let mut end = path.len();
        let mut depth = depth(path);
        loop {
            let is_known = self.depths & (1 << depth.min(63)) != 0;
            if is_known && let Some(list) = self.prefixes.get(&path[..end]) {
                for (is_below, entry) in list {
                    if (!is_below || end < path.len()) && visit(*entry, PathMatch::Prefix(end)) {
                        return true;
                    }
                }
            }
            let Some(slash) = path[..end].rfind('/') else { return false };
            end = slash;
            depth -= 1;
        }
    }
}

fn normal(path: &str) -> Result<std::borrow::Cow<'_, str>, RouteFault> {
    normalise(path, AS_WRITTEN).map_err(|fault| RouteFault::Path { path: path.to_owned(), fault })
}

/// How many segments: one for each slash.
fn depth(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}
