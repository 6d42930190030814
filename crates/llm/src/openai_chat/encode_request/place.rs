//! Puts fields that the hub has no word for back to where they were.

use serde_json::{Map, Value, json};

/// Puts `value` at `path` (`logit_bias`, `messages[0].audio`, `messages[1].content[0].x`). False, and nothing changed,
/// when the object that held it is gone or has that field already.
pub(super) fn put(body: &mut Map<String, Value>, path: &str, value: &Value) -> bool {
    let (parent, name) = match path.rfind('.') {
        Some(dot) => (Some(&path[..dot]), &path[dot + 1..]),
        None => (None, path),
    };
    let object = match parent {
        None => Some(body),
        Some(parent) => find(body, parent),
    };
    match object {
        Some(object) if !object.contains_key(name) => {
            object.insert(name.to_owned(), value.clone());
            true
        }
        _ => false,
    }
}

fn find<'a>(body: &'a mut Map<String, Value>, path: &str) -> Option<&'a mut Map<String, Value>> {
    let mut object = body;
    for step in path.split('.') {
        let (name, index) = match step.split_once('[') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(']')?.parse::<usize>().ok()?)),
            None => (step, None),
        };
        let mut value = object.get_mut(name)?;
        if let Some(index) = index {
            unfold(value);
            value = value.get_mut(index)?;
        }
        object = value.as_object_mut()?;
    }
    Some(object)
}

/// A text that was written short is the one part of a content.
fn unfold(value: &mut Value) {
    if let Value::String(text) = value {
        *value = json!([{"type": "text", "text": text}]);
    }
}
