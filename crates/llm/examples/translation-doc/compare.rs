//! What a field becomes: the difference between a translation with it and one without it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::units::kind_of;

/// Most places that are named for one field.
const MOST: usize = 3;

/// The places of `with` that are not in `without`, as few as tell the story.
pub(crate) fn gained(with: &Value, without: &Value) -> Vec<String> {
    let mut counts: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    leaves(with, "", "", &mut |leaf| *counts.entry(leaf).or_default() += 1);
    leaves(without, "", "", &mut |leaf| *counts.entry(leaf).or_default() -= 1);
    let new: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).map(|(leaf, _)| leaf).collect();
    let new: Vec<_> = new.into_iter().map(|(path, block, value)| close(path, block, value)).collect();
    // Blocks that are new as a whole stand for all that is in them.
    let blocks: Vec<String> = new
        .iter()
        .filter(|(path, _, _)| path.ends_with("[].type") || path.ends_with("[].role"))
        .map(|(path, _, _)| path.rsplit_once('.').map_or(path.as_str(), |(block, _)| block).to_owned())
        .collect();
    let mut places: Vec<String> = Vec::new();
    for (path, block, value) in new {
        let place = match blocks
            .iter()
            .filter(|block| path.starts_with(&format!("{block}.")))
            .max_by_key(|block| block.len())
        {
            Some(owner) if path == format!("{owner}.type") || path == format!("{owner}.role") => {
                format!("{owner} ({})", value.trim_matches('"'))
            }
            Some(_) => continue,
            None if path.ends_with("[]") || block.is_empty() => path,
            None => format!("{path}{block}"),
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    if places.len() > MOST {
        places.truncate(MOST);
        places.push("…".to_owned());
    }
    places
}

/// Fields whose inside is the caller's own business: the path ends there.
const CLOSED: [&str; 14] = [
    "schema",
    "responseSchema",
    "responseJsonSchema",
    "parameters",
    "parametersJsonSchema",
    "input_schema",
    "args",
    "input",
    "response",
    "metadata",
    "inlineData",
    "fileData",
    "citationSources[]",
    "groundingMetadata",
];

/// The leaf, or the closed field that it is in.
fn close(path: String, block: String, value: String) -> (String, String, String) {
    let mut kept = Vec::new();
    for (i, step) in path.split('.').enumerate() {
        kept.push(step);
        // At the top `input` and `metadata` are no closed fields.
        if i > 0 && CLOSED.contains(&step) {
            return (kept.join("."), String::new(), String::new());
        }
    }
    (path, block, value)
}

/// Calls `on_leaf` with path, kind of the innermost block and value of everything that holds nothing else.
fn leaves(value: &Value, path: &str, block: &str, on_leaf: &mut dyn FnMut((String, String, String))) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(inner, &path, block, on_leaf);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let kind = kind_of(item);
                leaves(item, &format!("{path}[]"), if kind.is_empty() { block } else { &kind }, on_leaf);
            }
        }
        leaf => on_leaf((path.to_owned(), block.to_owned(), leaf.to_string())),
    }
}
