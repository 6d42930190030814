//! The reference, out of the doc comments: JSON schema and `docs/config.md`.

use std::fmt::Write;
use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::written::Config;

/// The schema of the written shape, without references.
pub fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
        schema["title"] = json!("tidegate.yaml");
        unwrap_lines(&mut schema);
        schema
    })
}

/// The schema as a file for editors.
pub fn schema_file() -> String {
    format!("{:#}\n", schema())
}

/// Joins the lines of doc comments; paragraphs stay.
fn unwrap_lines(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            if let Some(Json::String(text)) = object.get_mut("description") {
                let paragraphs: Vec<String> = text.split("\n\n").map(|p| p.replace('\n', " ")).collect();
                *text = paragraphs.join("\n\n");
            }
            object.values_mut().for_each(unwrap_lines);
        }
        Json::Array(items) => items.iter_mut().for_each(unwrap_lines),
        _ => {}
    }
}

/// `docs/config.md`.
pub fn document() -> String {
    let mut out = INTRODUCTION.to_owned();
    for (name, schema) in properties(schema()) {
        let _ = write!(out, "\n## `{name}`\n\n{}\n", description(schema));
        let _ = writeln!(out, "\nType: {}. {}", kind(schema), default_line(schema));
        let mut rows = Vec::new();
        nested(schema, &inner_path(name, schema), &mut rows);
        if !rows.is_empty() {
            out += "\n| key | type | default | what it does |\n| --- | --- | --- | --- |\n";
            rows.into_iter().for_each(|row| out += &row);
        }
    }
    out
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Made by `cargo xtask gen` from the doc comments in crates/tidegate/src/config/written. -->

One YAML file, `tidegate.yaml`. Every key is optional. `tidegate run` takes `./tidegate.yaml` if it is there, or the file
named by `--config`; without a file the defaults hold. Every known provider is there whose key is in the environment or
in `.env`, beside those that the file lists (`auto_providers: false` turns that off).

```yaml
# yaml-language-server: $schema=docs/tidegate.schema.json
listen: [{ address: 127.0.0.1:8080 }]
admin: { address: 127.0.0.1:8081 }
providers:
  openai: { api_key: \"${OPENAI_API_KEY}\" }
  local: { dialect: openai-chat, base_url: http://127.0.0.1:8000/v1 }
models:
  smart:
    targets: [openai/gpt-4.1, { target: anthropic/claude-sonnet-4-5, weight: 10 }]
    fallback: [cheap]
  cheap: deepseek/deepseek-chat
```

- `tidegate check FILE` shows every problem of a file with its place, as a compiler does. It ends with 0 when the file is
  good (warnings are no failure) and with 2 when it is not.
- `tidegate explain --model NAME` says what a model name leads to.
- The file is read again when it changes, and on SIGHUP. A bad file changes nothing: what was good before goes on, and the
  problems are shown on stderr. Open requests end with the settings that they began with. Addresses, `workers`, `drain`,
  `access_log` and `pid_file` need a restart.
- In any text, `${NAME}` stands for an environment variable (or one from `.env` in the current directory),
  `${NAME:-default}` has a default, `${file:/path}` is a file's content without the final newline, and `$${` is a
  plain `${`.
- Durations are written `250ms`, `5s`, `10m`, `1h`; sizes `64KiB`, `32MiB`, `32MB`.
- The JSON schema for editors is [tidegate.schema.json](tidegate.schema.json); the known providers are in
  [providers.md](providers.md).
";

/// How the keys inside a setting are written: below it, in each item of a list, below a name of the user's own.
fn inner_path(name: &str, schema: &Json) -> String {
    let schema = structured(schema);
    if schema.get("items").is_some() {
        format!("{name}[].")
    } else if schema["additionalProperties"].is_object() {
        format!("{name}.NAME.")
    } else {
        format!("{name}.")
    }
}

/// The alternative that has keys, of several; a mapping before a list.
fn structured(schema: &Json) -> &Json {
    let alternatives = || schema["anyOf"].as_array().into_iter().flatten().map(structured);
    let all = || std::iter::once(schema).chain(alternatives());
    all()
        .find(|one| one["properties"].is_object() || one["additionalProperties"].is_object())
        .or_else(|| all().find(|one| one["items"].is_object()))
        .unwrap_or(schema)
}

fn properties(schema: &Json) -> impl Iterator<Item = (&str, &Json)> {
    static NONE: OnceLock<Map<String, Json>> = OnceLock::new();
    let properties = schema["properties"].as_object().unwrap_or_else(|| NONE.get_or_init(Map::new));
    properties.iter().map(|(name, schema)| (name.as_str(), schema))
}

fn nested(schema: &Json, path: &str, rows: &mut Vec<String>) {
    let mut schema = structured(schema);
    for inside in ["items", "additionalProperties"] {
        if schema[inside].is_object() {
            schema = structured(&schema[inside]);
        }
    }
    for (name, schema) in properties(schema) {
        let what = description(schema).replace("\n\n", " ");
        let default = default_of(schema).unwrap_or_default();
        // The same keys stand in one place only.
        let elsewhere = match (path, name) {
            (_, "time_limits") => Some("as [`time_limits`](#time_limits)"),
            ("admin.", "tls") => Some("as [`listen[].tls`](#listen)"),
            _ => None,
        };
        let kind = elsewhere.map_or_else(|| kind(schema), str::to_owned);
        rows.push(format!("| `{path}{name}` | {kind} | {default} | {what} |\n"));
        if elsewhere.is_none() {
            nested(schema, &inner_path(&format!("{path}{name}"), schema), rows);
        }
    }
}

fn description(schema: &Json) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

fn default_line(schema: &Json) -> String {
    default_of(schema).map_or_else(|| "No default.".to_owned(), |default| format!("Default: {default}."))
}

fn default_of(schema: &Json) -> Option<String> {
    match schema.get("default")? {
        Json::Null => None,
        Json::Array(items) if items.is_empty() => None,
        Json::Object(entries) if entries.values().all(Json::is_null) => None,
        Json::Object(_) => Some("see its keys".to_owned()),
        Json::Array(items) if items.iter().all(Json::is_string) => {
            let words = items.iter().filter_map(Json::as_str);
            Some(format!("`[{}]`", words.collect::<Vec<_>>().join(", ")))
        }
        Json::Array(items) => {
            let address = |item: &Json| item["address"].as_str().unwrap_or_default().to_owned();
            let shown: Vec<String> = items.iter().map(address).collect();
            Some(format!("`[{{ address: {} }}]`", shown.join(", ")))
        }
        Json::String(text) => Some(format!("`{text}`")),
        other => Some(format!("`{other}`")),
    }
}

/// The type, for people.
fn kind(schema: &Json) -> String {
    match schema["format"].as_str() {
        Some("base-url") => return "URL".to_owned(),
        Some("door-address") => return "address".to_owned(),
        Some("dollars") => return "dollars".to_owned(),
        Some(format @ ("duration" | "size" | "address" | "key")) => return format.to_owned(),
        _ => {}
    }
    if let Some(alternatives) = schema.get("anyOf").and_then(Json::as_array) {
        let brief =
            |one: &Json| if one["items"].get("anyOf").is_some() { "list".to_owned() } else { kind(one) };
        let mut kinds: Vec<String> = alternatives.iter().map(brief).filter(|kind| kind != "null").collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(choices) = schema.get("oneOf").and_then(Json::as_array) {
        let choices = choices.iter().filter_map(|choice| choice["const"].as_str());
        return choices.map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    }
    let first = match &schema["type"] {
        Json::String(one) => one,
        Json::Array(several) => several.first().and_then(Json::as_str).unwrap_or_default(),
        _ => "",
    };
    match first {
        "boolean" => "true or false".to_owned(),
        "integer" => "number".to_owned(),
        "string" => "text".to_owned(),
        "array" if schema["items"].get("oneOf").is_some() => "list of these".to_owned(),
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("names, each with {}", kind(&schema["additionalProperties"]))
        }
        "object" => "mapping".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(path: &str, schema: &Json, bare: &mut Vec<String>) {
        for (name, schema) in properties(schema) {
            let path = format!("{path}/{name}");
            if description(schema).is_empty() {
                bare.push(path.clone());
            }
            look(&path, schema, bare);
        }
        for inside in ["items", "additionalProperties"] {
            if schema[inside].is_object() {
                look(path, &schema[inside], bare);
            }
        }
        for one in schema["anyOf"].as_array().into_iter().flatten() {
            look(path, one, bare);
        }
    }

    #[test]
    fn every_setting_is_described() {
        let mut bare = Vec::new();
        look("", schema(), &mut bare);
        assert_eq!(bare, Vec::<String>::new());
    }

    #[test]
    fn nested_settings_are_in_the_document() {
        let document = document();
        for key in
            ["models.NAME.targets[].weight", "providers.NAME.quirks.plain_patterns", "listen[].address"]
        {
            assert!(document.contains(&format!("| `{key}` |")), "{key}");
        }
    }
}
