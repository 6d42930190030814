//! Reads the tree by the schema of the written shape: every unknown key and wrong type is a problem with its place, and
//! what is good goes on to serde.

use serde_json::{Map, Value as Json};
use tidegate_proxy::snapshot::nearest;

use super::problem::Problem;
use super::tree::{Key, Node, Value};
use super::written::{check_format, format_words};

/// Keys as they are called elsewhere, and what they are called here.
const CALLED_ELSEWHERE: &[(&str, &str)] = &[
    ("timeout", "time_limits"),
    ("timeouts", "time_limits"),
    ("url", "base_url"),
    ("api_base", "base_url"),
    ("endpoint", "base_url"),
    ("key", "api_key"),
    ("token", "api_key"),
    ("dialects", "dialect"),
    ("kind", "type"),
    ("provider", "type"),
    ("fallbacks", "fallback"),
    ("retries", "retry"),
    ("model_list", "models"),
    ("model", "target"),
    ("port", "address"),
    ("host", "address"),
    ("bind", "address"),
    ("log", "access_log"),
];

/// Reads a node; `name` is what messages call it. `None` when nothing of it can be used.
pub(super) fn read(node: &Node, schema: &Json, name: &str, problems: &mut Vec<Problem>) -> Option<Json> {
    if matches!(node.value, Value::Unknown) {
        return None;
    }
    let Some(branch) = branches(schema).into_iter().find(|branch| takes(branch, node)) else {
        problems.push(wrong_kind(node, schema, name));
        return None;
    };
    let read = match &node.value {
        Value::Unknown | Value::Null => return None,
        Value::Bool(yes) => Ok((*yes).into()),
        Value::Number(number) => read_number(number, branch),
        Value::Text(text) => read_text(text, branch, schema),
        Value::List(items) => return read_list(items, &branch["items"], name, problems),
        Value::Map(entries) => return read_map(node, entries, branch, problems),
    };
    read.map_err(|wrong| {
        let problem = Problem::error(format!("`{name}` {}", wrong.words), node.place.clone());
        problems.push(problem.did_you_mean(wrong.nearest.as_deref()));
    })
    .ok()
}

/// What is wrong with a word: the end of a sentence, and what was meant.
struct Wrong {
    words: String,
    nearest: Option<String>,
}

impl From<String> for Wrong {
    fn from(words: String) -> Self {
        Self { words, nearest: None }
    }
}

/// The alternatives of a schema.
fn branches(schema: &Json) -> Vec<&Json> {
    let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array);
    match alternatives {
        Some(alternatives) => alternatives.iter().flat_map(branches).collect(),
        None => vec![schema],
    }
}

fn types(schema: &Json) -> Vec<&str> {
    match &schema["type"] {
        Json::String(one) => vec![one],
        Json::Array(several) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a node's kind of value fits. `null` never does: a missing value is the same as a missing key.
fn takes(schema: &Json, node: &Node) -> bool {
    let has = |kind: &str| types(schema).contains(&kind);
    match &node.value {
        Value::Unknown => true,
        Value::Null => false,
        Value::Bool(_) => has("boolean"),
        Value::Number(number) => has("number") || (has("integer") && !number.is_f64()),
        // A filled-in text may be a number or a switch: the environment has nothing but texts.
        Value::Text(_) => {
            has("string") || (node.filled_in && (has("integer") || has("number") || has("boolean")))
        }
        Value::List(_) => has("array"),
        Value::Map(_) => has("object"),
    }
}

fn wrong_kind(node: &Node, schema: &Json, name: &str) -> Problem {
    let mut words: Vec<String> = branches(schema).into_iter().map(wanted).collect();
    words.retain(|words| !words.is_empty());
    words.dedup();
    let title = format!("`{name}` must be {}, not {}", words.join(" or "), node.kind());
    let problem = Problem::error(title, node.place.clone());
    match node.value {
        Value::Number(_) | Value::Bool(_) if words == ["text"] => problem.help("put quotes around it"),
        Value::Text(ref text) if words == ["true or false"] => match text.to_lowercase().as_str() {
            "yes" | "on" | "y" => problem.did_you_mean(Some("true")),
            "no" | "off" | "n" => problem.did_you_mean(Some("false")),
            _ => problem,
        },
        _ => problem,
    }
}

/// What a schema takes, for people.
fn wanted(schema: &Json) -> String {
    if let Some(words) = schema["format"].as_str().and_then(format_words) {
        return words.to_owned();
    }
    let words = types(schema).into_iter().filter_map(|kind| match kind {
        "boolean" => Some("true or false"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "string" => Some("text"),
        "array" => Some("a list"),
        "object" => Some("a mapping"),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn read_number(number: &serde_json::Number, branch: &Json) -> Result<Json, Wrong> {
    in_range(branch, number.as_f64())?;
    in_format(branch, &number.to_string())?;
    Ok(number.clone().into())
}

fn read_text(text: &str, branch: &Json, schema: &Json) -> Result<Json, Wrong> {
    if !types(branch).contains(&"string") {
        return match text.parse::<Json>() {
            Ok(Json::Number(number)) if !types(branch).contains(&"boolean") => read_number(&number, branch),
            Ok(Json::Bool(yes)) if types(branch).contains(&"boolean") => Ok(yes.into()),
            _ => Err(format!("must be {}", wanted(branch)).into()),
        };
    }
    let choices: Vec<&str> = branches(schema).into_iter().flat_map(choices_of).collect();
    if !choices.is_empty() && !choices.contains(&text) {
        let words = format!("must be one of {}", list_of(&choices));
        return Err(Wrong { words, nearest: nearest(text, choices).map(str::to_owned) });
    }
    in_format(branch, text)?;
    Ok(text.into())
}

fn choices_of(branch: &Json) -> Vec<&str> {
    let several = branch["enum"].as_array().into_iter().flatten();
    several.chain(branch.get("const")).filter_map(Json::as_str).collect()
}

fn in_format(branch: &Json, text: &str) -> Result<(), String> {
    branch["format"].as_str().map_or(Ok(()), |format| check_format(format, text))
}

fn in_range(branch: &Json, number: Option<f64>) -> Result<(), String> {
    let Some(number) = number else { return Ok(()) };
    match (branch["minimum"].as_f64(), branch["maximum"].as_f64()) {
        (Some(least), _) if number < least => Err(format!("must be at least {least}")),
        (_, Some(most)) if number > most => Err(format!("must be at most {most}")),
        _ => Ok(()),
    }
}

/// A list with an item that cannot be read is left out as a whole, so that the others keep their numbers.
fn read_list(items: &[Node], schema: &Json, name: &str, problems: &mut Vec<Problem>) -> Option<Json> {
    let mut all = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        all.push(read(item, schema, &format!("{name}[{at}]"), problems));
    }
    all.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
}

fn read_map(
    node: &Node,
    entries: &[(Key, Node)],
    schema: &Json,
    problems: &mut Vec<Problem>,
) -> Option<Json> {
    let mut out = Map::new();
    for (at, (key, child)) in entries.iter().enumerate() {
        if let Some((first, _)) = entries[..at].iter().find(|(other, _)| other.name == key.name) {
            let twice = Problem::error(format!("`{}` is written twice", key.name), key.place.clone());
            problems.push(twice.context(first.place.clone(), "first here"));
        } else if let Some(json) = read_entry(key, child, schema, problems) {
            out.insert(key.name.clone(), json);
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let mut usable = true;
    for name in required.filter(|name| !out.contains_key(*name)) {
        usable = false;
        if !entries.iter().any(|(key, _)| key.name == name) {
            problems.push(Problem::error(format!("`{name}` is missing here"), node.place.clone()));
        }
    }
    usable.then_some(Json::Object(out))
}

fn read_entry(key: &Key, child: &Node, schema: &Json, problems: &mut Vec<Problem>) -> Option<Json> {
    let known = schema["properties"].as_object();
    let own_names = &schema["additionalProperties"];
    if let Some(schema) = known.and_then(|known| known.get(&key.name)) {
        // `key:` with nothing behind it, or only comments, is as if it were not there.
        let absent = matches!(child.value, Value::Null);
        return if absent { None } else { read(child, schema, &key.name, problems) };
    }
    if own_names.is_object() {
        let empty = Node { value: Value::Map(Vec::new()), ..child.clone() };
        let null_is_empty = matches!(child.value, Value::Null)
            && branches(own_names).iter().any(|branch| takes(branch, &empty))
            && own_names.get("anyOf").is_none();
        return read(if null_is_empty { &empty } else { child }, own_names, &key.name, problems);
    }
    problems.push(unknown_key(key, known));
    None
}

fn unknown_key(key: &Key, known: Option<&Map<String, Json>>) -> Problem {
    let names: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let elsewhere = CALLED_ELSEWHERE.iter().find(|(other, here)| *other == key.name && names.contains(here));
    let meant = elsewhere.map(|(_, here)| *here).or_else(|| nearest(&key.name, names.iter().copied()));
    let problem = Problem::error(format!("unknown key `{}`", key.name), key.place.clone());
    match meant {
        Some(_) => problem.did_you_mean(meant),
        None => problem.help(format!("the keys here are {}", list_of(&names))),
    }
}

fn list_of(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
