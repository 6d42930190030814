//! Which requests a route takes.

use http::{HeaderName, Method};
use regex::Regex;
use tidegate_policy::edge::route::{Condition, HostPattern, PathPattern, RouteRule, Test};

use super::{Building, RoutePlace};
use crate::config::written::{Named, RouteEntry, Words};

impl Building<'_> {
    /// What a route asks of its requests.
    pub(super) fn rule(&mut self, entry: &RouteEntry, place: &RoutePlace) -> RouteRule {
        let mut rule = RouteRule::default();
        for (setting, words) in words_of(&entry.path, &entry.matches.path, "path") {
            rule.paths.extend(self.path_pattern(words, place, &setting));
        }
        for (setting, words) in words_of(&entry.host, &entry.matches.host, "host") {
            rule.hosts.extend(self.read::<HostPattern>(words, place, &setting));
        }
        for (setting, words) in words_of(&None, &entry.matches.method, "method") {
            match Method::from_bytes(words.to_ascii_uppercase().as_bytes()) {
                Ok(method) => rule.methods.push(method),
                Err(_) => self.wrong(place, &setting, format!("`{words}` is no method")),
            }
        }
        if rule.methods.contains(&Method::GET) && !rule.methods.contains(&Method::HEAD) {
            rule.methods.push(Method::HEAD);
        }
        rule.headers = self.conditions(&entry.matches.header, place, "header", |building, name| {
            building.read::<HeaderName>(name, place, &["match", "header", name])
        });
        rule.query = self.conditions(&entry.matches.query, place, "query", |_, name| Some(name.to_owned()));
        rule
    }

    fn path_pattern(&mut self, text: &str, place: &RoutePlace, setting: &[&str]) -> Option<PathPattern> {
        if let Some(regex) = text.strip_prefix('~') {
            return self.regex(regex.trim(), place, setting).map(PathPattern::Regex);
        }
        let text = text.strip_prefix('=').map_or(text, str::trim);
        if !text.starts_with('/') {
            let words = format!("`{text}` is no path; it must begin with `/`, a regex with `~ `");
            self.wrong(place, setting, words);
            return None;
        }
        if text.contains(['*', '?']) {
            let words = format!("`{text}`: write `/x/` for all that is below, or a regex behind `~ `");
            self.wrong(place, setting, words);
            return None;
        }
        Some(match text.strip_suffix('/') {
            Some(_) => PathPattern::Prefix(text.to_owned()),
            None => PathPattern::Exact(text.to_owned()),
        })
    }

    /// Reads a regex.
    pub(super) fn regex(&mut self, text: &str, place: &RoutePlace, setting: &[&str]) -> Option<Regex> {
        let read = Regex::new(text);
        read.map_err(|error| {
            let words = error.to_string();
            let last = words.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            self.wrong(place, setting, format!("`{text}` is no regex: {last}"));
        })
        .ok()
    }

    fn conditions<N>(
        &mut self,
        written: &Named<String>,
        place: &RoutePlace,
        part: &str,
        read: impl Fn(&mut Self, &str) -> Option<N>,
    ) -> Vec<Condition<N>> {
        let mut all = Vec::with_capacity(written.len());
        for (name, value) in written.iter() {
            let test = match value.as_str() {
                "*" => Some(Test::Present),
                "" => Some(Test::Absent),
                value => match value.strip_prefix('~') {
                    Some(regex) => self.regex(regex.trim(), place, &["match", part, name]).map(Test::Fits),
                    None => Some(Test::Is(value.to_owned())),
                },
            };
            let name = read(self, name);
            if let (Some(name), Some(test)) = (name, test) {
                all.push(Condition { name, test });
            }
        }
        all
    }
}

/// Each word with its place.
fn words_of<'w>(
    short: &'w Option<Words>,
    long: &'w Option<Words>,
    part: &'static str,
) -> Vec<(Vec<&'static str>, &'w str)> {
    let with = |words: &'w Option<Words>, setting: &[&'static str]| -> Vec<(Vec<&'static str>, &'w str)> {
        let words = words.as_ref().map_or(&[][..], Words::all);
        words.iter().map(|word| (setting.to_vec(), word.as_str())).collect()
    };
    let mut all = with(short, &[part]);
    all.extend(with(long, &["match", part]));
    all
}
