//! Prints `docs/translation.md`: for every field and event of each dialect, what becomes of it in each other one. Nothing in it is
//! written by hand: every field of every golden case is translated with and without, and the difference is the answer.
//!
//! `cargo run -p tidegate-llm --example translation-doc > docs/translation.md`
#![allow(clippy::expect_used, clippy::print_stdout)]

#[path = "../../tests/golden/cases.rs"]
mod cases;
mod compare;
mod table;
mod units;

use std::fmt::Write as _;

use cases::{Case, others, relay, to_caller, to_target};
use compare::gained;
use serde_json::Value;
use table::{NOTHING, REQUIRED, Table};
use tidegate_llm::Dialect;
use units::{changed, units, without};

const HEAD: &str = "\
# Translation between dialects

Generated from the golden cases in `crates/llm/tests/golden`; do not edit. When caller and provider speak the same dialect, bytes pass
untouched and nothing of this applies.

How to read the tables: a path is where the field goes. *dropped* means that the dialect has no word for it; the gateway names it in
`x-tidegate-dropped`, and refuses the request in strict mode. *refused* means that the request is answered with status 400.
*required* means that there is no translation without it. – means that nothing comes of it: in requests because the target does the same
without being told, in answers because the caller's dialect has no word for it. Several lines in a cell are several cases. Exact bytes are in the snapshots beside the cases.
";

fn main() {
    let cases = cases::all();
    let mut out = HEAD.to_owned();
    for dialect in Dialect::ALL {
        let own: Vec<&Case> = cases.iter().filter(|case| case.dialect == dialect).collect();
        let columns: Vec<Dialect> = others(dialect).collect();
        let _ = writeln!(out, "\n## From {dialect}\n");
        requests(&own, &columns).print(&mut out, "Requests", "field", &columns);
        let [fields, stops] = answers(&own, &columns);
        fields.print(&mut out, "Answers", "field", &columns);
        stops.print(&mut out, "Why an answer ended", "said by the provider", &columns);
        events(&own, &columns).print(&mut out, "Streams", "event", &columns);
    }
    print!("{}", out.trim_end().to_owned() + "\n");
}

fn requests(cases: &[&Case], columns: &[Dialect]) -> Table {
    let mut table = Table::default();
    for case in cases {
        let Some(body) = json(case, "request.json") else { continue };
        for unit in units(&body) {
            for column in columns {
                let bare = without(&body, &unit.path);
                table.note(&unit.label, *column, request_outcome(case.dialect, &body, &bare, *column));
            }
        }
    }
    table
}

fn request_outcome(caller: Dialect, with: &Value, without: &Value, target: Dialect) -> String {
    let with = match to_target(caller, &bytes(with), target) {
        Ok(prepared) => prepared.encoded,
        Err(_) if to_target(caller, &bytes(without), target).is_ok() => return "refused".to_owned(),
        Err(_) => return NOTHING.to_owned(),
    };
    let without = match to_target(caller, &bytes(without), target) {
        Ok(prepared) => prepared.encoded,
        Err(_) => return REQUIRED.to_owned(),
    };
    let mut told: Vec<String> = difference(&with.body, &without.body);
    if with.dropped.len() > without.dropped.len() {
        told.push("dropped".to_owned());
    }
    join(told)
}

fn answers(cases: &[&Case], columns: &[Dialect]) -> [Table; 2] {
    let [mut fields, mut stops] = [Table::default(), Table::default()];
    for case in cases {
        let Some(body) = json(case, "response.json") else { continue };
        for column in columns {
            let Ok(whole) = to_caller(case.dialect, &bytes(&body), *column) else { continue };
            if let (Some(said), Ok(told)) = (stop(case.dialect, &body), serde_json::from_slice(&whole.body)) {
                stops.note(&said, *column, stop(*column, &told).map_or(NOTHING.into(), |word| code(&word)));
            }
            for unit in units(&body) {
                let bare = changed(&body, &unit.path);
                let outcome = match to_caller(case.dialect, &bytes(&bare), *column) {
                    Ok(bare) => join(difference(&whole.body, &bare.body)),
                    Err(_) => REQUIRED.to_owned(),
                };
                fields.note(&unit.label, *column, outcome);
            }
        }
    }
    [fields, stops]
}

/// The reason that an answer gives for its end.
fn stop(dialect: Dialect, body: &Value) -> Option<String> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    match dialect {
        Dialect::OpenaiChat => text("/choices/0/finish_reason"),
        Dialect::Anthropic => text("/stop_reason"),
        Dialect::Gemini => text("/candidates/0/finishReason")
            .or_else(|| text("/promptFeedback/blockReason").map(|reason| format!("blockReason {reason}"))),
        Dialect::OpenaiResponses => {
            let reason = text("/incomplete_details/reason");
            text("/status")
                .map(|status| reason.map_or(status.clone(), |reason| format!("{status}: {reason}")))
        }
    }
}

fn events(cases: &[&Case], columns: &[Dialect]) -> Table {
    let mut table = Table::default();
    for case in cases {
        let Some(body) = case.read("stream.sse") else { continue };
        for column in columns {
            for (name, data, told) in relay(case.dialect, &[&body], *column, true).steps {
                let outcome = events_in(&told).iter().map(|event| code(event)).collect::<Vec<_>>();
                table.note(&event_name(&name, &data), *column, join(outcome));
            }
        }
    }
    table
}

/// The events in `bytes`, each once, as the document names them.
fn events_in(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut on_event = |event: tidegate_llm::sse::SseEvent<'_>| {
        let name = event_name(event.name, event.data);
        if !names.contains(&name) {
            names.push(name);
        }
    };
    let mut decoder = tidegate_llm::sse::SseDecoder::default();
    decoder.feed(bytes, &mut on_event).expect("events of a sane size");
    names
}

/// `message_start`, `content_block_delta (text_delta)`, `delta.content`, `parts[] (text)`, `[DONE]`.
fn event_name(name: &str, data: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<Value>(data) else {
        return String::from_utf8_lossy(data).into_owned();
    };
    if json.get("error").is_some_and(Value::is_object) && name.is_empty() {
        return "error".to_owned();
    }
    if !name.is_empty() {
        let inner = ["/delta/type", "/content_block/type", "/item/type", "/part/type"];
        let kind = inner.iter().find_map(|pointer| json.pointer(pointer)?.as_str());
        return kind.map_or(name.to_owned(), |kind| format!("{name} ({kind})"));
    }
    let mut names: Vec<String> = Vec::new();
    if let Some(delta) = json.pointer("/choices/0/delta").and_then(Value::as_object) {
        let is_told = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        names.extend(delta.iter().filter(|(_, value)| is_told(value)).map(|(key, _)| format!("delta.{key}")));
    }
    for part in json.pointer("/candidates/0/content/parts").and_then(Value::as_array).into_iter().flatten() {
        names.push(format!("parts[]{}", units::kind_of(part)));
    }
    for (pointer, word) in [
        ("/choices/0/finish_reason", "finish_reason"),
        ("/candidates/0/finishReason", "finishReason"),
        ("/promptFeedback", "promptFeedback"),
        ("/usage", "usage"),
    ] {
        names.extend(json.pointer(pointer).filter(|value| !value.is_null()).map(|_| word.to_owned()));
    }
    names.dedup();
    names.join(" + ")
}

fn difference(with: &[u8], without: &[u8]) -> Vec<String> {
    let parse = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap_or_default();
    gained(&parse(with), &parse(without)).iter().map(|place| code(place)).collect()
}

fn json(case: &Case, file: &str) -> Option<Value> {
    case.read(file).map(|body| serde_json::from_slice(&body).expect("JSON"))
}

fn bytes(json: &Value) -> Vec<u8> {
    serde_json::to_vec(json).expect("JSON")
}

fn code(text: &str) -> String {
    if text == "…" { text.to_owned() } else { format!("`{text}`") }
}

fn join(told: Vec<String>) -> String {
    if told.is_empty() { NOTHING.to_owned() } else { told.join(", ") }
}
