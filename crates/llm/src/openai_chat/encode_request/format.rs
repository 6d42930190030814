//! Writes `response_format`.

use serde_json::{Value, json};

use super::Writer;
use crate::hub::OutputFormat;
use crate::schema::strict;

/// The value of `response_format`. Providers without schemas get `json_object` and an instruction among the messages.
pub(super) fn write(out: &mut Writer<'_>, messages: &mut Vec<Value>) -> Option<Value> {
    match out.request.format.as_ref()? {
        OutputFormat::JsonObject => Some(json!({"type": "json_object"})),
        OutputFormat::JsonSchema { schema, .. } if out.quirks.no_json_schema => {
            instruct(messages, schema);
            Some(json!({"type": "json_object"}))
        }
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            let mut schema = schema.clone();
            let [path, strictness] = out.words().format();
            if out.quirks.plain_patterns {
                for removed in strict::remove_patterns(&mut schema, path) {
                    out.drop_field(removed);
                }
            }
            let mut inner = json!({"name": name.as_deref().unwrap_or("answer")});
            if let Some(description) = description {
                inner["description"] = description.as_str().into();
            }
            let is_strict = fit(out, &mut schema, *strict, strictness);
            inner["schema"] = schema;
            if let Some(strict) = is_strict {
                inner["strict"] = strict.into();
            }
            Some(json!({"type": "json_schema", "json_schema": inner}))
        }
    }
}

/// Makes `schema` fit OpenAI's strict mode where that is asked for (case 38). Where no rewriting can, the mode is
/// switched off and named as dropped.
pub(super) fn fit(
    out: &mut Writer<'_>,
    schema: &mut Value,
    strict: Option<bool>,
    name: &str,
) -> Option<bool> {
    if strict == Some(true) && !strict::fit(schema) {
        out.drop_field(name);
        return Some(false);
    }
    strict
}

/// Puts the schema into words, behind the instructions that lead the conversation.
fn instruct(messages: &mut Vec<Value>, schema: &Value) {
    let text =
        format!("Answer with one JSON object and nothing else. It must fit this JSON schema:\n{schema}");
    let is_lead = |message: &&Value| message["role"] == "system" || message["role"] == "developer";
    let place = messages.iter().take_while(is_lead).count();
    messages.insert(place, json!({"role": "system", "content": text}));
}
