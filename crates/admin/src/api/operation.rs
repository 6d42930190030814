//! Operations: what one method on one path takes, does and answers. The router and the OpenAPI document are made from the same tables.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

use super::access::Admin;
use super::parameter::{Parameter, Query};
use super::problem::{Kind, Problem};
use super::{Api, body};

/// Longest time that an operation may take.
const LONGEST: Duration = Duration::from_secs(30);

/// What an operation comes to.
pub(crate) type Outcome = Result<Response<Body>, Problem>;

/// An operation at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One method on one path.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// Below `/admin/v1`; `{id}` is the only parameter that a path may have.
    pub(crate) path: &'static str,
    /// Its name for generated clients.
    pub(crate) name: &'static str,
    /// The group that it belongs to in the document.
    pub(crate) tag: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) body: Option<Wanted>,
    pub(crate) success: Success,
    /// What can go wrong beside that which can always.
    pub(crate) failures: &'static [Kind],
    pub(crate) run: fn(Call) -> Running,
}

/// A body that an operation takes.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) schema: &'static str,
    /// Whether there must be one.
    pub(crate) required: bool,
    /// A good one, as JSON.
    pub(crate) example: &'static str,
}

/// What an operation answers when all is well.
#[derive(Debug)]
pub(crate) struct Success {
    pub(crate) status: u16,
    /// The name of the answer's schema; empty for an answer without a body.
    pub(crate) schema: &'static str,
    /// Further media types of the answer.
    pub(crate) also: &'static [&'static str],
    /// An answer, as JSON; may be empty.
    pub(crate) example: &'static str,
}

/// A request that has been let in and read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) admin: Admin,
    /// The path's `{id}`; empty without one.
    pub(crate) id: String,
    pub(crate) query: Query,
    /// The body's fields.
    pub(crate) body: Map<String, Value>,
}

/// Reads a request and runs the operation.
pub(crate) async fn perform(
    operation: &'static Operation,
    api: Arc<Api>,
    path: Option<RawPathParams>,
    request: Request,
) -> Response<Body> {
    let outcome = tokio::time::timeout(LONGEST, attempt(operation, api, path, request)).await;
    match outcome {
        Ok(Ok(answer)) => answer,
        Ok(Err(problem)) => problem.answer(),
        Err(_) => {
            let detail = format!("this took longer than {} s; ask for less", LONGEST.as_secs());
            Problem::new(Kind::Unavailable, detail).after(LONGEST.as_secs()).answer()
        }
    }
}

async fn attempt(
    operation: &'static Operation,
    api: Arc<Api>,
    path: Option<RawPathParams>,
    request: Request,
) -> Outcome {
    let (head, sent) = request.into_parts();
    // The guard in front has let nobody else through; without it nobody comes in.
    let Some(admin) = head.extensions.get::<Admin>().cloned() else {
        return Err(Problem::new(Kind::NoKey, "show the admin key"));
    };
    let no_text = || Problem::new(Kind::NotFound, "the path is no text");
    let id = path.ok_or_else(no_text)?.iter().next().map(|(_, id)| id.to_owned()).unwrap_or_default();
    let query = Query::read(&head.uri, operation.parameters)?;
    let body = match &operation.body {
        None => Map::new(),
        Some(wanted) => body::read(&head.headers, sent, wanted.required).await?,
    };
    (operation.run)(Call { api, admin, id, query, body }).await
}

/// An answer in JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Outcome {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer of the admin API could not be written");
        Problem::new(Kind::Internal, "see the gateway's log")
    })?;
    Ok(typed(status, "application/json", body))
}

/// An answer of any type.
pub(crate) fn typed(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// An answer without a body.
pub(crate) fn nothing() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}
