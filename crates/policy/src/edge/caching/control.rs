//! `Cache-Control` (RFC 9111, section 5.2) and `CDN-Cache-Control` (RFC 9213), read.

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};

use super::CacheRules;
use crate::edge::headers::elements;

/// Larger numbers of seconds are as good as this one (RFC 9111, section 1.2.2).
const MOST: i64 = 1 << 31;
const CDN: HeaderName = HeaderName::from_static("cdn-cache-control");

/// Directives of a request or an answer. Seconds that cannot be read are 0; of two that differ the smaller one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// `no-store`.
    pub no_store: bool,
    /// `no-cache` without fields.
    pub no_cache: bool,
    /// `private` without fields.
    pub private: bool,
    /// `public`.
    pub public: bool,
    /// `must-revalidate`.
    pub must_revalidate: bool,
    /// `proxy-revalidate`.
    pub proxy_revalidate: bool,
    /// `must-understand`.
    pub must_understand: bool,
    /// `only-if-cached`.
    pub only_if_cached: bool,
    /// `max-age`.
    pub max_age: Option<i64>,
    /// `s-maxage`.
    pub s_maxage: Option<i64>,
    /// `min-fresh`.
    pub min_fresh: Option<i64>,
    /// `max-stale`; without a value: any staleness.
    pub max_stale: Option<i64>,
    /// `stale-while-revalidate` (RFC 5861).
    pub stale_while_revalidate: Option<i64>,
    /// `stale-if-error` (RFC 5861).
    pub stale_if_error: Option<i64>,
    /// Headers that `no-cache` and `private` name: they are not stored.
    pub withheld: Vec<HeaderName>,
}

impl Control {
    /// A request's. `Pragma: no-cache` counts where there is no `Cache-Control`.
    pub fn of_request(headers: &HeaderMap) -> Self {
        if headers.contains_key(CACHE_CONTROL) {
            return Self::read(elements(headers, CACHE_CONTROL));
        }
        let no_cache = elements(headers, PRAGMA).any(|directive| directive.eq_ignore_ascii_case("no-cache"));
        Self { no_cache, ..Self::default() }
    }

    /// An answer's, and whether it is the targeted one, which makes `Expires` void.
    pub fn of_answer(headers: &HeaderMap, rules: &CacheRules) -> (Self, bool) {
        if rules.targeted && headers.contains_key(CDN) && elements(headers, CDN).all(is_dictionary_member) {
            return (Self::read(elements(headers, CDN)), true);
        }
        (Self::read(elements(headers, CACHE_CONTROL)), false)
    }

    fn read<'a>(directives: impl Iterator<Item = &'a str>) -> Self {
        let mut control = Self::default();
        for directive in directives {
            let (name, value) =
                directive.split_once('=').map_or((directive, None), |(name, value)| (name, Some(value)));
            control.add(&name.to_ascii_lowercase(), value);
        }
        control
    }

    fn add(&mut self, name: &str, value: Option<&str>) {
        let number = match name {
            "max-age" => &mut self.max_age,
            "s-maxage" => &mut self.s_maxage,
            "min-fresh" => &mut self.min_fresh,
            "max-stale" => &mut self.max_stale,
            "stale-while-revalidate" => &mut self.stale_while_revalidate,
            "stale-if-error" => &mut self.stale_if_error,
            _ => return self.add_flag(name, value),
        };
        let read = match value {
            None if name == "max-stale" => MOST,
            value => seconds(value.unwrap_or_default()).unwrap_or(0),
        };
        *number = Some(number.map_or(read, |known| known.min(read)));
    }

    fn add_flag(&mut self, name: &str, value: Option<&str>) {
        match name {
            "no-store" => self.no_store = true,
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            "only-if-cached" => self.only_if_cached = true,
            "no-cache" | "private" => {
                let names = value.map(|value| value.trim_matches('"').split(',').map(str::trim));
                let names: Option<Vec<HeaderName>> = names.map(|names| {
                    names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect()
                });
                match names.filter(|names| !names.is_empty()) {
                    Some(names) => self.withheld.extend(names),
                    None if name == "private" => self.private = true,
                    None => self.no_cache = true,
                }
            }
            _ => {}
        }
    }
}

/// A number of seconds, bare or quoted.
pub(super) fn seconds(value: &str) -> Option<i64> {
    let bare = value.strip_prefix('"').and_then(|inside| inside.strip_suffix('"')).unwrap_or(value);
    let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| bare.parse::<i64>().map_or(MOST, |seconds| seconds.min(MOST)))
}

/// Whether it may be a member of a dictionary (RFC 9651): one that is not makes the whole header void.
fn is_dictionary_member(member: &str) -> bool {
    let (key, value) = member.split_once('=').map_or((member, None), |(key, value)| (key, Some(value)));
    let is_key = key.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
        && key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*;?".contains(&byte));
    let is_value = value.is_none_or(|value| {
        !value.is_empty()
            && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
            && !value.contains('\'')
    });
    is_key && is_value
}
