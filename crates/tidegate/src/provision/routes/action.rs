//! What a route does.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use tidegate_policy::edge::next_upstream::NextUpstream;
use tidegate_policy::edge::rewrite::{Replacement, Rewrite};
use tidegate_policy::edge::variables::Moment;
use tidegate_proxy::edge::files::Files;
use tidegate_proxy::edge::site::{AiPath, Change, Times};
use tidegate_proxy::edge::{Action, HostSent, Proxy, Route, Upstream};
use tidegate_proxy::snapshot::nearest;

use super::{Building, RoutePlace};
use crate::config::problem::Problem;
use crate::config::written::{AiEntry, RedirectEntry, RouteEntry};

impl Building<'_> {
    /// The route; none when it is not clear what it does.
    pub(super) fn route(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<Route> {
        let action = self.action(entry, place)?;
        self.misplaced(entry, &action, place);
        Some(Route {
            name: place.name.as_str().into(),
            addresses: self.addresses(entry, place),
            basic: self.basic(entry, place),
            cors: self.cors(entry, place),
            limits: self.limits(entry, place),
            request_headers: self.header_rules(&entry.headers.request, place, "request"),
            answer_headers: self.header_rules(&entry.headers.response, place, "response"),
            compression: self.compression(entry),
            is_logged: entry.log.unwrap_or(true),
            action,
        })
    }

    fn action(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<Action> {
        let written: Vec<&str> = [
            ("proxy", entry.proxy.is_some()),
            ("static", entry.files.is_some()),
            ("redirect", entry.redirect.is_some()),
            ("respond", entry.respond.is_some()),
            ("ai", entry.ai.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_there)| is_there.then_some(name))
        .collect();
        match written.as_slice() {
            ["proxy"] => self.proxy(entry, place).map(|proxy| Action::Proxy(Box::new(proxy))),
            ["static"] => self.files(entry, place).map(Action::Files),
            ["redirect"] => self.redirect(entry, place),
            ["respond"] => self.respond(entry, place),
            [_ai] => self.ai(entry, place),
            [] => {
                let words = "a route must say what it does: `proxy`, `static`, `redirect`, `respond` or `ai`";
                self.wrong(place, &[], words);
                None
            }
            [first, second, ..] => {
                let words = format!("a route does one thing; this one has `{first}` and `{second}`");
                self.wrong(place, &[second], words);
                None
            }
        }
    }

    /// Settings that mean nothing for what the route does.
    fn misplaced(&mut self, entry: &RouteEntry, action: &Action, place: &RoutePlace) {
        let is_files = matches!(action, Action::Files(_));
        let is_proxy = matches!(action, Action::Proxy(_));
        let is_passed = is_proxy || matches!(action, Action::Ai(_));
        let settings = [
            ("fallback", entry.fallback.is_some(), is_files, "static"),
            ("expires", entry.expires.is_some(), is_files, "static"),
            ("immutable", entry.immutable, is_files, "static"),
            ("index", entry.index.is_some(), is_files, "static"),
            ("precompressed", entry.precompressed.is_some(), is_files, "static"),
            ("strip", entry.strip.is_some(), is_passed, "proxy"),
            ("rewrite", entry.rewrite.is_some(), is_passed, "proxy"),
            ("retry_on", entry.retry_on.is_some(), is_proxy, "proxy"),
            ("buffering", entry.buffering.is_some(), is_proxy, "proxy"),
            ("body_limit", entry.body_limit.is_some(), is_proxy, "proxy"),
            ("cache", entry.cache.is_some(), is_proxy, "proxy"),
            ("send_host", entry.send_host.is_some(), is_proxy, "proxy"),
        ];
        for (name, is_written, fits, whose) in settings {
            if is_written && !fits {
                self.wrong(place, &[name], format!("`{name}` belongs to routes with `{whose}`"));
            }
        }
    }

    fn proxy(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<Proxy> {
        let written = entry.proxy.as_deref()?;
        let upstream = self.upstream(written, entry, place)?;
        let usual = Times::default();
        let or =
            |own: Option<crate::config::written::Period>, other: Duration| own.map_or(other, |own| own.0);
        let is_secure = upstream.members().iter().any(|member| member.server.address.starts_with("https"));
        let (collects_request, reads_ahead) = self.buffering(entry, place);
        let body_limit = entry.body_limit.unwrap_or(self.loaded.config.sizes.request_body);
        Some(Proxy {
            change: self.change(entry, place),
            host: self.host_sent(entry, is_secure, place),
            body_limit: body_limit.0,
            times: Times {
                connect: or(entry.time_limits.connect, usual.connect),
                answer: or(entry.time_limits.first_byte, usual.answer),
                idle: or(entry.time_limits.idle, usual.idle),
            },
            next: self.next_upstream(entry, place),
            collects_request,
            reads_ahead,
            writes_forwarded: entry.forwarded,
            cache: self.cache(entry, place),
            upstream,
        })
    }

    fn upstream(&mut self, written: &str, entry: &RouteEntry, place: &RoutePlace) -> Option<Arc<Upstream>> {
        if let Some(upstream) = self.upstreams.get(written) {
            return Some(upstream.clone());
        }
        if !written.contains("://") {
            let names: Vec<String> = self.upstreams.keys().cloned().collect();
            let near = nearest(written, names.iter().map(String::as_str));
            let path = ["routes", place.number.as_str(), "proxy"];
            let problem = self.problem(format!("`{written}` is neither a URL nor one of `upstreams`"), &path);
            let problem = match near {
                Some(_) => problem.did_you_mean(near),
                None => problem.help("write `http://host:port`, or name servers in `upstreams`"),
            };
            self.problems.push(problem);
            return None;
        }
        self.warn_of_slash(written, entry, place);
        self.single(written, place)
    }

    /// nginx replaces what the location matched when the URL ends with a slash; here that is said with `strip`.
    fn warn_of_slash(&mut self, written: &str, entry: &RouteEntry, place: &RoutePlace) {
        let ends_with_slash = written.splitn(4, '/').nth(3) == Some("");
        let paths = entry.path.iter().chain(&entry.matches.path).flat_map(|words| words.all());
        let prefix = paths.into_iter().find(|path| path.len() > 1 && path.ends_with('/'));
        let Some(prefix) = prefix.filter(|_| ends_with_slash && entry.strip.is_none()) else { return };
        let shown = prefix.trim_end_matches('/');
        let tree = &self.loaded.tree;
        let problem = Problem::warning(
            "the slash at the end changes nothing: the server gets the whole path",
            tree.place_of(&["routes", &place.number, "proxy"]),
        );
        self.problems.push(problem.help(format!("to take the prefix off, say `strip: {shown}`")));
    }

    fn host_sent(&mut self, entry: &RouteEntry, is_secure: bool, place: &RoutePlace) -> HostSent {
        match entry.send_host.as_deref() {
            Some("client") => HostSent::Client,
            Some("upstream") => HostSent::Server,
            None if is_secure => HostSent::Server,
            None => HostSent::Client,
            Some(fixed) => match HeaderValue::from_str(fixed) {
                Ok(host) if !fixed.is_empty() => HostSent::Fixed(host),
                _ => {
                    self.wrong(place, &["send_host"], "say `client`, `upstream`, or a host");
                    HostSent::Client
                }
            },
        }
    }

    fn next_upstream(&mut self, entry: &RouteEntry, place: &RoutePlace) -> NextUpstream {
        let Some(words) = &entry.retry_on else { return NextUpstream::default() };
        NextUpstream::from_words(words.iter().map(String::as_str)).unwrap_or_else(|wrong| {
            self.wrong(place, &["retry_on"], wrong);
            NextUpstream::default()
        })
    }

    fn change(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Change {
        if let Some(strip) = entry.strip.as_deref().filter(|strip| !strip.starts_with('/')) {
            self.wrong(place, &["strip"], format!("`{strip}` is no path; it must begin with `/`"));
        }
        let rewrite = entry.rewrite.as_ref().and_then(|written| {
            let regex = self.regex(&written.from, place, &["rewrite", "from"])?;
            let to = self.read::<Replacement>(&written.to, place, &["rewrite", "to"])?;
            Some(Rewrite::Regex(regex, to))
        });
        Change { strip: entry.strip.clone(), rewrite: rewrite.unwrap_or_default() }
    }

    fn files(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<Files> {
        let root = self.path(entry.files.as_deref()?);
        if !root.exists() {
            let words = format!("there is nothing at {}", root.display());
            let place = self.loaded.tree.place_of(&["routes", &place.number, "static"]);
            // A front end may be built later.
            self.problems.push(Problem::warning(words, place));
        }
        let expires = entry.expires.as_deref().and_then(|text| {
            let read = age(text);
            if read.is_none() {
                let words = format!("`{text}` is no age; write `1h`, `30d` or `1y`");
                self.wrong(place, &["expires"], words);
            }
            read
        });
        Some(Files {
            root,
            index: entry.index.clone().unwrap_or_else(|| "index.html".to_owned()),
            fallback: entry.fallback.clone(),
            expires,
            is_immutable: entry.immutable,
            precompressed: entry.precompressed.unwrap_or(true),
            recent: Default::default(),
        })
    }

    fn redirect(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<Action> {
        let (to, status) = match entry.redirect.as_ref()? {
            RedirectEntry::To(to) => (to, 302),
            RedirectEntry::Terms(terms) => (&terms.to, terms.status),
        };
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            let words = format!("{status} does not redirect; take 301, 302, 303, 307 or 308");
            self.wrong(place, &["redirect", "status"], words);
        }
        let to = self.template(to, place, &["redirect"], Moment::Request)?;
        Some(Action::Redirect { to, status: StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND) })
    }

    fn respond(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<Action> {
        let written = entry.respond.as_ref()?;
        let Ok(content_type) = HeaderValue::from_str(&written.content_type) else {
            self.wrong(place, &["respond", "content_type"], "this cannot stand in a header");
            return None;
        };
        Some(Action::Respond {
            status: StatusCode::from_u16(written.status).unwrap_or_default(),
            content_type,
            body: written.body.clone().into(),
        })
    }

    fn ai(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<Action> {
        match entry.ai.as_ref()? {
            AiEntry::Own(true) => Some(Action::Ai(AiPath::Own(self.change(entry, place)))),
            AiEntry::Own(false) => {
                self.wrong(place, &["ai"], "a route that does nothing is left out");
                None
            }
            AiEntry::Endpoint(word) => Some(Action::Ai(AiPath::As(word.path()))),
        }
    }
}

/// An age such as `1h`, `30d` or `1y`, as nginx writes them.
pub(super) fn age(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}
