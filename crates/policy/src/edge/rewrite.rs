//! The path and query that an upstream is asked for: a prefix stripped or replaced, or a regex with captures.

use regex::{Captures, Regex};

use super::path::{PathFault, PathRules, normalise};
use super::query;
use super::route::PathMatch;

/// What becomes of a route's path.
#[derive(Clone, Debug, Default)]
pub enum Rewrite {
    /// It stays.
    #[default]
    Keep,
    /// The prefix that fitted is replaced by this path; `/` strips it.
    Prefix(String),
    /// Where the regex fits, the whole path becomes the replacement; elsewhere it stays.
    Regex(Regex, Replacement),
}

/// Text with `$1`, `$name`, `${name}` and `$$` for a dollar; behind a `?`, a query that comes before the request's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    path: String,
    query: Option<String>,
}

impl std::str::FromStr for Replacement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("`{text}`: what a path becomes must begin with `/`"));
        }
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        Ok(Self { path: path.to_owned(), query: query.map(str::to_owned) })
    }
}

impl Rewrite {
    /// Path and query for the upstream, as one text. `path` is in its one spelling, and so is what comes out: a rewriting that
    /// would lead elsewhere is refused.
    pub fn apply(
        &self,
        path: &str,
        query: Option<&str>,
        fitted: PathMatch,
        rules: PathRules,
    ) -> Result<String, PathFault> {
        match self {
            Self::Keep => Ok(joined(path, [query, None])),
            Self::Prefix(new) => {
                let rest = match fitted {
                    PathMatch::Prefix(length) => path.get(length..).unwrap_or_default(),
                    PathMatch::Exact => "",
                    PathMatch::Regex | PathMatch::Any => path,
                };
                let path =
                    format!("{}{rest}", new.strip_suffix('/').filter(|_| !rest.is_empty()).unwrap_or(new));
                Ok(joined(&normalise(&path, rules)?, [query, None]))
            }
            Self::Regex(regex, replacement) => {
                let Some(captures) = regex.captures(path) else { return Ok(joined(path, [query, None])) };
                let mut new = String::new();
                captures.expand(&replacement.path, &mut new);
                let brought = replacement.query.as_deref().map(|query| expand_query(query, &captures));
                Ok(joined(&normalise(&new, rules)?, [brought.as_deref(), query]))
            }
        }
    }
}

/// Captures come from a path, where `&` and `=` mean nothing; in a query they must not begin to.
fn expand_query(template: &str, captures: &Captures<'_>) -> String {
    let mut out = String::new();
    for piece in template.split_inclusive('&') {
        let (piece, separator) = piece.strip_suffix('&').map_or((piece, ""), |piece| (piece, "&"));
        let (name, value) = piece.split_once('=').map_or((piece, None), |(name, value)| (name, Some(value)));
        push_expanded(&mut out, name, captures);
        if let Some(value) = value {
            out.push('=');
            push_expanded(&mut out, value, captures);
        }
        out.push_str(separator);
    }
    out
}

fn push_expanded(out: &mut String, template: &str, captures: &Captures<'_>) {
    if !template.contains('$') {
        return out.push_str(template);
    }
    let mut expanded = String::new();
    captures.expand(template, &mut expanded);
    query::push_value(out, &expanded);
}

fn joined(path: &str, queries: [Option<&str>; 2]) -> String {
    let mut out = path.to_owned();
    let mut separator = '?';
    for query in queries.into_iter().flatten() {
        out.push(separator);
        out.push_str(query);
        separator = '&';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rewrite: &Rewrite, path: &str, query: Option<&str>, fitted: PathMatch) -> String {
        rewrite.apply(path, query, fitted, PathRules::default()).unwrap()
    }

    #[test]
    fn prefixes_are_stripped_and_replaced_on_segment_borders() {
        let (strip, replace) = (Rewrite::Prefix("/".into()), Rewrite::Prefix("/v2".into()));
        let api = PathMatch::Prefix("/api".len());
        assert_eq!(apply(&strip, "/api/users", Some("a=1"), api), "/users?a=1");
        assert_eq!(apply(&strip, "/api", None, api), "/");
        assert_eq!(apply(&strip, "/api/", None, api), "/");
        assert_eq!(apply(&replace, "/api/users", None, api), "/v2/users");
        assert_eq!(apply(&replace, "/api", Some(""), api), "/v2?");
        assert_eq!(apply(&Rewrite::Prefix("/v2/".into()), "/api/x", None, api), "/v2/x");
        assert_eq!(apply(&replace, "/x", None, PathMatch::Prefix(0)), "/v2/x");
        assert_eq!(apply(&Rewrite::Keep, "/x", Some("q"), api), "/x?q");
    }

    #[test]
    fn captures_become_path_and_query() {
        let regex = Regex::new("^/u/(?P<id>[^/]+)/(.*)$").unwrap();
        let rewrite = Rewrite::Regex(regex, "/users/$2?id=$id".parse().unwrap());
        let apply = |path, query| apply(&rewrite, path, query, PathMatch::Regex);
        assert_eq!(apply("/u/7/x/y", Some("a=1")), "/users/x/y?id=7&a=1");
        assert_eq!(apply("/u/7&admin=1/x", None), "/users/x?id=7%26admin%3D1");
        assert_eq!(apply("/else", Some("a")), "/else?a");
    }

    #[test]
    fn fault_12_a_rewriting_leads_nowhere_above_its_place() {
        let rewrite = Rewrite::Regex(Regex::new("^/x(.*)$").unwrap(), "/.$1".parse().unwrap());
        let apply = |path| rewrite.apply(path, None, PathMatch::Regex, PathRules::default());
        assert_eq!(apply("/x."), Err(PathFault::AboveRoot));
        assert_eq!(apply("/x/y").as_deref(), Ok("/y"));
        assert!("no-slash".parse::<Replacement>().is_err());
    }
}
