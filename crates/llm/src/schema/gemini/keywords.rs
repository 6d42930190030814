//! JSON schema keyword by keyword: merging, normalising, copying what Gemini's subset has.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// An object of a written schema.
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

/// Keywords that are read here, besides those above.
const READ: &[&str] = &[
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maximum",
    "minimum",
    "nullable",
    "oneOf",
    "prefixItems",
    "type",
    "uniqueItems",
];

fn is_known(key: &str) -> bool {
    [READ, KEPT, NOWHERE].iter().any(|list| list.contains(&key))
}

const KINDS: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// The keywords of one schema, borrowed: a schema that is referred to many times is never copied.
#[derive(Clone, Debug, Default)]
pub(super) struct Keywords<'a> {
    others: Vec<(&'a str, Cow<'a, Value>)>,
    /// Of the schema and of all that was merged into it; the first of a name wins.
    pub(super) properties: Vec<(&'a str, &'a Value)>,
    /// The same for `required`.
    pub(super) required: Vec<&'a str>,
}

impl<'a> Keywords<'a> {
    pub(super) fn of(map: &'a Node) -> Self {
        let mut keywords = Self::default();
        keywords.merge(map);
        keywords
    }

    /// Adds the keywords of `map`: properties and required add up, of the rest the first wins.
    pub(super) fn merge(&mut self, map: &'a Node) {
        for (key, value) in map {
            match (key.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    self.properties.extend(properties.iter().map(|(name, schema)| (name.as_str(), schema)));
                }
                ("required", Value::Array(names)) => {
                    self.required.extend(names.iter().filter_map(Value::as_str));
                }
                // Only known keywords are kept: a schema with a million others must not cost a million squared.
                (key, value) if is_known(key) && !self.has(key) => {
                    self.others.push((key, Cow::Borrowed(value)));
                }
                _ => {}
            }
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.others.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_ref())
    }

    /// A keyword that stands in the caller's schema as it is.
    pub(super) fn borrowed(&self, key: &str) -> Option<&'a Value> {
        self.others.iter().find(|(known, _)| *known == key).and_then(|(_, value)| match value {
            Cow::Borrowed(value) => Some(*value),
            Cow::Owned(_) => None,
        })
    }

    pub(super) fn set(&mut self, key: &'a str, value: Value) {
        self.others.retain(|(known, _)| *known != key);
        self.others.push((key, Cow::Owned(value)));
    }

    /// Takes a keyword that stands in the caller's schema as it is.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a Value> {
        let value = self.borrowed(key);
        self.others.retain(|(known, _)| *known != key);
        value
    }

    /// `const` → `enum`, `oneOf` → `anyOf`.
    pub(super) fn normalise(&mut self) {
        if let Some(value) = self.take("const")
            && !self.has("enum")
        {
            self.set("enum", json!([value]));
        }
        if let Some(options) = self.take("oneOf")
            && !self.has("anyOf")
        {
            self.others.push(("anyOf", Cow::Borrowed(options)));
        }
    }

    /// Takes null out of `type` and `enum`, and makes a list of one type that type; true when null was there.
    pub(super) fn take_null(&mut self) -> bool {
        let mut nullable = self.get("nullable") == Some(&Value::Bool(true));
        if let Some(Value::Array(kinds)) = self.get("type") {
            let known = KINDS.into_iter().filter(|kind| kinds.iter().any(|told| told.as_str() == Some(kind)));
            let mut known: Vec<&str> = known.collect();
            let before = known.len();
            known.retain(|kind| *kind != "null");
            nullable |= known.len() < before;
            let kind = match known[..] {
                [] if nullable => json!("null"),
                [only] => json!(only),
                _ => json!(known),
            };
            self.set("type", kind);
        }
        if let Some(Value::Array(values)) = self.get("enum")
            && values.iter().any(Value::is_null)
        {
            nullable = true;
            let values: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
            if values.is_empty() {
                self.take("enum");
                self.others.push(("type", Cow::Owned(json!("null"))));
            } else {
                self.set("enum", Value::Array(values));
            }
        }
        nullable
    }

    /// The type, guessed from other keywords where it is not told.
    pub(super) fn kind(&self) -> Option<&'static str> {
        if let Some(name) = self.get("type").and_then(Value::as_str) {
            return KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(name));
        }
        if !self.properties.is_empty() || !self.required.is_empty() || self.has("additionalProperties") {
            return Some("object");
        }
        if self.has("items") || self.has("prefixItems") {
            return Some("array");
        }
        let values = self.get("enum").and_then(Value::as_array)?;
        let scalars = ["string", "integer", "number", "boolean"];
        scalars.into_iter().find(|kind| values.iter().all(|value| is_of(value, kind)))
    }

    /// The target of `"allOf": [{"$ref": …}]`, the way in which many generators put a remark beside a `$ref`.
    pub(super) fn lone_reference(&self) -> Option<&'a str> {
        match self.borrowed("allOf")?.as_array()?.as_slice() {
            [only] => only.get("$ref")?.as_str(),
            _ => None,
        }
    }

    /// Copies a keyword into a written schema.
    pub(super) fn copy(&self, to: &mut Node, key: &str) {
        if let Some(value) = self.get(key).filter(|value| !value.is_null()) {
            to.insert(key.to_owned(), value.clone());
        }
    }

    /// Other formats are refused for texts; JSON schema takes them as remarks anyhow.
    pub(super) fn copy_format(&self, out: &mut Node, kind: Option<&str>) {
        let known = match (kind, self.get("format").and_then(Value::as_str)) {
            (Some("string"), Some(format)) => ["date-time", "enum"].contains(&format),
            (Some("number"), Some(format)) => ["float", "double"].contains(&format),
            (Some("integer"), Some(format)) => ["int32", "int64"].contains(&format),
            _ => false,
        };
        if known {
            self.copy(out, "format");
        }
    }

    /// Exclusive bounds become inclusive ones: exact for whole numbers, one value wider for others.
    pub(super) fn copy_bounds(&self, out: &mut Node, kind: Option<&str>) {
        for (exclusive, inclusive, step) in
            [("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)]
        {
            self.copy(out, inclusive);
            match self.get(exclusive) {
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

    /// What copying the keywords into a written schema costs, besides 1.
    pub(super) fn weight(&self) -> usize {
        let copied = ["enum", "pattern"].iter().chain(KEPT).filter_map(|key| self.get(key));
        copied.map(weight).sum()
    }
}

/// The size of a value: its nodes, and one more for every 64 bytes of text.
pub(super) fn weight(value: &Value) -> usize {
    1 + match value {
        Value::String(text) => text.len() / 64,
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map.values().map(weight).sum(),
        _ => 0,
    }
}

pub(super) fn note(list: &mut Vec<String>, what: &str) {
    if !list.iter().any(|known| known == what) {
        list.push(what.to_owned());
    }
}

pub(super) fn node_of(kind: &str) -> Node {
    Node::from_iter([("type".to_owned(), kind.into())])
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
pub(super) fn resolve<'a>(root: &'a Value, target: &str) -> Option<&'a Node> {
    root.pointer(target.strip_prefix('#')?)?.as_object()
}
