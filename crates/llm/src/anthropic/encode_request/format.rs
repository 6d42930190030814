//! Writes the form that the answer must have.

use serde_json::{Map, Value, json};

use super::Context;
use super::wire::Block;
use crate::hub::OutputFormat;

const ANY_OBJECT: &str = "Answer with one valid JSON object and nothing else: no prose, no code fence.";

/// A schema goes to `output_config.format`, the native way; models without it, and the wish for any JSON object, get an
/// instruction as the last block of `system`. Returns the value of `format`.
pub(super) fn write(cx: &mut Context<'_>, system: &mut Vec<Block<'_>>) -> Option<Value> {
    match cx.request.format.as_ref()? {
        OutputFormat::JsonObject => {
            system.push(Block::text(ANY_OBJECT));
            None
        }
        OutputFormat::JsonSchema { description, schema, .. } => {
            if cx.traits.json_schema && !cx.target.quirks.no_json_schema {
                return Some(native(schema, description.as_deref(), cx.is_own));
            }
            system.push(Block::text(format!("{ANY_OBJECT} It must conform to this JSON schema:\n{schema}")));
            None
        }
    }
}

/// The schema itself. Anthropic demands that objects be closed: from other dialects, every object that does not say so is
/// closed, and the description of the format becomes that of the schema.
fn native(schema: &Value, description: Option<&str>, is_own: bool) -> Value {
    let mut schema = schema.clone();
    if !is_own {
        close(&mut schema);
        if let (Some(words), Value::Object(map)) = (description, &mut schema) {
            map.entry("description").or_insert_with(|| Value::String(words.to_owned()));
        }
    }
    json!({"type": "json_schema", "schema": schema})
}

/// Adds `additionalProperties: false` to every object schema without the word.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(map) => {
            if is_object_schema(map) && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            for (name, value) in map {
                match name.as_str() {
                    // Values of these are no schemas.
                    "enum" | "const" | "default" | "examples" | "required" => {}
                    "properties" | "$defs" | "definitions" => {
                        if let Value::Object(named) = value {
                            named.values_mut().for_each(close);
                        }
                    }
                    _ => close(value),
                }
            }
        }
        _ => {}
    }
}

fn is_object_schema(map: &Map<String, Value>) -> bool {
    match map.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => map.get("properties").is_some_and(Value::is_object),
    }
}
