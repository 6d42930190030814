//! JSON schema keyword by keyword: merging, normalising, copying what Gemini's subset has.

use serde_json::{Map, Value, json};

/// An object of a schema.
pub(super) type Node = Map<String, Value>;

/// Keywords that the subset has, taken as they are.
pub(super) const KEPT: &[&str] = &[
    "title",
    "description",
    "default",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
];

/// Keywords that Gemini has nowhere.
pub(super) const NOWHERE: &[&str] = &[
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "contains",
    "multipleOf",
    "unevaluatedProperties",
    "unevaluatedItems",
];

const KINDS: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

pub(super) fn note(list: &mut Vec<String>, what: &str) {
    if !list.iter().any(|known| known == what) {
        list.push(what.to_owned());
    }
}

pub(super) fn object(pairs: &[(&str, Value)]) -> Node {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

pub(super) fn copy(from: &Node, to: &mut Node, key: &str) {
    if let Some(value) = from.get(key).filter(|value| !value.is_null()) {
        to.insert(key.to_owned(), value.clone());
    }
}

pub(super) fn is_null_type(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null") || schema.get("const") == Some(&Value::Null)
}

pub(super) fn is_of(value: &Value, kind: &str) -> bool {
    match value {
        Value::String(_) => kind == "string",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && !number.is_f64()),
        _ => false,
    }
}

/// The place that a local pointer means: `#`, `#/$defs/Name`.
pub(super) fn resolve<'a>(root: &'a Value, target: &str) -> Option<&'a Value> {
    root.pointer(target.strip_prefix('#')?)
}

/// The target of `"allOf": [{"$ref": …}]`, the way in which many generators put a remark beside a `$ref`.
pub(super) fn lone_reference(source: &Node) -> Option<String> {
    match source.get("allOf")?.as_array()?.as_slice() {
        [only] => only.get("$ref")?.as_str().map(str::to_owned),
        _ => None,
    }
}

/// Merges a member of `allOf`: properties and required add up, of the rest the first wins.
pub(super) fn merge(into: &mut Node, member: &Node) {
    for (key, value) in member {
        match (into.get_mut(key), value) {
            (None, _) => {
                into.insert(key.clone(), value.clone());
            }
            (Some(Value::Object(mine)), Value::Object(theirs)) if key == "properties" => {
                for (name, schema) in theirs {
                    mine.entry(name.clone()).or_insert_with(|| schema.clone());
                }
            }
            (Some(Value::Array(mine)), Value::Array(theirs)) if key == "required" || key == "allOf" => {
                for item in theirs {
                    if !mine.contains(item) {
                        mine.push(item.clone());
                    }
                }
            }
            _ => {}
        }
    }
}

/// `const` → `enum`, `oneOf` → `anyOf`.
pub(super) fn normalise(source: &mut Node) {
    if let Some(value) = source.shift_remove("const") {
        source.entry("enum").or_insert_with(|| json!([value]));
    }
    if let Some(options) = source.shift_remove("oneOf") {
        source.entry("anyOf").or_insert(options);
    }
}

/// Takes null out of `type` and `enum`, and makes a list of one type that type; true when null was there.
pub(super) fn take_null(source: &mut Node) -> bool {
    let mut nullable = source.get("nullable") == Some(&Value::Bool(true));
    if let Some(Value::Array(kinds)) = source.get_mut("type") {
        let before = kinds.len();
        kinds.retain(|kind| kind.as_str() != Some("null"));
        nullable |= kinds.len() < before;
        if kinds.len() == 1 {
            let only = kinds.remove(0);
            source.insert("type".to_owned(), only);
        } else if kinds.is_empty() {
            source.insert("type".to_owned(), json!("null"));
        }
    }
    if let Some(Value::Array(values)) = source.get_mut("enum") {
        let before = values.len();
        values.retain(|value| !value.is_null());
        nullable |= values.len() < before;
        if values.is_empty() {
            source.shift_remove("enum");
            source.entry("type").or_insert(json!("null"));
        }
    }
    nullable
}

/// The type of a node, guessed from its keywords where it does not say.
pub(super) fn kind_of(source: &Node) -> Option<&'static str> {
    if let Some(name) = source.get("type").and_then(Value::as_str) {
        return KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(name));
    }
    let has = |key: &str| source.contains_key(key);
    if has("properties") || has("required") || has("additionalProperties") {
        return Some("object");
    }
    if has("items") || has("prefixItems") {
        return Some("array");
    }
    let values = source.get("enum").and_then(Value::as_array)?;
    let scalars = ["string", "integer", "number", "boolean"];
    scalars.into_iter().find(|kind| values.iter().all(|value| is_of(value, kind)))
}

/// Other formats are refused for texts; JSON schema takes them as remarks anyhow.
pub(super) fn copy_format(source: &Node, out: &mut Node, kind: Option<&str>) {
    let known = match (kind, source.get("format").and_then(Value::as_str)) {
        (Some("string"), Some(format)) => ["date-time", "enum"].contains(&format),
        (Some("number"), Some(format)) => ["float", "double"].contains(&format),
        (Some("integer"), Some(format)) => ["int32", "int64"].contains(&format),
        _ => false,
    };
    if known {
        copy(source, out, "format");
    }
}

/// Exclusive bounds become inclusive ones: exact for whole numbers, one value wider for others.
pub(super) fn copy_bounds(source: &Node, out: &mut Node, kind: Option<&str>) {
    for (exclusive, inclusive, step) in
        [("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)]
    {
        copy(source, out, inclusive);
        match source.get(exclusive) {
            Some(Value::Number(bound)) if kind == Some("integer") => {
                if let Some(bound) = bound.as_i64().and_then(|bound| bound.checked_add(step)) {
                    out.insert(inclusive.to_owned(), bound.into());
                }
            }
            Some(bound @ Value::Number(_)) => {
                out.insert(inclusive.to_owned(), bound.clone());
            }
            _ => {}
        }
    }
}
