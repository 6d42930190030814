//! How long an answer is fresh, and how old it is (RFC 9111, sections 4.2.1 to 4.2.3).

use http::header::{AGE, DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::{Deserialize, Serialize};

use super::CacheRules;
use super::control::{Control, seconds};
use super::storing::is_heuristic;
use crate::edge::http_date;

/// What is kept with a stored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// Seconds for which it is fresh.
    pub lifetime: i64,
    /// How old it was when it came.
    pub initial_age: i64,
    /// When it came.
    pub answered_at: i64,
    /// `no-cache`: never used without asking.
    pub asks_always: bool,
    /// `must-revalidate` and the like: never used stale.
    pub asks_when_stale: bool,
    /// Seconds beyond its lifetime in which it may be used while it is renewed.
    pub while_revalidating: i64,
    /// Seconds beyond its lifetime in which it may be used when the upstream fails.
    pub if_error: i64,
}

impl Freshness {
    /// Weighs an answer that was asked for and came at these times.
    pub fn of(
        rules: &CacheRules,
        status: StatusCode,
        headers: &HeaderMap,
        asked_at: i64,
        answered_at: i64,
    ) -> Self {
        let (control, is_targeted) = Control::of_answer(headers, rules);
        let date = date(headers, DATE).unwrap_or(answered_at);
        let said = explicit_lifetime(&control, headers, is_targeted, date);
        let lifetime = said.unwrap_or_else(|| heuristic_lifetime(rules, status, &control, headers, date));
        let (apparent_age, delay) = ((answered_at - date).max(0), (answered_at - asked_at).max(0));
        // An age that cannot be read may be any: nothing is fresh then.
        let told_age = told_age(headers).unwrap_or(i64::from(u32::MAX));
        Self {
            lifetime,
            initial_age: apparent_age.max(told_age.saturating_add(delay)),
            answered_at,
            asks_always: control.no_cache,
            // `s-maxage` says `proxy-revalidate`, too (section 5.2.2.10).
            asks_when_stale: control.must_revalidate
                || control.proxy_revalidate
                || control.s_maxage.is_some(),
            while_revalidating: control.stale_while_revalidate.unwrap_or(rules.stale_while_revalidate),
            if_error: control.stale_if_error.unwrap_or(rules.stale_if_error),
        }
    }

    /// How old it is: the value of `Age`.
    pub fn age(&self, now: i64) -> i64 {
        self.initial_age.saturating_add((now - self.answered_at).max(0))
    }

    /// Seconds for which it is still fresh; below zero: for how long it has not been.
    pub fn left(&self, now: i64) -> i64 {
        self.lifetime.saturating_sub(self.age(now))
    }
}

/// What the answer says itself.
pub(super) fn explicit_lifetime(
    control: &Control,
    headers: &HeaderMap,
    is_targeted: bool,
    date: i64,
) -> Option<i64> {
    control.s_maxage.or(control.max_age).or_else(|| {
        if is_targeted || !headers.contains_key(EXPIRES) {
            return None;
        }
        // One that cannot be read has passed (section 5.3), and so has one of two that differ.
        let mut values = headers.get_all(EXPIRES).iter();
        let first = values.next()?;
        let is_one = values.all(|other| other == first);
        let expires = first.to_str().ok().filter(|_| is_one).and_then(http_date::parse);
        Some(expires.map_or(0, |expires| (expires - date).max(0)))
    })
}

fn heuristic_lifetime(
    rules: &CacheRules,
    status: StatusCode,
    control: &Control,
    headers: &HeaderMap,
    date: i64,
) -> i64 {
    if !is_heuristic(status) && !control.public {
        return 0;
    }
    if rules.default_lifetime > 0 && matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308) {
        return rules.default_lifetime;
    }
    let since = self::date(headers, LAST_MODIFIED).map_or(0, |modified| (date - modified).max(0));
    (since.saturating_mul(i64::from(rules.heuristic_percent)) / 100).clamp(0, rules.heuristic_most.max(0))
}

pub(super) fn date(headers: &HeaderMap, name: HeaderName) -> Option<i64> {
    http_date::parse(headers.get(name)?.to_str().ok()?)
}

/// The first number of a list counts (section 5.1); of two lines nobody knows which one is ours.
fn told_age(headers: &HeaderMap) -> Option<i64> {
    let mut values = headers.get_all(AGE).iter();
    let Some(value) = values.next() else { return Some(0) };
    if values.next().is_some() {
        return None;
    }
    let first = value.to_str().ok()?.split(',').next()?.trim();
    seconds(first).filter(|_| !first.starts_with('"'))
}
