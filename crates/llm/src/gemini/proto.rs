//! Proto JSON, as Google's parsers take it: either key style, a single object for a list of one.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Map, Value};

use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};

/// `max_output_tokens` → `maxOutputTokens`. Keys without underscores stay as they are.
pub(crate) fn camel_key(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut upper = false;
    for c in key.chars() {
        match c {
            '_' if !out.is_empty() => upper = true,
            _ if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            _ => out.push(c),
        }
    }
    out
}

/// The object at `path` with its own keys (not those of its fields) in camelCase.
pub(crate) fn fields(path: impl Into<String>, value: Value) -> Result<Fields, BadRequest> {
    let value = match value {
        Value::Object(map) => Value::Object(camel_map(map)),
        other => other,
    };
    Fields::of(path, value)
}

fn camel_map(map: Map<String, Value>) -> Map<String, Value> {
    if map.keys().any(|key| key.contains('_')) {
        map.into_iter().map(|(key, value)| (camel_key(&key), value)).collect()
    } else {
        map
    }
}

/// Takes an object.
pub(crate) fn object(parent: &mut Fields, name: &str) -> Result<Option<Fields>, BadRequest> {
    let path = parent.at(name);
    parent.take(name).map(|value| fields(path, value)).transpose()
}

/// Takes a list of objects; one object alone is a list of one, as in Google's own `curl` examples.
pub(crate) fn objects(parent: &mut Fields, name: &str) -> Result<Vec<Fields>, BadRequest> {
    let path = parent.at(name);
    match parent.take(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| fields(format!("{path}[{index}]"), item))
            .collect(),
        Some(one @ Value::Object(_)) => Ok(vec![fields(format!("{path}[0]"), one)?]),
        Some(other) => Err(wrong(&path, "an array of objects", &other)),
    }
}

/// Takes a list of strings.
pub(crate) fn strings(parent: &mut Fields, name: &str) -> Result<Option<Vec<String>>, BadRequest> {
    let path = parent.at(name);
    let Some(items) = parent.array(name)? else { return Ok(None) };
    let texts = items.into_iter().enumerate().map(|(index, item)| match item {
        Value::String(text) => Ok(text),
        other => Err(wrong(&format!("{path}[{index}]"), "a string", &other)),
    });
    texts.collect::<Result<_, _>>().map(Some)
}

/// Proto JSON takes bytes in either base64 alphabet, with or without padding (google-genai for Python sends the
/// URL-safe one); the hub has the standard alphabet with padding.
pub(crate) fn standard_base64(data: String) -> String {
    let mut data = if data.contains(['-', '_']) { data.replace('-', "+").replace('_', "/") } else { data };
    match data.len() % 4 {
        2 => data.push_str("=="),
        3 => data.push('='),
        _ => {}
    }
    data
}

/// Whether a seal can stand in a field of type bytes. google-genai refuses a whole answer where one cannot.
pub(crate) fn is_base64(text: &str) -> bool {
    !text.is_empty() && (STANDARD.decode(text).is_ok() || URL_SAFE.decode(text).is_ok())
}

/// Inserts `value` at a dotted path, making objects on the way. False when something else is in the way.
pub(crate) fn insert(body: &mut Map<String, Value>, path: &str, value: Value) -> bool {
    match path.split_once('.') {
        None => {
            body.insert(path.to_owned(), value);
            true
        }
        Some((head, rest)) => match body.entry(head).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => insert(inner, rest, value),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_of_either_style_are_read() {
        assert_eq!(camel_key("max_output_tokens"), "maxOutputTokens");
        assert_eq!(camel_key("topP"), "topP");
        assert_eq!(camel_key("_x"), "_x");
        let mut read = fields("", json!({"file_uri": "gs://a", "inner": {"keep_me": 1}})).unwrap();
        assert_eq!(read.string("fileUri").unwrap().as_deref(), Some("gs://a"));
        assert_eq!(read.take("inner"), Some(json!({"keep_me": 1})));
    }

    #[test]
    fn both_base64_alphabets_become_the_standard_one() {
        assert_eq!(standard_base64("_-8".to_owned()), "/+8=");
        assert_eq!(standard_base64("aGk=".to_owned()), "aGk=");
    }

    #[test]
    fn seals_must_be_whole_base64() {
        assert!(is_base64("AAA=") && is_base64("_-8=") && is_base64(crate::gemini::DUMMY_SIGNATURE));
        assert!(!is_base64("BBB=") && !is_base64("AAA") && !is_base64("no base64!") && !is_base64(""));
    }
}
