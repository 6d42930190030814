//! Who may ask for what: keys and teams, and the questions that are put to them.

use std::net::IpAddr;
use std::sync::Arc;

use crate::limit::Rule;
use crate::overload::Class;

/// A team: what its keys share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Team {
    /// `team_…`, or the name of a team from the config.
    pub id: Arc<str>,
    /// Its name.
    pub name: String,
    /// Off: none of its keys works.
    pub enabled: bool,
    /// Models that its keys may ask for, as patterns with `*`; empty: all.
    pub models: Vec<String>,
    /// Limits that its keys share (scope team) or that each of them has (scope key, user, …).
    pub limits: Vec<Arc<Rule>>,
}

/// A caller's key, without the secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// `key_…`, or the name of a key from the config.
    pub id: Arc<str>,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub team: Option<Arc<Team>>,
    /// Words to add usage up by.
    pub tags: Vec<String>,
    /// Models that it may ask for, as patterns with `*`; empty: all.
    pub models: Vec<String>,
    /// Routes, or endpoints by their word (`chat_completions`), as patterns; empty: all.
    pub routes: Vec<String>,
    /// Networks that it may be used from (`10.0.0.0/8`); empty: all.
    pub networks: Vec<Network>,
    /// Unix seconds from which on it no longer works.
    pub expires: Option<i64>,
    /// Off: it does not work.
    pub enabled: bool,
    /// Refuses what cannot be carried over to a provider's dialect.
    pub strict: bool,
    /// How much its requests matter when there is not room for all.
    pub priority: Class,
    /// Whether it may choose how its requests are balanced, request by request.
    pub overrides: bool,
    /// Its own limits.
    pub limits: Vec<Arc<Rule>>,
}

/// Why a key that is known is of no use for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Switched off, or its team is.
    Disabled,
    /// Its time is over.
    Expired,
    /// Not from this address.
    Network,
    /// Not for this model.
    Model,
    /// Not for this route.
    Route,
}

impl Key {
    /// Whether it may be used now, from there, on that route.
    pub fn admits(&self, now: i64, from: IpAddr, route: &str) -> Result<(), Refusal> {
        if !self.enabled || self.team.as_ref().is_some_and(|team| !team.enabled) {
            return Err(Refusal::Disabled);
        }
        if self.expires.is_some_and(|end| now >= end) {
            return Err(Refusal::Expired);
        }
        if !self.networks.is_empty() && !self.networks.iter().any(|network| network.contains(from)) {
            return Err(Refusal::Network);
        }
        if !is_listed(&self.routes, route) {
            return Err(Refusal::Route);
        }
        Ok(())
    }

    /// Whether it may ask for any of a model's names: as the caller wrote it, and as `provider/model`.
    pub fn allows_model(&self, names: &[&str]) -> bool {
        let lists = [Some(&self.models), self.team.as_ref().map(|team| &team.models)];
        lists.into_iter().flatten().all(|list| names.iter().any(|name| is_listed(list, name)))
    }
}

fn is_listed(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, name))
}

/// Whether `name` fits `pattern`, in which each `*` stands for any text.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    true
}

/// An address with a number of leading bits that count (`10.0.0.0/8`, `2001:db8::/32`); without them a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether the address belongs to it. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(mine), IpAddr::V4(theirs)) => {
                same_bits(mine.to_bits().into(), theirs.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(mine), IpAddr::V6(theirs)) => {
                same_bits(mine.to_bits(), theirs.to_bits(), 128, self.bits)
            }
            _ => false,
        }
    }
}

fn same_bits(a: u128, b: u128, width: u8, bits: u8) -> bool {
    bits == 0 || (a ^ b) >> (width - bits) == 0
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("`{text}` is no network; write `10.0.0.0/8` or an address"))?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= width)
                .ok_or_else(|| format!("`{text}`: the part behind `/` must be a number up to {width}"))?,
        };
        Ok(Self { address, bits })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { enabled: true, ..Key::default() }
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3));

    #[test]
    fn patterns_fit_where_the_star_stands_for_any_text() {
        for (pattern, name, fits) in [
            ("gpt-4.1", "gpt-4.1", true),
            ("gpt-4.1", "gpt-4.1-mini", false),
            ("openai/*", "openai/gpt-4.1", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_key_works_only_in_its_time_and_from_its_networks() {
        let expiring = Key { expires: Some(100), ..key() };
        assert_eq!(expiring.admits(99, HERE, "r"), Ok(()));
        assert_eq!(expiring.admits(100, HERE, "r"), Err(Refusal::Expired));
        let inside = Key { networks: vec!["10.0.0.0/8".parse().unwrap()], ..key() };
        assert_eq!(inside.admits(0, HERE, "r"), Ok(()));
        assert_eq!(inside.admits(0, "::ffff:10.0.0.1".parse().unwrap(), "r"), Ok(()));
        assert_eq!(inside.admits(0, "11.0.0.1".parse().unwrap(), "r"), Err(Refusal::Network));
        assert_eq!(inside.admits(0, "::1".parse().unwrap(), "r"), Err(Refusal::Network));
        let routed = Key { routes: vec!["chat_*".to_owned()], ..key() };
        assert_eq!(routed.admits(0, HERE, "embeddings"), Err(Refusal::Route));
        assert_eq!(Key::default().admits(0, HERE, "r"), Err(Refusal::Disabled));
        let orphan = Key { team: Some(Arc::default()), ..key() };
        assert_eq!(orphan.admits(0, HERE, "r"), Err(Refusal::Disabled));
    }

    #[test]
    fn key_and_team_must_both_allow_a_model() {
        let team = Team { enabled: true, models: vec!["openai/*".into()], ..Team::default() };
        let key =
            Key { models: vec!["smart".into(), "openai/gpt-4.1".into()], team: Some(team.into()), ..key() };
        assert!(key.allows_model(&["gpt-4.1", "openai/gpt-4.1"]));
        assert!(!key.allows_model(&["smart"]));
        assert!(!key.allows_model(&["openai/o3"]));
    }

    #[test]
    fn networks_are_read_and_refused() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32"] {
            assert!(good.parse::<Network>().is_ok(), "{good}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "x/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
