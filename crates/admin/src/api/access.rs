//! Who may use the admin API: one layer in front of every path under `/admin`, the unknown ones too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, Response};
use axum::middleware::Next;

use super::Api;
use super::guesses::Verdict;
use super::problem::{Kind, Problem};

/// The header that holds a bare admin key.
pub(crate) const HEADER: &str = "x-admin-key";
/// What callers' keys begin with. None of them is ever compared with the admin key, so that one is no guess either.
const CALLERS: &str = "tg-";

/// Somebody who has shown the admin key. Only this file makes one, and every operation needs one.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// What `audit` says of him: `admin@127.0.0.1`.
    pub(crate) name: String,
}

/// Lets nobody without the admin key come to a path under `/admin`.
pub(crate) async fn guard(
    State(api): State<Option<Arc<Api>>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let path = request.uri().path();
    if path != "/admin" && !path.starts_with("/admin/") {
        return next.run(request).await;
    }
    let from = peer(&request);
    let mut answer = match admit(api.as_deref(), request.headers(), from) {
        Ok(admin) => {
            request.extensions_mut().insert(admin);
            next.run(request).await
        }
        Err(problem) => problem.answer(),
    };
    let headers = answer.headers_mut();
    // Answers hold new keys and what is nobody else's business.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip().to_canonical())
}

fn admit(api: Option<&Api>, headers: &HeaderMap, from: IpAddr) -> Result<Admin, Problem> {
    let Some(api) = api else {
        return Err(Problem::new(Kind::NotFound, "the admin API is off: it needs a store"));
    };
    let Some(key) = presented(headers) else {
        let detail = format!("show it as `authorization: Bearer tga-…` or in `{HEADER}`");
        return Err(Problem::new(Kind::NoKey, detail));
    };
    if key.starts_with(CALLERS) {
        return Err(Problem::new(Kind::CallersKey, "the admin API needs the admin key, `tga-…`"));
    }
    match api.guesses.judge(key, from, Instant::now(), |key| api.books.admin_key.is_admin(key)) {
        Verdict::Right => Ok(Admin { name: format!("admin@{from}") }),
        Verdict::Wrong => Err(Problem::new(Kind::WrongKey, "show the admin key, `tga-…`")),
        Verdict::SlowDown(seconds) => {
            let detail = format!("nobody looks at further keys for {seconds} s");
            Err(Problem::new(Kind::TooManyWrongKeys, detail).after(seconds))
        }
    }
}

/// The key that a request shows. One that is no text is shown as an empty one, which nobody has.
fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let text = value.to_str().unwrap_or_default();
        let (scheme, key) = text.split_once(' ').unwrap_or(("", text));
        return Some(if scheme.eq_ignore_ascii_case("bearer") { key.trim() } else { "" });
    }
    Some(headers.get(HEADER)?.to_str().unwrap_or_default())
}
