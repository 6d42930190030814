//! Documents that come out of the code; hidden command `tidegate docs`.

use std::fmt::Write;

use clap::ValueEnum;
use serde_json::Value;
use tidegate_llm::provider::{self, AuthStyle, Provider};
use tidegate_llm::{Dialect, Problem, codec};
use tidegate_proxy::error::GatewayError;

use crate::config::reference;

/// A generated document.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Document {
    /// `docs/config.md`.
    Config,
    /// `docs/tidegate.schema.json`.
    Schema,
    /// `docs/errors.md`.
    Errors,
    /// `docs/providers.md`.
    Providers,
}

/// The text of a document.
pub fn document(which: Document) -> String {
    match which {
        Document::Config => reference::document(),
        Document::Schema => reference::schema_file(),
        Document::Errors => errors(),
        Document::Providers => providers(),
    }
}

const ABOUT_ERRORS: &str = "\
# Errors

<!-- Made by `cargo xtask gen` from `GatewayError` in crates/proxy/src/error.rs. -->

Every error is told in the dialect of the caller, so that the vendor's SDK raises its own right exception class. Every
answer has the header `x-request-id`; the access log has the same id. After the first token of a stream the status cannot
change any more: then the same error is the last event of the stream.

`code` is stable: OpenAI's `error.code`, the log's `error`. *Another target* says whether the gateway tries the next target
by itself before the caller hears of it. For errors of a provider, `code`, status and message are the provider's own where it
gave any.

| code | status | kind | another target | OpenAI `error.type` | Anthropic `error.type` | Gemini `error.status` | example |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

fn errors() -> String {
    let mut out = ABOUT_ERRORS.to_owned();
    for error in GatewayError::examples() {
        let (message, kind) = (error.to_string(), error.kind());
        let word = |dialect, pointer| told(&error, &message, dialect, pointer);
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | `{}` | `{}` | `{}` | {} |",
            error.code(),
            error.status(),
            kind.word(),
            if error.another_try_may_help() { "yes" } else { "no" },
            word(Dialect::OpenaiChat, "/error/type"),
            word(Dialect::Anthropic, "/error/type"),
            word(Dialect::Gemini, "/error/status"),
            message.replace('|', "\\|"),
        );
    }
    out
}

/// What a dialect calls an error.
fn told(error: &GatewayError, message: &str, dialect: Dialect, pointer: &str) -> String {
    let problem = Problem {
        kind: error.kind(),
        status: error.status(),
        code: error.code(),
        message,
        param: error.param(),
        request_id: "",
        retry_after_secs: None,
    };
    let body: Value = serde_json::from_slice(&codec::encode_error(dialect, &problem)).unwrap_or_default();
    body.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned()
}

const ABOUT_PROVIDERS: &str = "\
# Providers

<!-- Made by `cargo xtask gen` from the rows in crates/llm/src/provider. -->

A known name is all that the config needs: it brings the base URL, the dialects, how the key is sent, and how the provider
differs from the book. Without a config file, every provider is there whose key is in the environment or in `.env`; servers
of your own (the last rows) have no key to be found by and are listed in the config.

```yaml
providers:
  openai: {}                                     # the key comes from OPENAI_API_KEY
  ollama: {}                                     # http://127.0.0.1:11434/v1
  azure-openai: { base_url: https://RESOURCE.openai.azure.com/openai/v1 }
  team-a: { type: openai, api_key: \"${TEAM_A_KEY}\" }
  anything-else: { dialect: openai-chat, base_url: http://10.0.0.5:8000/v1 }
```

The first dialect is the one that other dialects are translated to; for callers of the others, bytes pass through. Any server
that speaks one of the dialects works without a row. The built-in provider `demo` has one model, `demo/echo`, needs no key
and is always there.

| name | provider | key | dialects | base URL | also has | quirks |
| --- | --- | --- | --- | --- | --- | --- |
";

fn providers() -> String {
    provider::all().fold(ABOUT_PROVIDERS.to_owned(), |out, row| out + &provider_row(row))
}

fn provider_row(row: &Provider) -> String {
    let keys: Vec<String> = row.env_keys.iter().map(|key| format!("`{key}`")).collect();
    let auth = match row.auth {
        AuthStyle::Bearer => String::new(),
        AuthStyle::Header(header) => format!(" as `{header}`"),
    };
    let dialects: Vec<String> =
        row.speaks.iter().map(|speaks| dialect_cell(speaks.dialect, speaks.base_url)).collect();
    let also: Vec<&str> = [("completions", row.completions), ("embeddings", row.embeddings)]
        .iter()
        .filter(|(_, has)| *has)
        .map(|(name, _)| *name)
        .collect();
    format!(
        "| `{}` | [{}]({}) | {} | {} | {} | {} | {} |\n",
        row.name,
        row.display_name,
        row.docs,
        if keys.is_empty() { "none needed".to_owned() } else { keys.join(" or ") + &auth },
        dialects.join(", "),
        row.base_url.map_or_else(|| "your own".to_owned(), |url| format!("`{url}`")),
        also.join(", "),
        quirks(row).join(", "),
    )
}

fn dialect_cell(dialect: Dialect, elsewhere: Option<&str>) -> String {
    elsewhere.map_or_else(|| format!("`{dialect}`"), |url| format!("`{dialect}` (at `{url}`)"))
}

fn quirks(row: &Provider) -> Vec<String> {
    let all = serde_json::to_value(row.quirks).unwrap_or_default();
    let set = all.as_object().into_iter().flatten().filter(|(_, value)| **value == Value::Bool(true));
    set.map(|(name, _)| format!("`{name}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_told_in_every_dialect() {
        let rows: Vec<String> =
            errors().lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
        assert_eq!(rows.len(), GatewayError::examples().len());
        for row in rows {
            assert!(!row.contains("`-`"), "{row}");
        }
    }

    #[test]
    fn every_provider_has_a_row() {
        let document = providers();
        assert!(provider::all().all(|row| document.contains(&format!("| `{}` |", row.name))));
        assert!(document.contains("`X-Api-Key`") || document.contains("`x-api-key`"));
    }
}
