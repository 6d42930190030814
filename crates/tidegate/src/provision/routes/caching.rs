//! What a route keeps of its servers' answers.

use std::time::Duration;

use tidegate_policy::edge::caching::CacheRules;
use tidegate_policy::edge::variables::Template;
use tidegate_proxy::edge::cache::{CacheBounds, CacheMeters, KeyParts, RouteCache};

use super::{Building, RoutePlace};
use crate::config::written::{CacheEntry, CacheKeyWord, CacheTerms, Period, RouteEntry};

/// The longest body that is kept, unless the route says otherwise, in bytes.
const MAX_OBJECT: u64 = 8 << 20;
/// nginx's `proxy_cache_lock_timeout`.
const WAIT: Duration = Duration::from_secs(5);

impl Building<'_> {
    /// How much all routes keep.
    pub(super) fn cache_bounds(&self) -> CacheBounds {
        let written = &self.loaded.config.http_cache;
        let disk = written.dir.as_deref().map(|dir| (self.path(dir), written.disk.0));
        CacheBounds { memory: written.memory.0, disk }
    }

    /// What is kept; none where the route does not say so.
    pub(super) fn cache(&mut self, entry: &RouteEntry, place: &RoutePlace) -> Option<RouteCache> {
        let usual = CacheTerms::default();
        let terms = match entry.cache.as_ref()? {
            CacheEntry::Flag(false) => return None,
            CacheEntry::Flag(true) => &usual,
            CacheEntry::Terms(terms) => terms,
        };
        let memory = self.loaded.config.http_cache.memory.0;
        if let Some(size) = terms.max_object.filter(|size| size.0 > memory) {
            let words = format!("{} bytes can never be kept in `http_cache.memory`, {memory} bytes", size.0);
            self.wrong(place, &["cache", "max_object"], words);
        }
        let bypass = terms.bypass.iter().enumerate().filter_map(|(number, text)| {
            self.read::<Template>(text, place, &["cache", "bypass", &number.to_string()])
        });
        Some(RouteCache {
            bypass: bypass.collect(),
            store: self.lasting.cache.clone(),
            rules: rules(terms),
            scope: scope(entry),
            key: key_parts(terms.key_parts.as_deref()),
            max_object: terms.max_object.map_or(MAX_OBJECT, |size| size.0).min(memory),
            wait: terms.wait.map_or(WAIT, |wait| wait.0),
            tells_status: terms.status_header,
            meters: CacheMeters::new(&self.lasting.meters, &place.name),
        })
    }
}

fn rules(terms: &CacheTerms) -> CacheRules {
    let usual = CacheRules::default();
    let seconds = |period: Option<Period>, usual: i64| {
        period.map_or(usual, |period| i64::try_from(period.0.as_secs()).unwrap_or(i64::MAX))
    };
    CacheRules {
        obeys_clients: !terms.ignore_client,
        stores_cookies: terms.store_cookies,
        default_lifetime: seconds(terms.default_ttl, usual.default_lifetime),
        heuristic_percent: if terms.heuristic { usual.heuristic_percent } else { 0 },
        stale_while_revalidate: seconds(terms.stale_while_revalidate, usual.stale_while_revalidate),
        stale_if_error: seconds(terms.stale_if_error, usual.stale_if_error),
        ..usual
    }
}

fn key_parts(words: Option<&[CacheKeyWord]>) -> KeyParts {
    let Some(words) = words else { return KeyParts::default() };
    KeyParts {
        scheme: words.contains(&CacheKeyWord::Scheme),
        host: words.contains(&CacheKeyWord::Host),
        query: words.contains(&CacheKeyWord::Query),
    }
}

/// What says which answers a route's requests get, so that routes which lead elsewhere never share answers, not even across a reload.
fn scope(entry: &RouteEntry) -> Box<str> {
    let parts = (
        (&entry.path, &entry.host, &entry.matches),
        (&entry.proxy, &entry.send_host, &entry.strip, &entry.rewrite),
        &entry.headers.request,
    );
    // Settings can always be written as JSON.
    let text = serde_json::to_vec(&parts).unwrap_or_default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
    digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
