//! OpenAI's strict mode, and patterns that some servers break on.

use serde_json::{Map, Value, json};

/// Keywords that strict mode does not take and that no rewriting can express.
const UNFIT: [&str; 9] = [
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];

/// Makes `schema` fit OpenAI's strict mode (case 38): every object forbids other properties and requires all of its own;
/// a property that was optional may be null instead. `oneOf` becomes `anyOf`. Key order stays; a schema that fits is not changed.
///
/// False, and nothing changed, when it cannot fit: free-form objects (`additionalProperties` with a schema, or an
/// inner object without properties), a root that is no object, or a keyword that strict mode lacks.
pub fn fit(schema: &mut Value) -> bool {
    let is_object = schema["type"] == "object" || (schema.is_object() && schema.get("properties").is_some());
    if !is_object {
        return false;
    }
    let mut fitted = schema.clone();
    let fits = fit_schema(&mut fitted, true);
    if fits {
        *schema = fitted;
    }
    fits
}

fn fit_schema(schema: &mut Value, is_root: bool) -> bool {
    let Value::Object(map) = schema else { return false };
    if UNFIT.iter().any(|keyword| map.contains_key(*keyword)) {
        return false;
    }
    rename_one_of(map);
    let fits_object = !is_object(map) || fit_object(map, is_root);
    fits_object && fit_children(map)
}

fn rename_one_of(map: &mut Map<String, Value>) {
    if !map.contains_key("oneOf") || map.contains_key("anyOf") {
        return;
    }
    let renamed = std::mem::take(map).into_iter().map(|(name, value)| match name.as_str() {
        "oneOf" => ("anyOf".to_owned(), value),
        _ => (name, value),
    });
    *map = renamed.collect();
}

fn is_object(map: &Map<String, Value>) -> bool {
    let by_type = match map.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => false,
    };
    by_type || map.contains_key("properties")
}

fn fit_object(map: &mut Map<String, Value>, is_root: bool) -> bool {
    if map.get("additionalProperties").is_some_and(Value::is_object) {
        return false;
    }
    if !map.contains_key("properties") {
        let is_closed = map.get("additionalProperties") == Some(&Value::Bool(false));
        if !is_root && !is_closed {
            return false;
        }
        map.insert("properties".into(), json!({}));
    }
    let required: Vec<Value> = map.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = map.get_mut("properties") else { return false };
    let mut all = required.clone();
    all.retain(|name| name.as_str().is_some_and(|name| properties.contains_key(name)));
    for (name, property) in properties.iter_mut() {
        if !required.iter().any(|known| known == name) {
            allow_null(property);
            all.push(name.as_str().into());
        }
    }
    map.insert("required".into(), all.into());
    map.insert("additionalProperties".into(), false.into());
    true
}

/// Lets a schema accept null besides what it accepts.
fn allow_null(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    if map.contains_key("$ref")
        || map.contains_key("const")
        || !(map.contains_key("type") || map.contains_key("anyOf"))
    {
        let description = map.shift_remove("description");
        let inner = Value::Object(std::mem::take(map));
        if let Some(description) = description {
            map.insert("description".into(), description);
        }
        map.insert("anyOf".into(), json!([inner, {"type": "null"}]));
        return;
    }
    if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
        if !choices.iter().any(|choice| choice["type"] == "null") {
            choices.push(json!({"type": "null"}));
        }
        return;
    }
    match map.get_mut("type") {
        Some(Value::Array(kinds)) if !kinds.iter().any(|kind| kind == "null") => kinds.push("null".into()),
        Some(kind @ Value::String(_)) if kind != "null" => *kind = json!([kind, "null"]),
        _ => {}
    }
    if let Some(Value::Array(values)) = map.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

fn fit_children(map: &mut Map<String, Value>) -> bool {
    map.iter_mut().all(|(keyword, value)| match (keyword.as_str(), value) {
        ("properties" | "$defs" | "definitions", Value::Object(named)) => {
            named.values_mut().all(|schema| fit_schema(schema, false))
        }
        ("anyOf" | "prefixItems", Value::Array(schemas)) => {
            schemas.iter_mut().all(|schema| fit_schema(schema, false))
        }
        ("oneOf", _) => false,
        ("items", schema @ Value::Object(_)) => fit_schema(schema, false),
        _ => true,
    })
}

/// Removes regular expressions that Kimi and DeepSeek break on: look-around and `\0` (case 53). Returns the paths of what
/// was removed, below `path`.
pub fn remove_patterns(schema: &mut Value, path: &str) -> Vec<String> {
    let mut removed = Vec::new();
    remove_from_schema(schema, path, &mut removed);
    removed
}

fn remove_from_schema(schema: &mut Value, path: &str, removed: &mut Vec<String>) {
    let Value::Object(map) = schema else { return };
    if map.get("pattern").and_then(Value::as_str).is_some_and(is_hard) {
        map.shift_remove("pattern");
        removed.push(format!("{path}.pattern"));
    }
    if let Some(Value::Object(patterns)) = map.get_mut("patternProperties") {
        patterns.retain(|pattern, _| {
            if is_hard(pattern) {
                removed.push(format!("{path}.patternProperties"));
            }
            !is_hard(pattern)
        });
        if patterns.is_empty() {
            map.shift_remove("patternProperties");
        }
    }
    for (keyword, value) in map.iter_mut() {
        let path = format!("{path}.{keyword}");
        match (keyword.as_str(), value) {
            // Names here are the caller's, not keywords: a property may well be called `pattern`.
            (
                "properties" | "$defs" | "definitions" | "patternProperties" | "dependentSchemas",
                Value::Object(named),
            ) => {
                for (name, schema) in named.iter_mut() {
                    remove_from_schema(schema, &format!("{path}.{name}"), removed);
                }
            }
            ("enum" | "const" | "default" | "examples" | "required", _) => {}
            (_, Value::Array(schemas)) => {
                for (index, schema) in schemas.iter_mut().enumerate() {
                    remove_from_schema(schema, &format!("{path}[{index}]"), removed);
                }
            }
            (_, schema) => remove_from_schema(schema, &path, removed),
        }
    }
}

fn is_hard(pattern: &str) -> bool {
    ["(?=", "(?!", "(?<=", "(?<!", "\\0", "\0", "\\x00", "\\u0000"]
        .iter()
        .any(|piece| pattern.contains(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(mut schema: Value) -> Option<Value> {
        fit(&mut schema).then_some(schema)
    }

    #[test]
    fn case_38_optional_properties_become_nullable_and_required() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "string"},
            "b": {"type": "integer", "description": "how many"},
            "c": {"type": "string", "enum": ["x", "y"]},
            "d": {"$ref": "#/$defs/D", "description": "a D"},
            "e": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
            "required": ["a"], "$defs": {"D": {"type": "object", "properties": {"z": {"type": "boolean"}}}}});
        let expected = json!({"type": "object", "properties": {
            "a": {"type": "string"},
            "b": {"type": ["integer", "null"], "description": "how many"},
            "c": {"type": ["string", "null"], "enum": ["x", "y", null]},
            "d": {"description": "a D", "anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]},
            "e": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}},
            "required": ["a", "b", "c", "d", "e"],
            "$defs": {"D": {"type": "object", "properties": {"z": {"type": ["boolean", "null"]}},
                "required": ["z"], "additionalProperties": false}},
            "additionalProperties": false});
        assert_eq!(fitted(schema), Some(expected.clone()));
        assert_eq!(fitted(expected.clone()), Some(expected), "what fits is not changed");
    }

    #[test]
    fn case_38_a_tool_without_arguments_fits() {
        let expected =
            json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
        assert_eq!(fitted(json!({"type": "object"})), Some(expected));
    }

    #[test]
    fn case_38_one_of_becomes_any_of_in_place() {
        let schema = json!({"type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"oneOf": [{"type": "string"}], "title": "t"}}});
        let fitted = fitted(schema).unwrap();
        assert_eq!(fitted["properties"]["a"].to_string(), r#"{"anyOf":[{"type":"string"}],"title":"t"}"#);
    }

    #[test]
    fn case_38_free_form_objects_cannot_fit_and_are_left_alone() {
        for inner in [
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"allOf": [{"type": "string"}]}),
        ] {
            let mut schema = json!({"type": "object", "properties": {"map": inner}});
            let before = schema.clone();
            assert!(!fit(&mut schema), "{before}");
            assert_eq!(schema, before);
        }
        assert_eq!(fitted(json!({"type": "array", "items": {"type": "string"}})), None);
        assert_eq!(fitted(json!(true)), None);
    }

    #[test]
    fn case_53_hard_patterns_are_removed_and_named() {
        let mut schema = json!({"type": "object", "properties": {
            "pattern": {"type": "string", "pattern": "^(?!x).*$"},
            "ok": {"type": "string", "pattern": "^[a-z]+$"},
            "list": {"type": "array", "items": {"type": "string", "pattern": "[^\\0]+"}}},
            "default": {"pattern": "(?=x)"}});
        let removed = remove_patterns(&mut schema, "p");
        assert_eq!(removed, ["p.properties.pattern.pattern", "p.properties.list.items.pattern"]);
        let kept = json!({"type": "object", "properties": {
            "pattern": {"type": "string"},
            "ok": {"type": "string", "pattern": "^[a-z]+$"},
            "list": {"type": "array", "items": {"type": "string"}}},
            "default": {"pattern": "(?=x)"}});
        assert_eq!(schema, kept);
    }
}
