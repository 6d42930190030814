//! The OpenAPI 3.1 document, made from the operations.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::access::HEADER;
use super::operation::{Operation, Wanted};
use super::parameter::Parameter;
use super::problem::{Kind, MEDIA_TYPE};
use super::{ROOT, body, operations, schema};

/// What can happen to every operation.
const ALWAYS: [Kind; 7] = [
    Kind::Invalid,
    Kind::NoKey,
    Kind::CallersKey,
    Kind::Method,
    Kind::TooManyWrongKeys,
    Kind::Internal,
    Kind::Unavailable,
];
/// What can happen to every operation with a body.
const WITH_BODY: [Kind; 3] = [Kind::Slow, Kind::TooLarge, Kind::MediaType];

static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

/// The document as text.
pub(super) fn text() -> &'static str {
    &TEXT
}

/// The OpenAPI 3.1 document of the admin API, as it is served and as `docs/admin-api.json` has it.
pub fn openapi() -> String {
    TEXT.clone()
}

fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let path = paths.entry(format!("{ROOT}{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = describe(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate admin API",
            "version": "1",
            "description": "Keys, teams, limits, usage, models, targets, decisions and changes. It is served by the admin door. \
                Every path needs the admin key. Errors are RFC 9457 problems; `errors` names every field that is wrong.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}, {"header": []}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "`authorization: Bearer tga-…`"},
                "header": {"type": "apiKey", "in": "header", "name": HEADER, "description": "The same key, bare."},
            },
            "parameters": {
                "id": {
                    "name": "id", "in": "path", "required": true,
                    "description": "`key_…` or `team_…`, as listings give it.",
                    "schema": {"type": "string", "pattern": "^(key|team)_[0-9a-f]{32}$"},
                    "example": "key_0199c0deaaaa7bbb8cccdddddddddddd",
                },
            },
            "responses": problems(),
            "schemas": schema::all(),
        },
    })
}

fn tags() -> Vec<Value> {
    let about = [
        ("keys", "Callers' keys"),
        ("teams", "Teams, whose keys share budgets and limits"),
        ("limits", "The limits that hold, and how they stand"),
        ("usage", "What was used, by anything"),
        ("models", "What callers can ask for"),
        ("targets", "What attempts are made at, how it stands, and why it was chosen"),
        ("audit", "Who changed what"),
        ("document", "This document"),
    ];
    about.map(|(name, about)| json!({"name": name, "description": about})).into()
}

fn describe(operation: &Operation) -> Value {
    let mut entry = json!({
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
    });
    let mut parameters: Vec<Value> = operation.parameters.iter().map(Parameter::document).collect();
    if operation.path.contains("{id}") {
        parameters.insert(0, json!({"$ref": "#/components/parameters/id"}));
    }
    if !parameters.is_empty() {
        entry["parameters"] = json!(parameters);
    }
    if let Some(wanted) = &operation.body {
        entry["requestBody"] = request_body(wanted, operation);
    }
    entry["responses"] = responses(operation);
    entry
}

fn request_body(wanted: &Wanted, operation: &Operation) -> Value {
    let of_type = json!({"schema": reference(wanted.schema), "example": parsed(wanted.example)});
    let mut content = Map::new();
    content.insert("application/json".to_owned(), of_type.clone());
    if operation.method == axum::http::Method::PATCH {
        content.insert("application/merge-patch+json".to_owned(), of_type);
    }
    let about = format!("At most {} KiB.", body::LARGEST >> 10);
    json!({"required": wanted.required, "description": about, "content": content})
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let success = &operation.success;
    let mut good = json!({"description": "All is well."});
    if !success.schema.is_empty() {
        let mut of_type = json!({"schema": reference(success.schema)});
        if !success.example.is_empty() {
            of_type["example"] = parsed(success.example);
        }
        good["content"] = json!({"application/json": of_type});
        for media_type in success.also {
            good["content"][*media_type] = json!({"schema": {"type": "string"}});
        }
    }
    responses.insert(success.status.to_string(), good);
    let with_body = operation.body.as_ref().map_or(&[][..], |_| &WITH_BODY);
    let mut statuses: Vec<u16> =
        ALWAYS.iter().chain(with_body).chain(operation.failures).map(|kind| kind.status()).collect();
    statuses.sort_unstable();
    for status in statuses {
        responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{status}")}));
    }
    Value::Object(responses)
}

/// One response for each status that a problem can have.
fn problems() -> Value {
    let mut responses = Map::new();
    for kind in Kind::ALL {
        let mut response = json!({
            "description": kind.title(),
            "content": {MEDIA_TYPE: {"schema": reference("Problem"), "example": example(kind)}},
        });
        if matches!(kind, Kind::TooManyWrongKeys | Kind::Unavailable) {
            response["headers"] = json!({"retry-after": {
                "description": "Seconds until asking again may help.", "schema": {"type": "integer"},
            }});
        }
        responses.entry(kind.status().to_string()).or_insert(response);
    }
    Value::Object(responses)
}

fn example(kind: Kind) -> Value {
    let mut example = json!({
        "type": kind.urn(), "title": kind.title(), "status": kind.status(), "detail": "What is wrong this time.",
    });
    if kind == Kind::Invalid {
        example["detail"] = json!("`limits[0].limit` must not be negative");
        example["errors"] = json!([{"field": "limits[0].limit", "message": "must not be negative"}]);
    }
    example
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// An example; the tests see to it that all are JSON.
fn parsed(example: &str) -> Value {
    serde_json::from_str(example).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_json_and_references_lead_somewhere() {
        for operation in operations() {
            let body = operation.body.iter().map(|wanted| wanted.example);
            for example in body.chain([operation.success.example]).filter(|example| !example.is_empty()) {
                assert!(serde_json::from_str::<Value>(example).is_ok(), "{}: {example}", operation.name);
            }
        }
        let document = document();
        let text = document.to_string();
        let mut seen = 0;
        for rest in text.split("\"$ref\":\"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            seen += 1;
        }
        assert!(seen > 100);
    }

    #[test]
    fn names_and_tags_are_unique_and_known() {
        let mut names: Vec<_> = operations().map(|operation| operation.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        let tags = json!(tags()).to_string();
        for operation in operations() {
            assert!(tags.contains(&format!("\"name\":\"{}\"", operation.tag)), "{}", operation.tag);
            assert!(operation.summary.ends_with('.'), "{}", operation.summary);
        }
    }
}
