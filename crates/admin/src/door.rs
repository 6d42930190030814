//! The door itself: paths and what answers them.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use tidegate_proxy::Gateway;
use tokio::net::TcpListener;

use crate::answer;
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
}

/// All paths of the door.
pub fn router(door: Door) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/livez", get(health))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(door)
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
    axum::serve(listener, router(door)).with_graceful_shutdown(stop).await
}

async fn health() -> Response {
    answer::status(true, "ok")
}

async fn ready(State(door): State<Door>, RawQuery(query): RawQuery) -> Response {
    let good = door.gateway.ready();
    let word = if good { "ok" } else { "draining" };
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
    let title = "Nothing is here; the paths are /health, /ready, /livez, /readyz, /metrics and /version";
    answer::problem(StatusCode::NOT_FOUND, title, &uri)
}

async fn unknown_method(uri: Uri) -> Response {
    answer::problem(StatusCode::METHOD_NOT_ALLOWED, "This path takes GET", &uri)
}
