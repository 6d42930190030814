//! `tidegate explain --url`: which route a request takes, and why not another one.

use std::fmt;

use anyhow::{Context, Result, bail};
use http::{HeaderMap, Method, Uri};
use serde::Serialize;
use tidegate_policy::edge::path::{PathRules, normalise};
use tidegate_policy::edge::rewrite::Rewrite;
use tidegate_policy::edge::route::{Asking, PathMatch};
use tidegate_policy::edge::target::Authority;
use tidegate_proxy::edge::site::AiPath;
use tidegate_proxy::edge::{Action, Route, Site};
use tidegate_proxy::snapshot::Snapshot;

/// What happens to a request for a URL.
#[derive(Debug, Serialize)]
pub(super) struct UrlExplanation {
    method: String,
    host: String,
    /// In its one spelling.
    path: String,
    /// The route that is taken; none: the AI gateway.
    taken: Option<RouteExplanation>,
    /// Routes whose host and path fit as well, best first.
    others: Vec<OtherRoute>,
}

#[derive(Debug, Serialize)]
struct RouteExplanation {
    route: String,
    /// How its path fits: `exact`, `prefix`, `regex`, `any`.
    fits: &'static str,
    /// What it does.
    does: String,
    /// What stands in front of it.
    terms: Vec<String>,
}

#[derive(Debug, Serialize)]
struct OtherRoute {
    route: String,
    fits: &'static str,
    /// Why it is not taken.
    why_not: String,
}

impl UrlExplanation {
    /// Looks the URL up as the data plane would.
    pub(super) fn of(snapshot: &Snapshot, url: &str, method: &str) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("`{url}` is no URL"))?;
        let method: Method =
            method.to_ascii_uppercase().parse().with_context(|| format!("`{method}` is no method"))?;
        let host = match uri.authority() {
            Some(authority) => authority.as_str().parse::<Authority>()?.host,
            None if url.starts_with('/') => String::new(),
            None => bail!("write `http://host/path`, or just `/path`"),
        };
        let rules = PathRules { encoded_slash: true, ..PathRules::default() };
        let path = normalise(uri.path(), rules).context("such a path is refused with 400")?.into_owned();
        let mut this = Self { method: method.to_string(), host, path, taken: None, others: Vec::new() };
        if let Some(site) = &snapshot.edge {
            this.look(site, &method, uri.query().unwrap_or_default());
        }
        Ok(this)
    }

    fn look(&mut self, site: &Site, method: &Method, query: &str) {
        let headers = HeaderMap::new();
        let asking = Asking { host: &self.host, path: &self.path, method, headers: &headers, query };
        for (place, fitted, misfit) in site.table.candidates(asking) {
            let route = &site.routes[place];
            let (name, fits) = (route.name.to_string(), word(fitted));
            match (&self.taken, misfit) {
                (None, None) => {
                    let does = does(route, &self.path);
                    self.taken = Some(RouteExplanation { route: name, fits, does, terms: terms(route) });
                }
                (_, misfit) => {
                    let why_not = misfit.unwrap_or_else(|| "the one above is more specific".to_owned());
                    self.others.push(OtherRoute { route: name, fits, why_not });
                }
            }
        }
    }
}

fn word(fitted: PathMatch) -> &'static str {
    match fitted {
        PathMatch::Exact => "exact",
        PathMatch::Prefix(_) => "prefix",
        PathMatch::Regex => "regex",
        PathMatch::Any => "any",
    }
}

fn does(route: &Route, path: &str) -> String {
    match &route.action {
        Action::Ai(AiPath::As(as_path)) => format!("the AI gateway, as {as_path}"),
        Action::Ai(AiPath::Own(_)) => "the AI gateway".to_owned(),
        Action::Proxy(proxy) => {
            let servers = proxy.upstream.members();
            let servers = servers.iter().map(|member| {
                let share =
                    if member.weight == 1 { String::new() } else { format!(" (weight {})", member.weight) };
                let backup = if member.tier > 0 { " (backup)" } else { "" };
                format!("{}{}{share}{backup}", member.server.address, member.server.path)
            });
            let servers = servers.collect::<Vec<_>>().join(", ");
            let strip = proxy.change.strip.as_ref().filter(|prefix| path.starts_with(prefix.as_str()));
            let strip = strip.map(|prefix| format!(", without {prefix}")).unwrap_or_default();
            let rewrite = if matches!(proxy.change.rewrite, Rewrite::Keep) { "" } else { ", rewritten" };
            format!("proxy to {servers}{strip}{rewrite}")
        }
        Action::Files(files) => format!("files of {}", files.root.display()),
        Action::Redirect { status, .. } => format!("redirect ({})", status.as_u16()),
        Action::Respond { status, .. } => format!("a fixed answer ({})", status.as_u16()),
    }
}

fn terms(route: &Route) -> Vec<String> {
    let mut all = Vec::new();
    if !route.addresses.rules.is_empty() {
        all.push("only for some addresses".to_owned());
    }
    if route.basic.is_some() {
        all.push("a name and a password".to_owned());
    }
    all.extend(route.limits.iter().map(|rule| format!("limit `{}`", rule.name)));
    if let Some(cors) = &route.cors {
        all.push(format!("CORS for {}", cors.origins.join(", ")));
    }
    if route.cache().is_some() {
        all.push("answers are kept".to_owned());
    }
    if route.compression.is_some() {
        all.push("compressed".to_owned());
    }
    if !route.is_logged {
        all.push("not in the access log".to_owned());
    }
    all
}

impl fmt::Display for UrlExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}{}", self.method, self.host, self.path)?;
        match &self.taken {
            None => writeln!(f, "  no route takes it: the AI gateway answers")?,
            Some(taken) => {
                writeln!(f, "  route `{}` ({}): {}", taken.route, taken.fits, taken.does)?;
                taken.terms.iter().try_for_each(|term| writeln!(f, "    {term}"))?;
            }
        }
        for other in &self.others {
            writeln!(f, "  not `{}` ({}): {}", other.route, other.fits, other.why_not)?;
        }
        Ok(())
    }
}
