//! The answers of the admin door.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// OpenMetrics, which every scraper of Prometheus' family understands.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A page of metrics.
pub(crate) fn metrics(text: String) -> Response {
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

/// `200 {"status":"ok"}`, or 503 with another word.
pub(crate) fn status(good: bool, word: &str) -> Response {
    let code = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, axum::Json(json!({ "status": word }))).into_response()
}

/// A list of checks, one line each, as Kubernetes writes it: `[+]gateway ok`.
pub(crate) fn checks(good: bool, lines: String) -> Response {
    let code = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], lines).into_response()
}

/// An RFC 9457 problem.
pub(crate) fn problem(code: StatusCode, title: &str, uri: &Uri) -> Response {
    let body = json!({ "title": title, "status": code.as_u16(), "instance": uri.path() });
    (code, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
