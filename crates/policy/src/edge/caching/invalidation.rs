//! What a write makes void (RFC 9111, section 4.4).

use http::header::{CONTENT_LOCATION, HeaderName, LOCATION};
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::edge::path::{PathRules, normalise};

/// Paths with queries, of the request's own host, whose stored answers must not be used any more. `target` is the request's path and
/// query; `host` is its authority as it was written, `scheme` its scheme.
pub fn invalidated(
    method: &Method,
    status: StatusCode,
    answer: &HeaderMap,
    target: &str,
    origin: (&str, &str),
) -> Vec<String> {
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    if is_safe || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let mut all = vec![target.to_owned()];
    for name in [LOCATION, CONTENT_LOCATION] {
        if let Some(path) = same_origin(answer, &name, target, origin)
            && !all.contains(&path)
        {
            all.push(path);
        }
    }
    all
}

/// Others' answers are not void because somebody says so.
fn same_origin(answer: &HeaderMap, name: &HeaderName, target: &str, origin: (&str, &str)) -> Option<String> {
    let text = answer.get(name)?.to_str().ok()?;
    let (scheme, host) = origin;
    let absolute = text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    let path = match absolute {
        Some(rest) => {
            let (its, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            if !its.eq_ignore_ascii_case(host) {
                return None;
            }
            if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
        }
        None if text.starts_with("//") || text.parse::<Uri>().is_ok_and(|uri| uri.scheme().is_some()) => {
            return None;
        }
        None if text.starts_with('/') => text.to_owned(),
        None => {
            let base = target.split('?').next().unwrap_or_default();
            format!("{}/{text}", base.rsplit_once('/').map_or("", |(parent, _)| parent))
        }
    };
    let path = path.split('#').next().unwrap_or_default();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let path = normalise(path, PathRules::default()).ok()?;
    Some(query.map_or_else(|| path.to_string(), |query| format!("{path}?{query}")))
}
