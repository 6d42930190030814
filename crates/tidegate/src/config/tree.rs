//! The config file as a tree whose every node knows its place in the text, so that all problems can be shown at once.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::problem::Problem;

/// A place in the text, in bytes.
pub type Place = Range<usize>;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it is written. A block mapping's or list's place is its first character.
    pub place: Place,
    /// Whether `${…}` has been filled in: then the text came from outside the file.
    pub filled_in: bool,
}

/// What YAML can say.
#[derive(Clone, Debug)]
pub enum Value {
    /// A text whose `${…}` has no value, or a file that is not YAML: there is a problem for it already.
    Unknown,
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key and its place.
#[derive(Clone, Debug)]
pub struct Key {
    /// The name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

/// Reads YAML. An empty file is an empty mapping. Aliases and nesting are bounded, so that a small file cannot grow huge.
pub fn parse(text: &str) -> Result<Node, Problem> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_events: 200_000,
            max_nodes: 100_000,
            max_depth: 32,
        },
    };
    if text.lines().all(|line| line.trim_start().starts_with('#') || line.trim().is_empty()) {
        return Ok(Node { value: Value::Map(Vec::new()), place: 0..0, filled_in: false });
    }
    serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options)
        .map(Node::from)
        .map_err(|error| syntax_problem(text, &error))
}

fn syntax_problem(text: &str, error: &serde_saphyr::Error) -> Problem {
    let start = error.location().map_or(0, |at| offset(text, at.line() as usize, at.column() as usize));
    let end = text[start..].char_indices().nth(1).map_or(text.len(), |(next, _)| start + next);
    let words = error.without_snippet().to_string();
    // The place is shown by the caret.
    let words = words.lines().next().and_then(|line| line.split(" at line ").next()).unwrap_or_default();
    Problem::error(format!("this is not YAML: {words}"), start..end)
}

/// The byte at which a line's column begins; both count from 1, columns in characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[before..];
    before + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

impl Node {
    /// What kind of value it is, for people.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Unknown => "unknown",
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The place of what stands at `path` (keys, and numbers for list items), or of the nearest node above it that exists.
    /// Mappings and lists are shown by their key.
    pub fn place_of(&self, path: &[&str]) -> Place {
        self.look(path).0
    }

    /// The place of the last key of `path`.
    pub fn key_of(&self, path: &[&str]) -> Place {
        self.look(path).1
    }

    /// The node at `path`.
    pub fn get(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, part| node.child(part).map(|(_, child)| child))
    }

    fn look(&self, path: &[&str]) -> (Place, Place) {
        let (mut node, mut shown, mut key) = (self, self.place.clone(), self.place.clone());
        for part in path {
            let Some((name, child)) = node.child(part) else { break };
            key = name.map_or_else(|| child.place.clone(), |name| name.place.clone());
            let whole = matches!(child.value, Value::List(_) | Value::Map(_) | Value::Null);
            shown = if whole { key.clone() } else { child.place.clone() };
            node = child;
        }
        (shown, key)
    }

    fn child(&self, part: &str) -> Option<(Option<&Key>, &Self)> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|(key, _)| key.name == part).map(|(key, node)| (Some(key), node))
            }
            Value::List(items) => items.get(part.parse::<usize>().ok()?).map(|item| (None, item)),
            _ => None,
        }
    }
}

/// A node before its place is known.
struct Raw(Value);

impl From<Spanned<Raw>> for Node {
    fn from(spanned: Spanned<Raw>) -> Self {
        Self { place: place(&spanned), value: spanned.value.0, filled_in: false }
    }
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    let span = spanned.defined.span();
    let start = span.byte_offset().unwrap_or(0) as usize;
    start..start + span.byte_len().unwrap_or(1).max(1) as usize
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor).map(Self)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or_else(|| Value::Text(number.to_string()), Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Raw>>()? {
            items.push(item.into());
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let place = place(&key);
            entries.push((Key { name: key.value, place }, map.next_value::<Spanned<Raw>>()?.into()));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<'t>(text: &'t str, path: &[&str]) -> &'t str {
        &text[parse(text).unwrap().place_of(path)]
    }

    #[test]
    fn every_node_knows_its_place() {
        let text = "a: {b: [x, \"yé\"]}\nc:\n  - d: 5s\n";
        assert_eq!(shown(text, &["a", "b", "1"]), "\"yé\"");
        assert_eq!(shown(text, &["c", "0", "d"]), "5s");
        assert_eq!(shown(text, &["c"]), "c");
        assert_eq!(shown(text, &["a", "b", "7", "z"]), "b");
        assert_eq!(&text[parse(text).unwrap().key_of(&["c", "0", "d"])], "d");
    }

    #[test]
    fn both_of_two_same_keys_are_there() {
        let Value::Map(entries) = parse("a: 1\na: 2\n").unwrap().value else { panic!() };
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn off_is_a_word_and_an_empty_file_an_empty_mapping() {
        let tree = parse("a: off\nb: 0.075").unwrap();
        assert!(matches!(&tree.get(&["a"]).unwrap().value, Value::Text(text) if text == "off"));
        assert!(matches!(&tree.get(&["b"]).unwrap().value, Value::Number(n) if n.to_string() == "0.075"));
        assert!(matches!(parse("# nothing\n\n").unwrap().value, Value::Map(entries) if entries.is_empty()));
    }

    #[test]
    fn a_yaml_bomb_is_a_problem_not_a_crash() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for i in 1..9 {
            let items = vec![format!("*a{}", i - 1); 9].join(",");
            bomb += &format!("a{i}: &a{i} [{items}]\n");
        }
        assert!(parse(&bomb).is_err());
        assert!(parse(&("[".repeat(5000) + &"]".repeat(5000))).is_err());
        assert!(parse("a: [1, 2\nb: 3").is_err());
    }
}
