//! Changes a few ranges of a request and leaves every other byte as it came.

use std::ops::Range;

use bytes::Bytes;

use tidegate_core::pieces::Pieces;

use super::layout::{Entry, Field, entries};
use super::peek::Peek;

/// Stretches this long are shared with the body as it came: to copy them costs more than to send one piece more.
const SHARED: usize = 16 * 1024;

/// Changes to one body, applied all at once by [`Edits::apply`].
#[derive(Debug)]
pub struct Edits<'a> {
    body: &'a Bytes,
    entries: &'a [Entry],
    changes: Vec<(usize, Change)>,
    appended: Vec<u8>,
}

#[derive(Debug)]
enum Change {
    Remove,
    Key(&'static str),
    Value(Vec<u8>),
}

impl<'a> Edits<'a> {
    /// No changes yet. `peek` must have been read from `body`.
    pub fn new(body: &'a Bytes, peek: &'a Peek) -> Self {
        Self { body, entries: &peek.entries, changes: Vec::new(), appended: Vec::new() }
    }

    /// Names the model `name`. Does nothing where the body names none (Gemini has it in the path).
    pub fn model(&mut self, name: &str) {
        if let Some(i) = self.find(Field::Model) {
            let json = json_string(name);
            if self.value(i) != json {
                self.change(i, Change::Value(json));
            }
        }
    }

    /// Asks for a usage report in the stream: `stream_options.include_usage: true`, other options kept (case 5).
    pub fn include_usage(&mut self) {
        let Some(i) = self.find(Field::StreamOptions) else {
            self.append(r#""stream_options":{"include_usage":true}"#);
            return;
        };
        let options = self.value(i);
        let inner = std::str::from_utf8(options).ok().and_then(|text| entries(text).ok()).unwrap_or_default();
        let json = match inner.iter().rfind(|entry| entry.field == Field::IncludeUsage) {
            Some(entry) if options.get(entry.value.clone()) == Some(b"true") => return,
            Some(entry) => [&options[..entry.value.start], b"true", &options[entry.value.end..]].concat(),
            None if inner.is_empty() => br#"{"include_usage":true}"#.to_vec(),
            None => [br#"{"include_usage":true,"#, &options[1..]].concat(),
        };
        self.change(i, Change::Value(json));
    }

    /// Leaves `stream_options` away ([`crate::Quirks::no_stream_options`]).
    pub fn remove_stream_options(&mut self) {
        if let Some(i) = self.find(Field::StreamOptions) {
            self.change(i, Change::Remove);
        }
    }

    /// Renames `max_completion_tokens` to `max_tokens` ([`crate::Quirks::legacy_max_tokens`], case 65). Where both are
    /// there, the new name's number stays under the old name.
    pub fn legacy_max_tokens(&mut self) {
        let Some(i) = self.find(Field::MaxCompletionTokens) else { return };
        if self.value(i) == b"null" {
            self.change(i, Change::Remove);
            return;
        }
        if let Some(old) = self.find(Field::MaxTokens) {
            self.change(old, Change::Remove);
        }
        self.change(i, Change::Key("\"max_tokens\""));
    }

    /// Leaves away fields at the top of the body that are null ([`crate::Quirks::no_null_fields`], case 70).
    pub fn remove_nulls(&mut self) {
        for i in 0..self.entries.len() {
            if self.value(i) == b"null" && self.changes.iter().all(|(at, _)| *at != i) {
                self.change(i, Change::Remove);
            }
        }
    }

    /// The changed body. Long stretches that stay as they are, are not copied.
    pub fn apply(self) -> Pieces {
        if self.changes.is_empty() && self.appended.is_empty() {
            return self.body.clone().into();
        }
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return [b"{", &self.appended[..], b"}"].concat().into();
        };
        let grown: usize = self.changes.iter().map(|(_, change)| change.size()).sum();
        let mut out = Copy::new(self.body, grown + self.appended.len() + 1);
        out.keep(0..first.key.start);
        let mut before = None;
        let mut is_first = true;
        for (i, entry) in self.entries.iter().enumerate() {
            let gap = before.replace(entry.value.end).unwrap_or(entry.key.start)..entry.key.start;
            let change = self.changes.iter().find(|(at, _)| *at == i).map(|(_, change)| change);
            if matches!(change, Some(Change::Remove)) {
                continue;
            }
            if !std::mem::take(&mut is_first) {
                out.keep(gap);
            }
            match change {
                Some(Change::Key(key)) => {
                    out.put(key.as_bytes());
                    out.keep(entry.key.end..entry.value.end);
                }
                Some(Change::Value(value)) => {
                    out.keep(entry.key.start..entry.value.start);
                    out.put(value);
                }
                _ => out.keep(entry.key.start..entry.value.end),
            }
        }
        if !self.appended.is_empty() {
            if !is_first {
                out.put(b",");
            }
            out.put(&self.appended);
        }
        out.keep(last.value.end..self.body.len());
        out.finish()
    }

    /// A later change of the same field replaces an earlier one.
    fn change(&mut self, i: usize, change: Change) {
        self.changes.retain(|(at, _)| *at != i);
        self.changes.push((i, change));
    }

    fn append(&mut self, field: &str) {
        if !self.appended.is_empty() {
            self.appended.push(b',');
        }
        self.appended.extend_from_slice(field.as_bytes());
    }

    fn find(&self, field: Field) -> Option<usize> {
        self.entries.iter().position(|entry| entry.field == field)
    }

    fn value(&self, i: usize) -> &'a [u8] {
        &self.body[self.entries[i].value.clone()]
    }
}

impl Change {
    fn size(&self) -> usize {
        match self {
            Self::Remove => 0,
            Self::Key(key) => key.len(),
            Self::Value(value) => value.len(),
        }
    }
}

fn json_string(text: &str) -> Vec<u8> {
    // Writing a string to memory cannot fail.
    serde_json::to_vec(text).unwrap_or_default()
}

/// Puts ranges of a body together; ranges that touch are one.
struct Copy<'a> {
    body: &'a Bytes,
    pieces: Pieces,
    /// Behind the pieces: what was copied.
    out: Vec<u8>,
    run: Range<usize>,
}

impl<'a> Copy<'a> {
    /// One that will be longer than `body` by so much at most.
    fn new(body: &'a Bytes, grown: usize) -> Self {
        let copied = if body.len() < SHARED { body.len() } else { 0 };
        Self { body, pieces: Pieces::default(), out: Vec::with_capacity(copied + grown), run: 0..0 }
    }

    fn keep(&mut self, range: Range<usize>) {
        if range.start == self.run.end {
            self.run.end = range.end;
        } else {
            self.flush();
            self.run = range;
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.flush();
        self.run = 0..0;
        self.out.extend_from_slice(bytes);
    }

    fn flush(&mut self) {
        let run = self.run.clone();
        if run.len() < SHARED {
            return self.out.extend_from_slice(&self.body[run]);
        }
        self.pieces.push(std::mem::take(&mut self.out).into());
        self.pieces.push(self.body.slice(run));
    }

    fn finish(mut self) -> Pieces {
        self.flush();
        self.pieces.push(self.out.into());
        self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passage::{Endpoint, peek};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn edited(body: &str, edit: impl Fn(&mut Edits<'_>)) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let seen = peek(Endpoint::Other, &body).unwrap();
        let mut edits = Edits::new(&body, &seen);
        edit(&mut edits);
        String::from_utf8(edits.apply().whole().to_vec()).unwrap()
    }

    #[test]
    fn fault_34_unknown_fields_numbers_and_order_stay_as_they_are() {
        let body = r#" { "x":12345678901234567890123, "y":1.0,  "model" : "a" , "z": {"b":1,"a":1e2}, "s":"\ud800\/" } "#;
        let changed = edited(body, |edits| edits.model("b\"c"));
        assert_eq!(changed, body.replace(r#""a" ,"#, r#""b\"c" ,"#));
    }

    #[test]
    fn no_change_copies_nothing() {
        let body = Bytes::from_static(br#"{"model":"a"}"#);
        let seen = peek(Endpoint::Other, &body).unwrap();
        let mut edits = Edits::new(&body, &seen);
        edits.model("a");
        edits.remove_nulls();
        assert_eq!(edits.apply().first().as_ptr(), body.as_ptr());
    }

    #[test]
    fn long_stretches_are_shared_and_what_changes_stands_between_them() {
        let long = "x".repeat(SHARED);
        let text = format!(r#"{{"a":"{long}","model":"m","b":"{long}"}}"#);
        let body = Bytes::from(text.clone());
        let seen = peek(Endpoint::Other, &body).unwrap();
        let mut edits = Edits::new(&body, &seen);
        edits.model("other");
        let mut pieces = edits.apply();
        assert_eq!(pieces.whole(), text.replace(r#""m""#, r#""other""#));
        assert_eq!(pieces.pop().unwrap().as_ptr(), body.as_ptr());
        assert_eq!(pieces.pop().unwrap(), r#""other""#);
        assert!(pieces.pop().unwrap().len() > SHARED && pieces.is_empty());
    }

    #[test]
    fn case_05_usage_is_asked_for_and_other_options_stay() {
        for (before, after) in [
            (r#"{"model":"m"}"#, r#"{"model":"m","stream_options":{"include_usage":true}}"#),
            (
                r#"{"stream_options":null,"model":"m"}"#,
                r#"{"stream_options":{"include_usage":true},"model":"m"}"#,
            ),
            (
                r#"{"model":"m","stream_options":{}}"#,
                r#"{"model":"m","stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"model":"m","stream_options":{ "include_obfuscation":false}}"#,
                r#"{"model":"m","stream_options":{"include_usage":true, "include_obfuscation":false}}"#,
            ),
            (
                r#"{"model":"m","stream_options":{"include_usage": false, "x":1}}"#,
                r#"{"model":"m","stream_options":{"include_usage": true, "x":1}}"#,
            ),
            (
                r#"{"model":"m","stream_options":{"include_usage":true}}"#,
                r#"{"model":"m","stream_options":{"include_usage":true}}"#,
            ),
        ] {
            assert_eq!(edited(before, |edits| edits.include_usage()), after);
        }
    }

    #[test]
    fn case_65_the_new_name_of_the_limit_becomes_the_old_one() {
        for (before, after) in [
            (r#"{"model":"m","max_completion_tokens": 5}"#, r#"{"model":"m","max_tokens": 5}"#),
            (r#"{"max_tokens":9, "model":"m","max_completion_tokens":5}"#, r#"{"model":"m","max_tokens":5}"#),
            (
                r#"{"max_tokens":9,"model":"m","max_completion_tokens":null}"#,
                r#"{"max_tokens":9,"model":"m"}"#,
            ),
        ] {
            assert_eq!(edited(before, |edits| edits.legacy_max_tokens()), after);
        }
    }

    #[test]
    fn case_70_nulls_are_removed_wherever_they_stand() {
        for (before, after) in [
            (r#"{"a":null,"model":"m"}"#, r#"{"model":"m"}"#),
            (r#"{"a":null , "b":null,"model":"m","c" : null }"#, r#"{"model":"m" }"#),
            (
                r#"{"model":"m","a":{"b":null}, "c":null,"d":[null]}"#,
                r#"{"model":"m","a":{"b":null},"d":[null]}"#,
            ),
        ] {
            assert_eq!(edited(before, |edits| edits.remove_nulls()), after);
        }
    }

    #[test]
    fn edits_go_together() {
        let body = r#"{"n":null,"stream_options":{"x":1},"model":"m","max_completion_tokens":5,"o":null}"#;
        let changed = edited(body, |edits| {
            edits.remove_nulls();
            edits.model("other");
            edits.legacy_max_tokens();
            edits.remove_stream_options();
        });
        assert_eq!(changed, r#"{"model":"other","max_tokens":5}"#);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~é🌊]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\"\\\\]{1,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_splice_changes_nothing_but_what_it_says(
            fields in proptest::collection::btree_map("x[a-z\"\\\\]{0,5}", any_json(), 0..8),
            options in proptest::option::of(any_json().prop_filter("object", |json| json.is_object() || json.is_null())),
            is_first in any::<bool>(), is_pretty in any::<bool>(),
            nulls in any::<bool>(), usage in any::<bool>(),
        ) {
            let mut object = Map::new();
            if is_first { object.insert("model".into(), "m".into()); }
            object.extend(fields);
            if !is_first { object.insert("model".into(), "m".into()); }
            if let Some(options) = options { object.insert("stream_options".into(), options); }
            let body = if is_pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
            let changed = edited(&body, |edits| {
                edits.model("new");
                if usage { edits.include_usage(); }
                if nulls { edits.remove_nulls(); }
            });
            object.insert("model".into(), "new".into());
            if usage {
                let slot = object.entry("stream_options").or_insert(Value::Null);
                if slot.is_null() { *slot = json!({}); }
                slot["include_usage"] = json!(true);
            }
            if nulls { object.retain(|_, value| !value.is_null()); }
            prop_assert_eq!(serde_json::from_str::<Value>(&changed).unwrap(), Value::Object(object));
            if !usage && !nulls {
                prop_assert_eq!(changed.replacen("\"new\"", "\"m\"", 1), body);
            }
        }
    }
}
