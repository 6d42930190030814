//! JSON schema for Gemini, and back (case 37).
//!
//! Gemini has two fields for a schema, only one of which may be set. `parameters`/`responseSchema` take a subset of
//! OpenAPI 3.0 and work with every model; `parametersJsonSchema`/`responseJsonSchema` take JSON schema, of which models
//! from 2.5 on understand more than the subset: `$ref` and `$defs` with recursion, `additionalProperties`,
//! `prefixItems`, enums of numbers (reference of `GenerationConfig.responseJsonSchema`).
//!
//! The rule: what the subset says without loss (after `$ref` is inlined, `const` made an enum, null made `nullable`,
//! `oneOf` made `anyOf`, `allOf` merged, missing `items` made strings) is sent as the subset. What it cannot say, but
//! JSON schema can, is sent as JSON schema to models of 2.5 and later. What neither says is left away and named.

mod from_gemini;
mod keywords;
mod subset;

use serde_json::Value;

pub use from_gemini::to_json_schema;

/// A schema as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The schema.
    pub schema: Value,
    /// True for the `…JsonSchema` field, false for the subset.
    pub is_json_schema: bool,
    /// Keywords that the model will not see: `not`, `patternProperties`.
    pub lost: Vec<String>,
}

/// Writes a JSON schema. `takes_json_schema` is true for models of 2.5 and later. `keep_order` adds
/// `propertyOrdering`, for answers that should have their fields in the schema's order.
pub fn write(schema: &Value, takes_json_schema: bool, keep_order: bool) -> Written {
    let subset = subset::write(schema, keep_order);
    if takes_json_schema && !subset.needs_json_schema.is_empty() {
        return Written { schema: full(schema), is_json_schema: true, lost: subset.lost };
    }
    let mut lost = subset.needs_json_schema;
    lost.extend(subset.lost);
    Written { schema: subset.schema, is_json_schema: false, lost }
}

/// JSON schema as it came, but for `$schema` and the older place of definitions (`definitions`, now `$defs`).
fn full(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(map) = &mut schema {
        map.shift_remove("$schema");
        if !map.contains_key("$defs")
            && let Some(definitions) = map.shift_remove("definitions")
        {
            map.insert("$defs".to_owned(), definitions);
            rename_refs(&mut schema);
        }
    }
    schema
}

fn rename_refs(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(rename_refs),
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/definitions/") {
                            *target = format!("#/$defs/{name}");
                        }
                    }
                    other => rename_refs(other),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
