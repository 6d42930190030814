//! Case 37: JSON schema for Gemini.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn subset(schema: Value) -> Value {
    let written = write(&schema, false, false);
    assert!(written.lost.is_empty(), "lost {:?}", written.lost);
    written.schema
}

#[test]
fn case_37_local_refs_are_inlined() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "x", "type": "object", "additionalProperties": false,
        "properties": {"home": {"$ref": "#/$defs/Address", "description": "where"}},
        "required": ["home", "ghost"],
        "$defs": {"Address": {"type": "object", "properties": {"city": {"type": "string", "format": "uuid"}}}},
    });
    let expected = json!({
        "type": "OBJECT",
        "required": ["home"],
        "properties": {"home": {"type": "OBJECT", "description": "where",
            "properties": {"city": {"type": "STRING"}}}},
    });
    assert_eq!(subset(schema), expected);
}

#[test]
fn case_37_const_null_and_unions_become_what_gemini_knows() {
    for (schema, expected) in [
        (json!({"const": "a"}), json!({"type": "STRING", "enum": ["a"]})),
        (json!({"type": ["string", "null"]}), json!({"type": "STRING", "nullable": true})),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "n"}),
            json!({"type": "INTEGER", "nullable": true, "description": "n"}),
        ),
        (json!({"type": ["string", "integer"]}), json!({"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]})),
        (
            json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            json!({"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}),
        ),
        (json!({"enum": ["a", null]}), json!({"type": "STRING", "nullable": true, "enum": ["a"]})),
    ] {
        assert_eq!(subset(schema), expected);
    }
}

#[test]
fn case_37_arrays_need_items() {
    assert_eq!(subset(json!({"type": "array"})), json!({"type": "ARRAY", "items": {"type": "STRING"}}));
}

#[test]
fn case_37_all_of_is_merged() {
    let schema = json!({"allOf": [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"properties": {"b": {"type": "integer", "exclusiveMinimum": 0}}, "required": ["b"]},
    ]});
    let expected = json!({"type": "OBJECT", "required": ["a", "b"],
        "properties": {"a": {"type": "STRING"}, "b": {"type": "INTEGER", "minimum": 1}}});
    assert_eq!(subset(schema), expected);
}

#[test]
fn case_37_recursion_is_bounded_and_goes_to_newer_models_as_json_schema() {
    let tree = json!({
        "$schema": "x", "$ref": "#/definitions/Node",
        "definitions": {"Node": {"type": "object", "properties": {
            "left": {"allOf": [{"$ref": "#/definitions/Node"}]}, "name": {"type": "string"}}}},
    });
    let old = write(&tree, false, false);
    assert_eq!(old.lost, vec!["recursive $ref"]);
    assert_eq!(old.schema["properties"]["left"], json!({"type": "OBJECT"}));
    let new = write(&tree, true, false);
    assert!(new.is_json_schema && new.lost.is_empty());
    assert_eq!(new.schema["$ref"], "#/$defs/Node");
    assert_eq!(new.schema["$defs"]["Node"]["properties"]["left"]["allOf"][0]["$ref"], "#/$defs/Node");
    assert!(new.schema.get("$schema").is_none());
}

#[test]
fn maps_and_numeric_enums_need_json_schema() {
    for schema in [
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "object", "properties": {"level": {"enum": [1, 2]}}}),
        json!({"type": "object", "properties": {"pair": {"type": "array", "prefixItems": [{"type": "string"}]}}}),
    ] {
        assert!(write(&schema, true, false).is_json_schema, "{schema}");
        assert_eq!(write(&schema, false, false).lost.len(), 1, "{schema}");
    }
}

#[test]
fn what_no_gemini_knows_is_named() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string", "not": {"const": "b"}}}});
    let written = write(&schema, true, false);
    assert!(!written.is_json_schema);
    assert_eq!(written.lost, vec!["not"]);
}

#[test]
fn case_69_answers_keep_the_order_of_fields() {
    let schema = json!({"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "string"}}});
    assert_eq!(write(&schema, true, true).schema["propertyOrdering"], json!(["z", "a"]));
}

#[test]
fn gemini_schemas_become_json_schema_and_come_back() {
    let gemini = json!({"type": "OBJECT", "required": ["a"], "properties": {
        "a": {"type": "STRING", "nullable": true, "description": "d"},
        "b": {"type": "ARRAY", "minItems": 2, "items": {"type": "NUMBER", "format": "double"}},
        "c": {"anyOf": [{"type": "STRING"}, {"type": "BOOLEAN"}]}}});
    let json_schema = to_json_schema(&gemini);
    assert_eq!(json_schema["properties"]["a"]["type"], json!(["string", "null"]));
    assert_eq!(subset(json_schema), gemini);
    assert_eq!(
        to_json_schema(&json!({"any_of": [{"type": "STRING"}], "min_items": "3", "nullable": true})),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}], "minItems": 3})
    );
}

#[test]
fn a_small_schema_cannot_become_a_huge_one() {
    let mut defs = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/L{}", level + 1)});
        let node = json!({"type": "object", "properties": {"a": next, "b": next, "c": next}});
        defs.insert(format!("L{level}"), node);
    }
    defs.insert("L40".to_owned(), json!({"type": "string", "description": "x".repeat(5_000)}));
    let schema = json!({"$ref": "#/$defs/L0", "$defs": defs});
    let (before, after) = (schema.to_string().len(), write(&schema, false, false).schema.to_string().len());
    assert!(after < before * 32, "{before} bytes became {after}");
    assert!(write(&schema, true, false).is_json_schema);
}

#[test]
fn a_wide_schema_is_written_in_time() {
    let names: Vec<String> = (0..200_000).map(|n| format!("n{n}")).collect();
    let mut schema = json!({"type": "object", "required": names, "properties": {}});
    for name in &names {
        schema["properties"][name] = json!({"type": "string"});
        schema[name] = json!(1);
    }
    let started = std::time::Instant::now();
    assert_eq!(write(&schema, false, true).schema["required"].as_array().unwrap().len(), names.len());
    assert!(started.elapsed().as_secs() < 60, "quadratic");
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!({"$ref": "#"})),
        Just(json!({"$ref": "#/properties/a"})),
        Just(json!({"type": "string", "enum": ["x", null, 3]})),
        Just(json!({"type": ["null"]})),
        Just(json!({"type": [3, "string", ["x"]]})),
        Just(json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]})),
        Just(json!({"required": 3, "properties": []})),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| json!({"anyOf": items})),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| json!({"allOf": items})),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({"type": "object",
                "properties": {"a": a, "b": b}, "required": ["a", 1]})),
            inner.prop_map(|items| json!({"type": ["array", "null"], "items": items})),
        ]
    })
}

proptest! {
    #[test]
    fn any_schema_is_written_without_refs(schema in any_schema()) {
        let written = write(&schema, false, true);
        prop_assert!(!written.schema.to_string().contains("$ref"));
        to_json_schema(&schema);
    }
}
