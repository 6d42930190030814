//! Gemini's schema subset → JSON schema.

use serde_json::{Map, Value, json};

use crate::gemini::proto::camel_key;

/// Reads Gemini's `Schema`: types in capitals, `nullable`, numbers as strings, keys in either style.
pub fn to_json_schema(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut out = Map::new();
    let mut nullable = false;
    for (key, value) in map {
        match camel_key(key).as_str() {
            "type" => type_into(&mut out, value),
            "nullable" => nullable = value.as_bool() == Some(true),
            "format" if value.as_str() == Some("enum") => {}
            "propertyOrdering" => {}
            "properties" => put(&mut out, "properties", each(value)),
            "defs" | "$defs" => put(&mut out, "$defs", each(value)),
            "ref" => put(&mut out, "$ref", value.clone()),
            "items" => put(&mut out, "items", to_json_schema(value)),
            "additionalProperties" => put(&mut out, "additionalProperties", to_json_schema(value)),
            "example" => put(&mut out, "examples", json!([value])),
            name @ ("anyOf" | "prefixItems") => put(&mut out, name, all(value)),
            name if COUNTS.contains(&name) => put(&mut out, name, number(value)),
            name => put(&mut out, name, value.clone()),
        }
    }
    if nullable {
        allow_null(&mut out);
    }
    Value::Object(out)
}

/// 64-bit numbers, which proto JSON writes as strings.
const COUNTS: [&str; 6] =
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

fn number(value: &Value) -> Value {
    value.as_str().and_then(|text| text.parse::<u64>().ok()).map_or_else(|| value.clone(), Value::from)
}

fn put(out: &mut Map<String, Value>, name: &str, value: Value) {
    out.insert(name.to_owned(), value);
}

fn type_into(out: &mut Map<String, Value>, value: &Value) {
    match value.as_str() {
        Some("TYPE_UNSPECIFIED") => {}
        Some(name) => put(out, "type", name.to_ascii_lowercase().into()),
        None => put(out, "type", value.clone()),
    }
}

fn each(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            map.iter().map(|(name, schema)| (name.clone(), to_json_schema(schema))).collect()
        }
        other => other.clone(),
    }
}

fn all(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(to_json_schema).collect(),
        other => other.clone(),
    }
}

fn allow_null(out: &mut Map<String, Value>) {
    if let Some(Value::Array(options)) = out.get_mut("anyOf") {
        options.push(json!({ "type": "null" }));
        return;
    }
    if let Some(name) = out.get("type").and_then(Value::as_str).map(str::to_owned) {
        put(out, "type", json!([name, "null"]));
    }
    if let Some(Value::Array(options)) = out.get_mut("enum") {
        options.push(Value::Null);
    }
}
