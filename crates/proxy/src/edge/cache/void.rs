//! What a write makes void (RFC 9111, section 4.4).

use http::{HeaderMap, Method, StatusCode};
use tidegate_policy::edge::caching::invalidated;
use tidegate_policy::edge::route::{Asking, Found};

use crate::edge::Site;
use crate::edge::visit::{Visit, with_query};

/// Forgets what a request that was not only reading has changed, as its answer tells; whichever route a reader would take.
pub fn forget_written(site: &Site, visit: &Visit, status: StatusCode, answer: &HeaderMap) {
    if site.cache.memory == 0 || visit.head.method.is_safe() {
        return;
    }
    let target = with_query(&visit.path, visit.head.uri.query());
    let origin = (visit.scheme(), visit.written_host().unwrap_or_default());
    for changed in invalidated(&visit.head.method, status, answer, &target, origin) {
        forget(site, visit, &changed);
    }
}

fn forget(site: &Site, visit: &Visit, changed: &str) {
    let (path, query) = changed.split_once('?').map_or((changed, None), |(path, query)| (path, Some(query)));
    let reading = Asking {
        host: visit.host().unwrap_or_default(),
        path,
        method: &Method::GET,
        headers: &visit.head.headers,
        query: query.unwrap_or_default(),
    };
    let Found::Route(place, _) = site.table.find(reading) else { return };
    if let Some(cache) = site.routes[place].cache() {
        cache.store.forget(&cache.key_of(visit, path, query));
    }
}
