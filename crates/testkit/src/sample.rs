//! A small value that fits a JSON schema.

use serde_json::{Map, Value, json};

/// Deepest nesting that is filled; deeper places get an empty value, so recursive schemas end.
const DEPTH: usize = 8;

/// A deterministic value for `schema`: every property present, the first of every choice, `Paris` for text,
/// the first whole number that was `said` for integers.
pub(crate) fn sample(schema: &Value, said: &str) -> Value {
    Filling { root: schema, number: first_number(said) }.fill(schema, DEPTH)
}

/// The first whole number in a text, as in `magic_function(3)`.
fn first_number(said: &str) -> Option<u64> {
    let digits = said.split(|letter: char| !letter.is_ascii_digit()).find(|digits| !digits.is_empty())?;
    digits.parse().ok()
}

/// What all levels of one value share.
struct Filling<'a> {
    root: &'a Value,
    number: Option<u64>,
}

impl Filling<'_> {
    fn fill(&self, schema: &Value, depth: usize) -> Value {
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
            return first.clone();
        }
        if depth == 0 {
            return Value::Null;
        }
        if let Some(target) =
            schema["$ref"].as_str().and_then(|path| self.root.pointer(path.trim_start_matches('#')))
        {
            return self.fill(target, depth - 1);
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema[choice].as_array().and_then(|choices| choices.first()) {
                return self.fill(first, depth - 1);
            }
        }
        match type_of(schema).as_str() {
            "object" => self.object(schema, depth),
            "array" => json!([self.fill(&schema["items"], depth - 1)]),
            "integer" if self.number.is_some() => json!(self.number),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => json!("Paris"),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let Some(properties) = schema["properties"].as_object() else { return json!({}) };
        let filled = properties.iter().map(|(name, part)| (name.clone(), self.fill(part, depth - 1)));
        Value::Object(filled.collect::<Map<_, _>>())
    }
}

/// Gemini writes type names in capitals; a list of types stands for its first one.
fn type_of(schema: &Value) -> String {
    let named = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match named {
        Some(name) => name.to_lowercase(),
        None if schema["properties"].is_object() || schema.as_object().is_none_or(Map::is_empty) => {
            "object".into()
        }
        None => "string".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_every_property() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"}, "days": {"type": "INTEGER"}, "unit": {"enum": ["c", "f"]},
            "tags": {"type": "array", "items": {"type": ["string", "null"]}}, "who": {"$ref": "#/$defs/p"},
        }, "$defs": {"p": {"anyOf": [{"type": "object", "properties": {"ok": {"type": "boolean"}}}]}}});
        let expected =
            json!({"city": "Paris", "days": 1, "unit": "c", "tags": ["Paris"], "who": {"ok": true}});
        assert_eq!(sample(&schema, ""), expected);
    }

    #[test]
    fn a_number_that_was_said_goes_into_integers() {
        let schema = json!({"properties": {"input": {"type": "integer"}, "share": {"type": "number"}}});
        assert_eq!(sample(&schema, "What is magic_function(3)? 5?"), json!({"input": 3, "share": 1}));
    }

    #[test]
    fn recursive_schemas_end() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
        assert!(sample(&schema, "")["next"]["next"].is_object());
    }

    #[test]
    fn no_schema_is_an_object() {
        assert_eq!(sample(&Value::Null, ""), json!({}));
        assert_eq!(sample(&json!({}), ""), json!({}));
    }
}
