//! The door itself: paths and what answers them.

use std::fmt::Write;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{self, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use serde::Serialize;
use tidegate_net::{Answering, Handler, Incoming, Peer};
use tidegate_proxy::Gateway;
use tokio::net::TcpListener;
use tower_service::Service;

use crate::answer;
use crate::api::problem::{Kind, Problem};
use crate::api::{self, Api, access};
use crate::books::Books;
use crate::config_state::ConfigState;

/// What this build is.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    /// `tidegate`.
    pub name: &'static str,
    /// The version, such as `0.1.0`.
    pub version: &'static str,
    /// The version of the built-in price list: the day on which it was read.
    pub prices: String,
}

/// What the door shows.
#[derive(Clone, Debug)]
pub struct Door {
    /// The data plane.
    pub gateway: Arc<Gateway>,
    /// What became of the last reload.
    pub config: Arc<ConfigState>,
    /// What this build is.
    pub version: Version,
    /// What the admin API works on. `None`: there is no admin API.
    pub books: Option<Books>,
}

/// All paths of the door.
pub fn router(door: Door) -> Router {
    let api = Api::of(&door);
    let paths = api.as_ref().map(api::router).unwrap_or_default();
    Router::new()
        .route("/health", get(health))
        .route("/livez", get(health))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .with_state(door)
        .merge(paths)
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        // In front of everything, so that an unknown path tells a stranger no more than a known one.
        .layer(middleware::from_fn_with_state(api, access::guard))
}

/// Serves the door until `stop` is over.
///
/// # Errors
/// What the listener says when it can accept no more.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = router(door).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}

/// Answers the door's requests, for a server that can do more than [`serve`]: TLS, and sockets that are handed over.
#[derive(Clone, Debug)]
pub struct Operators {
    router: Router,
}

impl Operators {
    /// What that door shows.
    pub fn new(door: Door) -> Self {
        Self { router: router(door) }
    }
}

impl Handler for Operators {
    type Body = Body;

    fn handle(self: Arc<Self>, request: http::Request<Incoming>, peer: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer.address));
            // A router is never busy and has no errors.
            self.router.clone().call(request).await.unwrap_or_else(|never| match never {})
        })
    }
}

async fn health() -> Response {
    answer::status(true, "ok")
}

async fn ready(State(door): State<Door>, RawQuery(query): RawQuery) -> Response {
    let trouble = door.gateway.unready();
    let (good, word) = (trouble.is_none(), trouble.unwrap_or("ok"));
    let verbose = query.is_some_and(|query| query.split('&').any(|part| part.starts_with("verbose")));
    if !verbose {
        return answer::status(good, word);
    }
    let mut lines = format!("[{}]gateway {word}\n", if good { '+' } else { '-' });
    // A refused reload is no reason to take the instance out: it goes on with what was good.
    let _ = match door.config.problem() {
        None => writeln!(lines, "[+]config in use"),
        Some(problem) => writeln!(lines, "[!]config refused, the one before is in use: {problem}"),
    };
    answer::checks(good, lines)
}

async fn metrics(State(door): State<Door>) -> Response {
    let mut text = door.gateway.meters().render();
    // The end mark comes last.
    let end = text.rfind("# EOF").unwrap_or(text.len());
    text.truncate(end);
    door.config.render(&mut text);
    door.gateway.desk().render(&mut text);
    let _ = write!(
        text,
        "# HELP tidegate_build What this build is.\n# TYPE tidegate_build info\n\
         tidegate_build_info{{version=\"{}\"}} 1\n# EOF\n",
        door.version.version
    );
    answer::metrics(text)
}

async fn version(State(door): State<Door>) -> Response {
    axum::Json(door.version).into_response()
}

async fn unknown_path(uri: Uri) -> Response {
    if is_admin(&uri) {
        return Problem::new(Kind::NotFound, "GET /admin/v1/openapi.json lists the paths").answer();
    }
    let title =
        "Nothing is here; the paths are /health, /ready, /livez, /readyz, /metrics, /version and /admin/v1";
    answer::problem(StatusCode::NOT_FOUND, title, &uri)
}

async fn unknown_method(uri: Uri) -> Response {
    if is_admin(&uri) {
        return Problem::new(Kind::Method, "`allow` names them").answer();
    }
    answer::problem(StatusCode::METHOD_NOT_ALLOWED, "This path takes GET", &uri)
}

fn is_admin(uri: &Uri) -> bool {
    uri.path().starts_with("/admin/")
}
