//! JSON schema → Gemini's subset of OpenAPI 3.0.

use serde_json::{Map, Value, json};

use super::keywords::{
    KEPT, NOWHERE, Node, copy, copy_bounds, copy_format, is_null_type, is_of, kind_of, lone_reference, merge,
    normalise, note, object, resolve, take_null,
};

/// Schemas inlined deeper than this are cut: recursion by other means than one `$ref` path cannot run away.
const DEEPEST: usize = 64;
/// Most nodes that a schema may grow to when its `$ref`s are inlined.
const LARGEST: usize = 20_000;

/// A schema in the subset.
pub(super) struct Subset {
    pub(super) schema: Value,
    /// What was lost here but could be said in JSON schema.
    pub(super) needs_json_schema: Vec<String>,
    /// What was lost and cannot be said at all.
    pub(super) lost: Vec<String>,
}

pub(super) fn write(schema: &Value, keep_order: bool) -> Subset {
    let mut writer = Writer {
        root: schema,
        refs: Vec::new(),
        nodes: 0,
        keep_order,
        needs_json_schema: Vec::new(),
        lost: Vec::new(),
    };
    let schema = Value::Object(writer.node(schema, 0));
    Subset { schema, needs_json_schema: writer.needs_json_schema, lost: writer.lost }
}

struct Writer<'a> {
    root: &'a Value,
    /// The `$ref`s being inlined: one that is already there is a recursion.
    refs: Vec<String>,
    nodes: usize,
    keep_order: bool,
    needs_json_schema: Vec<String>,
    lost: Vec<String>,
}

impl Writer<'_> {
    fn node(&mut self, schema: &Value, depth: usize) -> Node {
        self.nodes += 1;
        if depth > DEEPEST || self.nodes > LARGEST {
            note(&mut self.needs_json_schema, "depth");
            return object(&[("type", json!("OBJECT"))]);
        }
        let Value::Object(source) = schema else {
            // `true`: anything goes. Gemini wants a type.
            note(&mut self.needs_json_schema, "any type");
            return object(&[("type", json!("STRING"))]);
        };
        if let Some(target) = source.get("$ref").and_then(Value::as_str) {
            return self.reference(target, source, depth);
        }
        let mut source = source.clone();
        if let Some(target) = lone_reference(&source) {
            source.shift_remove("allOf");
            return self.reference(&target, &source, depth);
        }
        self.merge_all_of(&mut source);
        normalise(&mut source);
        let mut nullable = take_null(&mut source);
        if let Some(options) = source.shift_remove("anyOf")
            && let Some(node) = self.any_of(options, &source, &mut nullable, depth)
        {
            return node;
        }
        self.plain(source, nullable, depth)
    }

    /// Inlines a local `$ref`; the keywords beside it stay.
    fn reference(&mut self, target: &str, source: &Node, depth: usize) -> Node {
        let mut beside = source.clone();
        beside.shift_remove("$ref");
        if self.refs.iter().any(|open| open == target) {
            note(&mut self.needs_json_schema, "recursive $ref");
            let mut cut = object(&[("type", json!("OBJECT"))]);
            copy(&beside, &mut cut, "description");
            return cut;
        }
        let Some(Value::Object(found)) = resolve(self.root, target) else {
            note(&mut self.lost, "$ref");
            return self.node(&Value::Object(beside), depth + 1);
        };
        let mut merged = found.clone();
        merged.extend(beside);
        self.refs.push(target.to_owned());
        let node = self.node(&Value::Object(merged), depth + 1);
        self.refs.pop();
        node
    }

    /// Merges the members of `allOf` into the node.
    fn merge_all_of(&mut self, source: &mut Node) {
        let mut rounds = 0;
        while let Some(Value::Array(members)) = source.shift_remove("allOf") {
            rounds += 1;
            if rounds > DEEPEST {
                note(&mut self.lost, "allOf");
                return;
            }
            for member in members {
                let target = member.get("$ref").and_then(Value::as_str);
                let resolved = match target {
                    Some(target) if self.refs.iter().any(|open| open == target) => None,
                    Some(target) => resolve(self.root, target),
                    None => Some(&member),
                };
                match resolved {
                    Some(Value::Object(member)) => merge(source, member),
                    _ => note(&mut self.needs_json_schema, "recursive $ref"),
                }
            }
        }
    }

    /// `anyOf` must stand alone in the subset, so what is beside it moves into its members. `None` when the choice
    /// only adds conditions to an object described beside it; then it is left away.
    fn any_of(&mut self, options: Value, source: &Node, nullable: &mut bool, depth: usize) -> Option<Node> {
        let Value::Array(options) = options else { return None };
        let before = options.len();
        let options: Vec<Value> = options.into_iter().filter(|option| !is_null_type(option)).collect();
        *nullable |= options.len() < before;
        let has_own = ["properties", "type", "items", "enum"].iter().any(|key| source.contains_key(*key));
        if options.is_empty() {
            return None;
        }
        if has_own {
            note(&mut self.lost, "anyOf");
            return None;
        }
        let mut members: Vec<Node> = options.iter().map(|option| self.node(option, depth + 1)).collect();
        for member in &mut members {
            if *nullable {
                member.insert("nullable".to_owned(), json!(true));
            }
            if !member.contains_key("description") {
                copy(source, member, "description");
            }
        }
        if members.len() == 1 {
            let mut only = members.pop()?;
            for key in ["description", "title", "default"] {
                copy(source, &mut only, key);
            }
            return Some(only);
        }
        let members = members.into_iter().map(Value::Object).collect();
        Some(object(&[("anyOf", Value::Array(members))]))
    }

    /// A node of one type, or of several.
    fn plain(&mut self, source: Node, nullable: bool, depth: usize) -> Node {
        if let Some(Value::Array(kinds)) = source.get("type") {
            return self.union(&source, kinds, nullable, depth);
        }
        let kind = kind_of(&source);
        if kind.is_none() {
            note(&mut self.needs_json_schema, "any type");
        }
        let mut out = object(&[("type", kind.unwrap_or("string").to_ascii_uppercase().into())]);
        if nullable {
            out.insert("nullable".to_owned(), json!(true));
        }
        self.note_lost(&source);
        for key in KEPT {
            copy(&source, &mut out, key);
        }
        copy_format(&source, &mut out, kind);
        copy_bounds(&source, &mut out, kind);
        self.enumeration(&source, &mut out, kind);
        match kind {
            Some("object") => self.properties(&source, &mut out, depth),
            Some("array") => self.items(&source, &mut out, depth),
            _ => {}
        }
        out
    }

    /// Several types: a choice of one node per type.
    fn union(&mut self, source: &Node, kinds: &[Value], nullable: bool, depth: usize) -> Node {
        let members = kinds.iter().filter(|kind| kind.is_string()).map(|kind| {
            let mut one = source.clone();
            one.insert("type".to_owned(), kind.clone());
            if let Some(Value::Array(values)) = one.get_mut("enum") {
                values.retain(|value| is_of(value, kind.as_str().unwrap_or_default()));
                if values.is_empty() {
                    one.shift_remove("enum");
                }
            }
            Value::Object(self.plain(one, nullable, depth + 1))
        });
        let members = members.collect();
        object(&[("anyOf", Value::Array(members))])
    }

    /// The subset has enums of texts only.
    fn enumeration(&mut self, source: &Node, out: &mut Node, kind: Option<&str>) {
        let Some(Value::Array(values)) = source.get("enum") else { return };
        if kind == Some("string") && values.iter().all(Value::is_string) {
            out.insert("enum".to_owned(), Value::Array(values.clone()));
            return;
        }
        note(&mut self.needs_json_schema, "enum");
        let values = values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        let before = out.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = format!("{before} One of: {values}.");
        out.insert("description".to_owned(), description.trim_start().into());
    }

    fn properties(&mut self, source: &Node, out: &mut Node, depth: usize) {
        if source.get("additionalProperties").is_some_and(Value::is_object) {
            note(&mut self.needs_json_schema, "additionalProperties");
        }
        let properties = source.get("properties").and_then(Value::as_object);
        let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
            if depth > 0 {
                // Gemini refuses an object without properties; the parameters as a whole may be left away.
                note(&mut self.needs_json_schema, "object without properties");
            }
            return;
        };
        let written: Map<String, Value> = properties
            .iter()
            .map(|(name, schema)| (name.clone(), Value::Object(self.node(schema, depth + 1))))
            .collect();
        if self.keep_order && written.len() > 1 {
            out.insert("propertyOrdering".to_owned(), written.keys().cloned().collect());
        }
        if let Some(Value::Array(required)) = source.get("required") {
            let known = |name: &&Value| name.as_str().is_some_and(|name| written.contains_key(name));
            let required: Vec<Value> = required.iter().filter(known).cloned().collect();
            if !required.is_empty() {
                out.insert("required".to_owned(), Value::Array(required));
            }
        }
        out.insert("properties".to_owned(), Value::Object(written));
    }

    fn items(&mut self, source: &Node, out: &mut Node, depth: usize) {
        let tuple = source.get("prefixItems").or(source.get("items")).and_then(Value::as_array);
        let items = match (tuple, source.get("items")) {
            (Some(members), _) => {
                note(&mut self.needs_json_schema, "prefixItems");
                members.first().map(|first| self.node(first, depth + 1))
            }
            (_, Some(items @ Value::Object(map))) if !map.is_empty() => Some(self.node(items, depth + 1)),
            _ => None,
        };
        let items = items.unwrap_or_else(|| object(&[("type", json!("STRING"))]));
        out.insert("items".to_owned(), Value::Object(items));
    }

    fn note_lost(&mut self, source: &Node) {
        for key in NOWHERE {
            if source.get(*key).is_some_and(|value| !value.is_boolean()) {
                note(&mut self.lost, key);
            }
        }
        if source.get("uniqueItems") == Some(&Value::Bool(true)) {
            note(&mut self.lost, "uniqueItems");
        }
    }
}
