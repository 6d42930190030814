//! `/admin/v1` and its OpenAPI document.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::openapi;
use super::operation::{Call, Operation, Outcome, Success, json, typed};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::GET,
        path: "",
        name: "index",
        tag: "document",
        summary: "Where the document is, and which version answers.",
        parameters: &[],
        body: None,
        success: Success {
            status: 200,
            schema: "Index",
            also: &[],
            example: r#"{"openapi":"/admin/v1/openapi.json","name":"tidegate","version":"0.1.0"}"#,
        },
        failures: &[],
        run: |call| Box::pin(async move { index(&call) }),
    },
    Operation {
        method: Method::GET,
        path: "/openapi.json",
        name: "openapi",
        tag: "document",
        summary: "This document.",
        parameters: &[],
        body: None,
        success: Success { status: 200, schema: "Document", also: &[], example: "" },
        failures: &[],
        run: |_| Box::pin(async { Ok(typed(StatusCode::OK, "application/json", openapi::text())) }),
    },
];

fn index(call: &Call) -> Outcome {
    let version = &call.api.door.version;
    let openapi = format!("{}/openapi.json", super::ROOT);
    json(StatusCode::OK, &json!({"openapi": openapi, "name": version.name, "version": version.version}))
}
