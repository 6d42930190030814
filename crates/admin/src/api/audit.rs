//! `/admin/v1/audit`: who changed what.

use axum::http::{Method, StatusCode};
use tidegate_store::keys::AuditFilter;

use super::operation::{Call, Operation, Outcome, Success, json};
use super::parameter::{CURSOR, Kind as Of, LIMIT, Parameter};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/audit",
    name: "listChanges",
    tag: "audit",
    summary: "A page of changes to keys and teams, and of targets opened and closed by hand, newest first.",
    parameters: &[
        CURSOR,
        LIMIT,
        Parameter {
            name: "id",
            about: "Only changes of this key, team or target.",
            kind: Of::Text,
            example: "key_0199c0deaaaa7bbb8cccdddddddddddd",
        },
    ],
    body: None,
    success: Success {
        status: 200,
        schema: "ChangePage",
        also: &[],
        example: r#"{"items":[{"seq":7,"at":1795257900,"actor":"admin@127.0.0.1","action":"delete","kind":"team","id":"team_0199c0deaaaa7bbb8cccdddddddddddd","detail":{"before":{"name":"research"}}}],"next":null}"#,
    },
    failures: &[],
    run: |call| Box::pin(list(call)),
}];

async fn list(call: Call) -> Outcome {
    let filter = AuditFilter {
        id: call.query.owned("id"),
        cursor: call.query.owned("cursor"),
        limit: call.query.number("limit"),
    };
    json(StatusCode::OK, &call.api.books.keys.audit(&filter).await?)
}
