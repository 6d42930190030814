//! JSON schema → Gemini's subset of OpenAPI 3.0.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::keywords::{KEPT, Keywords, NOWHERE, Node, is_null_type, is_of, node_of, note, resolve, weight};

/// Schemas inlined deeper than this are cut: recursion by other means than one `$ref` path cannot run away.
const DEEPEST: usize = 64;
/// How many times larger a schema may grow when its `$ref`s are inlined, so that a small one cannot become a huge one.
const GROWTH: usize = 16;
/// The size that every schema may grow to.
const SMALL: usize = 256;

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
        budget: SMALL.saturating_add(weight(schema).saturating_mul(GROWTH)),
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
    refs: Vec<&'a str>,
    /// How much may still be written.
    budget: usize,
    keep_order: bool,
    needs_json_schema: Vec<String>,
    lost: Vec<String>,
}

impl<'a> Writer<'a> {
    fn node(&mut self, schema: &'a Value, depth: usize) -> Node {
        match schema {
            Value::Object(map) if self.budget > 0 => self.keywords(Keywords::of(map), depth),
            Value::Object(_) => self.cut(),
            // `true`: anything goes. Gemini wants a type.
            _ => {
                note(&mut self.needs_json_schema, "any type");
                node_of("STRING")
            }
        }
    }

    fn cut(&mut self) -> Node {
        note(&mut self.needs_json_schema, "depth");
        node_of("OBJECT")
    }

    fn spend(&mut self, weight: usize) {
        self.budget = self.budget.saturating_sub(weight);
    }

    fn keywords(&mut self, mut source: Keywords<'a>, depth: usize) -> Node {
        self.spend(1 + source.weight() + source.properties.len());
        if depth > DEEPEST || self.budget == 0 {
            return self.cut();
        }
        if let Some(target) = source.take("$ref").and_then(Value::as_str) {
            return self.reference(target, source, depth);
        }
        if let Some(target) = source.lone_reference() {
            source.take("allOf");
            return self.reference(target, source, depth);
        }
        self.merge_all_of(&mut source);
        source.normalise();
        let mut nullable = source.take_null();
        if let Some(options) = source.take("anyOf")
            && let Some(node) = self.any_of(options, &source, &mut nullable, depth)
        {
            return node;
        }
        if let Some(Value::Array(kinds)) = source.get("type") {
            let kinds: Vec<String> = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            return self.union(&source, &kinds, nullable, depth);
        }
        self.plain(&source, nullable, depth)
    }

    /// Inlines a local `$ref`; the keywords beside it stay.
    fn reference(&mut self, target: &'a str, mut beside: Keywords<'a>, depth: usize) -> Node {
        if self.refs.contains(&target) {
            note(&mut self.needs_json_schema, "recursive $ref");
            let mut cut = node_of("OBJECT");
            beside.copy(&mut cut, "description");
            return cut;
        }
        let Some(found) = resolve(self.root, target) else {
            note(&mut self.lost, "$ref");
            return self.keywords(beside, depth + 1);
        };
        beside.merge(found);
        self.refs.push(target);
        let node = self.keywords(beside, depth + 1);
        self.refs.pop();
        node
    }

    /// Merges the members of `allOf` into the node.
    fn merge_all_of(&mut self, source: &mut Keywords<'a>) {
        while let Some(Value::Array(members)) = source.take("allOf") {
            for member in members {
                let target = member.get("$ref").and_then(Value::as_str);
                let resolved = match target {
                    Some(target) if self.refs.contains(&target) => None,
                    Some(target) => resolve(self.root, target),
                    None => member.as_object(),
                };
                match resolved {
                    Some(member) if self.budget > 0 => {
                        self.spend(1 + member.len());
                        source.merge(member);
                    }
                    _ => note(&mut self.needs_json_schema, "recursive $ref"),
                }
            }
        }
    }

    /// `anyOf` must stand alone in the subset, so what is beside it moves into its members. `None` when the choice
    /// only adds conditions to an object described beside it; then it is left away.
    fn any_of(
        &mut self,
        options: &'a Value,
        source: &Keywords<'a>,
        nullable: &mut bool,
        depth: usize,
    ) -> Option<Node> {
        let all = options.as_array()?;
        let options: Vec<&Value> = all.iter().filter(|option| !is_null_type(option)).collect();
        *nullable |= options.len() < all.len();
        if options.is_empty() {
            return None;
        }
        let has_own = ["type", "items", "enum"].iter().any(|key| source.has(key));
        if has_own || !source.properties.is_empty() {
            note(&mut self.lost, "anyOf");
            return None;
        }
        let mut members: Vec<Node> = options.iter().map(|option| self.node(option, depth + 1)).collect();
        for member in &mut members {
            if *nullable {
                member.insert("nullable".to_owned(), json!(true));
            }
            if !member.contains_key("description") {
                self.spend(source.get("description").map_or(0, weight));
                source.copy(member, "description");
            }
        }
        if members.len() == 1 {
            let mut only = members.pop()?;
            for key in ["description", "title", "default"] {
                source.copy(&mut only, key);
            }
            return Some(only);
        }
        let members = members.into_iter().map(Value::Object).collect();
        Some(Node::from_iter([("anyOf".to_owned(), Value::Array(members))]))
    }

    /// A node of one type.
    fn plain(&mut self, source: &Keywords<'a>, nullable: bool, depth: usize) -> Node {
        let kind = source.kind();
        if kind.is_none() {
            note(&mut self.needs_json_schema, "any type");
        }
        let mut out = node_of(&kind.unwrap_or("string").to_ascii_uppercase());
        if nullable {
            out.insert("nullable".to_owned(), json!(true));
        }
        self.note_lost(source);
        for key in KEPT {
            source.copy(&mut out, key);
        }
        source.copy_format(&mut out, kind);
        source.copy_bounds(&mut out, kind);
        self.enumeration(source, &mut out, kind);
        match kind {
            Some("object") => self.properties(source, &mut out, depth),
            Some("array") => self.items(source, &mut out, depth),
            _ => {}
        }
        out
    }

    /// Several types: a choice of one node per type.
    fn union(&mut self, source: &Keywords<'a>, kinds: &[String], nullable: bool, depth: usize) -> Node {
        let members = kinds.iter().map(|kind| {
            let mut one = source.clone();
            one.set("type", kind.as_str().into());
            if let Some(Value::Array(values)) = one.get("enum") {
                let values: Vec<Value> = values.iter().filter(|value| is_of(value, kind)).cloned().collect();
                if values.is_empty() {
                    one.take("enum");
                } else {
                    one.set("enum", Value::Array(values));
                }
            }
            self.spend(1 + one.weight());
            Value::Object(self.plain(&one, nullable, depth + 1))
        });
        let members = members.collect();
        Node::from_iter([("anyOf".to_owned(), Value::Array(members))])
    }

    /// The subset has enums of texts only.
    fn enumeration(&mut self, source: &Keywords<'a>, out: &mut Node, kind: Option<&str>) {
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

    fn properties(&mut self, source: &Keywords<'a>, out: &mut Node, depth: usize) {
        if source.get("additionalProperties").is_some_and(Value::is_object) {
            note(&mut self.needs_json_schema, "additionalProperties");
        }
        if source.properties.is_empty() {
            if depth > 0 {
                // Gemini refuses an object without properties; the parameters as a whole may be left away.
                note(&mut self.needs_json_schema, "object without properties");
            }
            return;
        }
        let mut written = Node::new();
        for (name, schema) in &source.properties {
            if !written.contains_key(*name) {
                let node = self.node(schema, depth + 1);
                written.insert((*name).to_owned(), Value::Object(node));
            }
        }
        if self.keep_order && written.len() > 1 {
            out.insert("propertyOrdering".to_owned(), written.keys().cloned().collect());
        }
        let mut told = HashSet::new();
        let mut required = source.required.clone();
        required.retain(|name| written.contains_key(*name) && told.insert(*name));
        if !required.is_empty() {
            out.insert("required".to_owned(), json!(required));
        }
        out.insert("properties".to_owned(), Value::Object(written));
    }

    fn items(&mut self, source: &Keywords<'a>, out: &mut Node, depth: usize) {
        let items = source.borrowed("items");
        let tuple = source.borrowed("prefixItems").or(items).and_then(Value::as_array);
        let items = match (tuple, items) {
            (Some(members), _) => {
                note(&mut self.needs_json_schema, "prefixItems");
                members.first().map(|first| self.node(first, depth + 1))
            }
            (None, Some(Value::Object(map))) if map.is_empty() => None,
            (None, Some(one @ Value::Object(_))) => Some(self.node(one, depth + 1)),
            _ => None,
        };
        out.insert("items".to_owned(), Value::Object(items.unwrap_or_else(|| node_of("STRING"))));
    }

    fn note_lost(&mut self, source: &Keywords<'a>) {
        for key in NOWHERE {
            if source.get(key).is_some_and(|value| !value.is_boolean()) {
                note(&mut self.lost, key);
            }
        }
        if source.get("uniqueItems") == Some(&Value::Bool(true)) {
            note(&mut self.lost, "uniqueItems");
        }
    }
}
