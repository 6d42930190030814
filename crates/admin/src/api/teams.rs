//! `/admin/v1/teams`: teams, whose keys share budgets and limits.

use axum::http::{Method, StatusCode};
use tidegate_store::keys::TeamSpec;

use super::body::shape;
use super::keys::filter;
use super::operation::{Call, Operation, Outcome, Success, Wanted, json, nothing};
use super::parameter::{CURSOR, Kind as Of, LIMIT, Parameter};
use super::problem::Kind;
use super::written::patched;

pub(super) const OPERATIONS: &[Operation] = &[LIST, CREATE, GET, CHANGE, DELETE];

const LIST: Operation = Operation {
    method: Method::GET,
    path: "/teams",
    name: "listTeams",
    tag: "teams",
    summary: "A page of teams, oldest first.",
    parameters: &[
        CURSOR,
        LIMIT,
        Parameter {
            name: "search",
            about: "Only teams with this text in their name or id.",
            kind: Of::Text,
            example: "research",
        },
    ],
    body: None,
    success: Success { status: 200, schema: "TeamPage", also: &[], example: r#"{"items":[],"next":null}"# },
    failures: &[],
    run: |call| Box::pin(list(call)),
};

const CREATE: Operation = Operation {
    method: Method::POST,
    path: "/teams",
    name: "createTeam",
    tag: "teams",
    summary: "Makes a team.",
    parameters: &[],
    body: Some(Wanted { schema: "NewTeam", required: true, example: SPEC }),
    success: Success { status: 201, schema: "Team", also: &[], example: TEAM },
    failures: &[Kind::Conflict],
    run: |call| Box::pin(create(call)),
};

const GET: Operation = Operation {
    method: Method::GET,
    path: "/teams/{id}",
    name: "getTeam",
    tag: "teams",
    summary: "One team.",
    parameters: &[],
    body: None,
    success: Success { status: 200, schema: "Team", also: &[], example: TEAM },
    failures: &[Kind::NotFound],
    run: |call| Box::pin(get(call)),
};

const CHANGE: Operation = Operation {
    method: Method::PATCH,
    path: "/teams/{id}",
    name: "changeTeam",
    tag: "teams",
    summary: "Changes a team by a JSON merge patch (RFC 7396): what is left out stays, `null` gives a field its usual value.",
    parameters: &[],
    body: Some(Wanted { schema: "TeamPatch", required: true, example: r#"{"enabled":false}"# }),
    success: Success { status: 200, schema: "Team", also: &[], example: TEAM },
    failures: &[Kind::NotFound, Kind::Conflict],
    run: |call| Box::pin(change(call)),
};

const DELETE: Operation = Operation {
    method: Method::DELETE,
    path: "/teams/{id}",
    name: "deleteTeam",
    tag: "teams",
    summary: "Deletes a team that has no keys.",
    parameters: &[],
    body: None,
    success: Success { status: 204, schema: "", also: &[], example: "" },
    failures: &[Kind::NotFound, Kind::Conflict],
    run: |call| Box::pin(delete(call)),
};

const SPEC: &str =
    r#"{"name":"research","models":["openai/*"],"limits":[{"of":"money","limit":"250.50","per":"month"}]}"#;
const TEAM: &str = r#"{"id":"team_0199c0deaaaa7bbb8cccdddddddddddd","name":"research","enabled":true,"models":["openai/*"],"limits":[{"of":"money","limit":"250.50","per":"month"}],"metadata":{},"created":1795257900,"changed":1795257900}"#;

async fn list(call: Call) -> Outcome {
    json(StatusCode::OK, &call.api.books.keys.list_teams(&filter(&call)).await?)
}

async fn create(call: Call) -> Outcome {
    let spec: TeamSpec = shape(call.body)?;
    json(StatusCode::CREATED, &call.api.books.keys.create_team(&spec, &call.admin.name).await?)
}

async fn get(call: Call) -> Outcome {
    json(StatusCode::OK, &call.api.books.keys.get_team(&call.id).await?)
}

async fn change(call: Call) -> Outcome {
    let keys = &call.api.books.keys;
    let _turn = call.api.patching.lock().await;
    let before = keys.get_team(&call.id).await?;
    let spec = patched(&before.spec, call.body)?;
    json(StatusCode::OK, &keys.update_team(&call.id, &spec, &call.admin.name).await?)
}

async fn delete(call: Call) -> Outcome {
    call.api.books.keys.delete_team(&call.id, &call.admin.name).await?;
    Ok(nothing())
}
