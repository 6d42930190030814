//! Pages of the providers' APIs. OpenAI: `/v1/organization/usage/…` and `/v1/organization/costs`, buckets with `start_time` in Unix
//! seconds. Anthropic: `/v1/organizations/usage_report/messages` and `…/cost_report`, buckets with `starting_at`.

use serde_json::{Deserializer, Map, Value};

use super::number::{CENTS, DOLLARS, scaled};
use super::{Export, ExportError, Reported};
use crate::ledger::calendar::parse_day;

/// Reads pages, one after the other or in lists.
pub(super) fn read(text: &str) -> Result<Export, ExportError> {
    let mut export = Export::default();
    let mut number = 0;
    for value in Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.map_err(|error| ExportError::Unknown(format!("it is no JSON: {error}")))?;
        let pages = match value {
            Value::Array(pages) => pages,
            page => vec![page],
        };
        for page in pages {
            number += 1;
            read_page(&page, number, &mut export)?;
        }
    }
    if export.lines.is_empty() && number == 0 {
        return Err(ExportError::Unknown("it has no pages".into()));
    }
    Ok(export)
}

fn read_page(page: &Value, number: usize, export: &mut Export) -> Result<(), ExportError> {
    let Some(buckets) = page.get("data").and_then(Value::as_array) else {
        return Err(ExportError::Unknown(format!("page {number} has no list `data`")));
    };
    export.is_cut = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    for (place, bucket) in buckets.iter().enumerate() {
        let bad = |what: &str| ExportError::Bad {
            place: format!("page {number}, bucket {}", place + 1),
            what: what.to_owned(),
        };
        let day = day_of(bucket).ok_or_else(|| bad("it has no `start_time` or `starting_at`"))?;
        let results = bucket.get("results").and_then(Value::as_array);
        for result in results.ok_or_else(|| bad("it has no list `results`"))? {
            let result = result.as_object().ok_or_else(|| bad("a result is no object"))?;
            let (model, reported) = read_result(result).ok_or_else(|| bad("a result has no amounts"))?;
            export.add(day, &model, &reported);
        }
    }
    Ok(())
}

fn day_of(bucket: &Value) -> Option<i64> {
    match (bucket.get("start_time"), bucket.get("starting_at")) {
        (Some(Value::Number(seconds)), _) => {
            seconds.as_u64().and_then(|seconds| i64::try_from(seconds / 86_400).ok())
        }
        (Some(Value::String(text)), _) | (_, Some(Value::String(text))) => parse_day(text),
        _ => None,
    }
}

fn read_result(result: &Map<String, Value>) -> Option<(String, Reported)> {
    let text = |name: &str| result.get(name).and_then(Value::as_str);
    let count = |name: &str| result.get(name).and_then(number).unwrap_or(0);
    let mut reported = Reported::default();
    match result.get("amount") {
        // OpenAI's costs: dollars; the line item is a model and a class of tokens.
        Some(Value::Object(amount)) => reported.cost = Some(decimal(amount.get("value")?, DOLLARS)?),
        // Anthropic's: cents as text.
        Some(amount) => reported.cost = Some(decimal(amount, CENTS)?),
        None if result.contains_key("uncached_input_tokens") => {
            let writes = result.get("cache_creation").and_then(Value::as_object);
            let written =
                writes.map_or(0, |writes| writes.values().filter_map(number).fold(0, i64::saturating_add));
            let cached = count("cache_read_input_tokens").saturating_add(written);
            reported.input = Some(count("uncached_input_tokens").saturating_add(cached));
            reported.output = Some(count("output_tokens"));
        }
        None => {
            reported.input = Some(result.get("input_tokens").and_then(number)?);
            reported.output = Some(count("output_tokens"));
            reported.requests = result.get("num_model_requests").and_then(number);
        }
    }
    let item = text("line_item").and_then(|item| item.split(", ").next());
    Some((text("model").or(item).unwrap_or_default().to_owned(), reported))
}

fn number(value: &Value) -> Option<i64> {
    decimal(value, 0)
}

fn decimal(value: &Value, digits: i32) -> Option<i64> {
    match value {
        Value::Number(number) => scaled(&number.to_string(), digits),
        Value::String(text) => scaled(text, digits),
        _ => None,
    }
}
