//! `usageMetadata`.

use serde::Serialize;
use serde_json::Value;

use crate::usage::Usage;

/// Reads a report. `promptTokenCount` includes cached tokens but not the tokens of built-in tools
/// (`toolUsePromptTokenCount`); `candidatesTokenCount` excludes thoughts. Counts that are no whole numbers of at least
/// 0 are taken as missing (fault 43); a report without any count is `None`.
pub fn decode(report: &Value) -> Option<Usage> {
    let count = |name: &str| report.get(name).and_then(Value::as_u64);
    let (prompt, tools) = (count("promptTokenCount"), count("toolUsePromptTokenCount"));
    let (candidates, thoughts) = (count("candidatesTokenCount"), count("thoughtsTokenCount"));
    if prompt.is_none() && candidates.is_none() && thoughts.is_none() && tools.is_none() {
        return None;
    }
    let or_zero = Option::unwrap_or_default;
    Some(Usage {
        input: or_zero(prompt).saturating_add(or_zero(tools)),
        cache_read: or_zero(count("cachedContentTokenCount")),
        input_audio: modality(report, "promptTokensDetails", "AUDIO"),
        input_image: modality(report, "promptTokensDetails", "IMAGE"),
        output: or_zero(candidates).saturating_add(or_zero(thoughts)),
        reasoning: or_zero(thoughts),
        output_audio: modality(report, "candidatesTokensDetails", "AUDIO"),
        service_tier: report.get("serviceTier").and_then(Value::as_str).map(str::to_lowercase),
        ..Usage::default()
    })
}

fn modality(report: &Value, list: &str, wanted: &str) -> u64 {
    let items = report.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let counts = items
        .iter()
        .filter(|item| item.get("modality").and_then(Value::as_str) == Some(wanted))
        .filter_map(|item| item.get("tokenCount").and_then(Value::as_u64));
    counts.fold(0, u64::saturating_add)
}

/// A report for a Gemini caller.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_content_token_count: u64,
    candidates_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
    total_token_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prompt_tokens_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates_tokens_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    modality: &'static str,
    token_count: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The parts of `total`; nothing when all of it is text.
fn details(total: u64, others: &[(&'static str, u64)]) -> Vec<Detail> {
    let known = others.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
    if known == 0 {
        return Vec::new();
    }
    let text = Detail { modality: "TEXT", token_count: total.saturating_sub(known) };
    let others = others.iter().filter(|(_, count)| *count > 0);
    std::iter::once(text)
        .chain(others.map(|&(modality, token_count)| Detail { modality, token_count }))
        .collect()
}

/// The report for a Gemini caller.
pub(crate) fn encode(usage: &Usage) -> Report<'_> {
    let candidates = usage.output.saturating_sub(usage.reasoning);
    let media = [("IMAGE", usage.input_image), ("AUDIO", usage.input_audio)];
    Report {
        prompt_token_count: usage.input,
        cached_content_token_count: usage.cache_read,
        candidates_token_count: candidates,
        thoughts_token_count: usage.reasoning,
        total_token_count: usage.total(),
        prompt_tokens_details: details(usage.input, &media),
        candidates_tokens_details: details(candidates, &[("AUDIO", usage.output_audio)]),
        service_tier: usage.service_tier.as_deref(),
        cost: usage.cost.map(|cost| cost.as_dollars()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn case_01_cached_tokens_are_part_of_the_prompt() {
        let report = json!({"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 5,
            "thoughtsTokenCount": 7, "toolUsePromptTokenCount": 3, "totalTokenCount": 115,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}]});
        let usage = decode(&report).unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.output, usage.reasoning), (103, 60, 12, 7));
        assert_eq!((usage.input_audio, usage.total()), (60, 115));
    }

    #[test]
    fn fault_43_broken_counts_are_taken_as_missing() {
        let report =
            json!({"promptTokenCount": -4, "candidatesTokenCount": "many", "thoughtsTokenCount": null});
        assert_eq!(decode(&report), None);
        assert_eq!(decode(&json!("nonsense")), None);
        assert_eq!(decode(&json!({"trafficType": "ON_DEMAND"})), None);
    }

    #[test]
    fn a_report_survives_the_way_through_the_hub() {
        let usage = Usage {
            input: 103,
            cache_read: 60,
            input_image: 9,
            output: 12,
            reasoning: 7,
            service_tier: Some("flex".into()),
            ..Usage::default()
        };
        let wire = serde_json::to_value(encode(&usage)).unwrap();
        assert_eq!(decode(&wire), Some(usage));
    }
}
