//! The admin API under `/admin/v1`: keys, teams, limits, usage, models, targets and their switches, decisions, changes.
//!
//! Each group of paths has a file with a table of [`Operation`]s. From the tables come the router and the OpenAPI document, so that
//! neither knows a path that the other does not.

pub(crate) mod access;
mod audit;
mod body;
mod decisions;
mod guesses;
mod index;
mod keys;
mod limits;
mod models;
mod moment;
pub(crate) mod openapi;
mod operation;
mod parameter;
pub(crate) mod problem;
mod schema;
mod standing;
mod switches;
mod targets;
mod teams;
mod usage;
mod written;

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::routing::{MethodFilter, on};
use tokio::sync::Mutex;

use crate::books::Books;
use crate::door::Door;
use guesses::Guesses;
use operation::{Operation, perform};

/// What every path of the API begins with.
pub(crate) const ROOT: &str = "/admin/v1";

/// What the operations work on.
#[derive(Debug)]
pub(crate) struct Api {
    door: Door,
    books: Books,
    guesses: Guesses,
    /// Patches go one after another: each is a question and a change.
    patching: Mutex<()>,
}

impl Api {
    /// The API behind a door; `None` when the door has no books.
    pub(crate) fn of(door: &Door) -> Option<Arc<Self>> {
        let (books, guesses) = (door.books.clone()?, Guesses::default());
        Some(Arc::new(Self { door: door.clone(), books, guesses, patching: Mutex::default() }))
    }
}

/// Every operation, in the document's order.
fn operations() -> impl Iterator<Item = &'static Operation> {
    [
        index::OPERATIONS,
        keys::OPERATIONS,
        teams::OPERATIONS,
        limits::OPERATIONS,
        usage::OPERATIONS,
        models::OPERATIONS,
        targets::OPERATIONS,
        switches::OPERATIONS,
        decisions::OPERATIONS,
        audit::OPERATIONS,
    ]
    .into_iter()
    .flatten()
}

/// The paths of the API; [`access::guard`] must stand in front.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    let mut router = Router::new();
    for operation in operations() {
        let api = api.clone();
        let answer = move |path: Result<RawPathParams, _>, request: Request| {
            let path = path.map_err(|_: axum::extract::rejection::RawPathParamsRejection| ()).ok();
            perform(operation, api.clone(), path, request)
        };
        // Only methods that axum knows are in the tables; another one would find no path.
        let method = MethodFilter::try_from(operation.method.clone()).unwrap_or(MethodFilter::GET);
        router = router.route(&format!("{ROOT}{}", operation.path), on(method, answer));
    }
    router
}
