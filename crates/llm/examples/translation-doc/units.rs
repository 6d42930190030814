//! What a JSON body is made of: the fields and blocks that a reader of the document looks up.

use serde_json::Value;

/// A way into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A field.
    Key(String),
    /// A place in an array.
    At(usize),
}

/// One field or block.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// As the document names it: `messages[].content[] (image_url)`.
    pub(crate) label: String,
    /// Where it is.
    pub(crate) path: Vec<Step>,
}

/// Objects that are taken apart into their fields.
const OPENED: [&str; 22] = [
    "generationConfig",
    "thinkingConfig",
    "toolConfig",
    "functionCallingConfig",
    "stream_options",
    "text",
    "reasoning",
    "output_config",
    "thinking",
    "message",
    "content",
    "function",
    "usage",
    "usageMetadata",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
    "cache_creation",
    "source",
    "incomplete_details",
    "promptFeedback",
];

/// Fields that are shown with their value, because each value fares differently.
const BY_VALUE: [&str; 3] = ["tool_choice", "mode", "stream"];

/// The units of a body, in its order.
pub(crate) fn units(body: &Value) -> Vec<Unit> {
    let mut found = Vec::new();
    walk(body, "", &mut Vec::new(), &mut found);
    found
}

/// The body without the unit.
pub(crate) fn without(body: &Value, path: &[Step]) -> Value {
    let mut body = body.clone();
    remove(&mut body, path);
    body
}

/// The body with another number in the unit; without the unit if it is no number. A count that is missing is often made
/// up from the others, so taking it away would show nothing.
pub(crate) fn changed(body: &Value, path: &[Step]) -> Value {
    let pointer: String = path
        .iter()
        .map(|step| match step {
            Step::Key(key) => format!("/{key}"),
            Step::At(i) => format!("/{i}"),
        })
        .collect();
    let mut other = body.clone();
    match other.pointer_mut(&pointer) {
        Some(Value::Number(number)) => {
            *number = (number.as_u64().unwrap_or_default() + 1).into();
            other
        }
        _ => without(body, path),
    }
}

fn walk(value: &Value, label: &str, path: &mut Vec<Step>, found: &mut Vec<Unit>) {
    let Value::Object(map) = value else { return };
    for (key, inner) in map {
        let name = if label.is_empty() { key.clone() } else { format!("{label}.{key}") };
        path.push(Step::Key(key.clone()));
        match inner {
            Value::Object(fields) if OPENED.contains(&key.as_str()) && !fields.is_empty() => {
                walk(inner, &name, path, found);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (i, item) in items.iter().enumerate() {
                    let label = format!("{name}[]");
                    path.push(Step::At(i));
                    let kind = kind_of(item);
                    found.push(Unit { label: format!("{label}{kind}"), path: path.clone() });
                    walk(item, &label, path, found);
                    path.pop();
                }
            }
            Value::Null => {}
            _ if key == "type" || key == "role" => {}
            _ => {
                let kind = if BY_VALUE.contains(&key.as_str()) { value_of(inner) } else { String::new() };
                found.push(Unit { label: format!("{name}{kind}"), path: path.clone() });
            }
        }
        path.pop();
    }
}

/// What tells Google's parts and tools apart, which have no `type`.
const UNTYPED: [&str; 11] = [
    "thought",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "googleSearch",
    "codeExecution",
    "functionDeclarations",
    "text",
];

/// ` (image_url)`: what tells blocks of one array apart.
pub(crate) fn kind_of(item: &Value) -> String {
    let told = ["type", "role"].iter().find_map(|key| item.get(key)?.as_str());
    let untyped = || UNTYPED.into_iter().find(|key| item.get(key).is_some());
    told.or_else(untyped).map_or_else(String::new, |kind| format!(" ({kind})"))
}

fn value_of(value: &Value) -> String {
    match value {
        Value::String(text) => format!(" (\"{text}\")"),
        Value::Object(_) => kind_of(value),
        other => format!(" ({other})"),
    }
}

fn remove(value: &mut Value, path: &[Step]) {
    match (path, value) {
        ([Step::Key(key)], Value::Object(map)) => {
            map.shift_remove(key);
        }
        // An array of one goes with its one.
        ([Step::Key(key), Step::At(0)], Value::Object(map))
            if map.get(key).and_then(Value::as_array).is_some_and(|items| items.len() == 1) =>
        {
            map.shift_remove(key);
        }
        ([Step::At(i)], Value::Array(items)) if *i < items.len() => {
            items.remove(*i);
        }
        ([Step::Key(key), rest @ ..], Value::Object(map)) => {
            if let Some(inner) = map.get_mut(key) {
                remove(inner, rest);
            }
        }
        ([Step::At(i), rest @ ..], Value::Array(items)) => {
            if let Some(inner) = items.get_mut(*i) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}
