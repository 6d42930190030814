//! The `usage` object: read leniently, written as OpenAI writes it.

use serde::Serialize;
use serde_json::Value;

use crate::usage::Usage;

/// Counts from here on are nonsense and treated as missing (fault 43).
const ABSURD: u64 = 1_000_000_000_000;

/// Reads a `usage` object of an answer, a stream chunk, or anything that copied them. `None` when it does not tell the
/// prompt or the completion tokens: the gateway then counts by itself.
///
/// - A negative, fractional, textual or absurd (10¹² and more) number counts as missing; a missing total is made up
///   from the other two, and the other way round.
/// - `prompt_tokens` includes cached tokens (case 1). Cached: `prompt_tokens_details.cached_tokens`, DeepSeek
///   `prompt_cache_hit_tokens`, Moonshot `cached_tokens`. Parts are never more than their whole (case 9).
/// - Where `total_tokens` is the sum of prompt, completion *and* reasoning (xAI), reasoning is added to the output.
/// - `service_tier` stands beside `usage` in the answer, not inside; the caller of this function passes it on (case 11).
pub fn read(usage: &Value, service_tier: Option<&str>) -> Option<Usage> {
    let prompt = first(usage, &["prompt_tokens", "input_tokens"]);
    let completion = first(usage, &["completion_tokens", "output_tokens"]);
    let total = first(usage, &["total_tokens"]);
    let input = prompt.or_else(|| total?.checked_sub(completion?))?;
    let mut output = match completion {
        Some(count) => count,
        None => total?.checked_sub(input)?,
    };
    let said = first(
        usage,
        &["completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens"],
    );
    let reasoning = said.unwrap_or(0);
    if reasoning > 0 && total == Some(input + output + reasoning) {
        output += reasoning;
    }
    let cached = [
        "prompt_tokens_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "prompt_cache_hit_tokens",
        "cached_tokens",
        "cache_read_input_tokens",
    ];
    let written = [
        "prompt_tokens_details.cache_write_tokens",
        "input_tokens_details.cache_write_tokens",
        "prompt_tokens_details.cache_creation_tokens",
        "cache_creation_input_tokens",
    ];
    let cache_read = first(usage, &cached).unwrap_or(0).min(input);
    Some(Usage {
        input,
        cache_read,
        cache_write: first(usage, &written).unwrap_or(0).min(input - cache_read),
        input_audio: first(usage, &["prompt_tokens_details.audio_tokens"]).unwrap_or(0).min(input),
        input_image: first(usage, &["prompt_tokens_details.image_tokens"]).unwrap_or(0).min(input),
        output,
        reasoning: reasoning.min(output),
        output_audio: first(usage, &["completion_tokens_details.audio_tokens"]).unwrap_or(0).min(output),
        // OpenRouter uses Anthropic's words for it.
        web_searches: first(usage, &["server_tool_use.web_search_requests"]).unwrap_or(0),
        service_tier: service_tier.filter(|tier| !tier.is_empty()).map(str::to_owned),
        ..Usage::default()
    })
}

/// The first of these fields (dots go into objects) that is a believable count.
fn first(usage: &Value, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| {
        let value = path.split('.').try_fold(usage, |value, name| value.get(name))?;
        count(value)
    })
}

fn count(value: &Value) -> Option<u64> {
    let exact = value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && number >= 0.0 && number < ABSURD as f64).then_some(number as u64)
    });
    exact.filter(|count| *count < ABSURD)
}

/// The `usage` object as OpenAI writes it, plus `cost` (US dollars) where the gateway set one.
#[derive(Debug, Serialize)]
pub struct WireUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

#[derive(Debug, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
    audio_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    image_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<&Usage> for WireUsage {
    fn from(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write,
                audio_tokens: usage.input_audio,
                image_tokens: usage.input_image,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.output_audio,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
            cost: usage.cost.map(tidegate_core::NanoUsd::as_dollars),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn case_01_prompt_tokens_include_the_cached_ones() {
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107,
            "prompt_tokens_details": {"cached_tokens": 80, "cache_write_tokens": 10, "audio_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 5}});
        let read = read(&usage, Some("priority")).unwrap();
        assert_eq!((read.input, read.cache_read, read.cache_write, read.input_audio), (100, 80, 10, 3));
        assert_eq!((read.output, read.reasoning), (7, 5));
        assert_eq!(read.service_tier.as_deref(), Some("priority"));
        let written = serde_json::to_value(WireUsage::from(&read)).unwrap();
        assert_eq!(super::read(&written, Some("priority")), Some(read));
    }

    #[test]
    fn case_09_a_part_is_never_more_than_its_whole() {
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 50, "image_tokens": 60}});
        let read = read(&usage, None).unwrap();
        assert_eq!((read.cache_read, read.input_image, read.cache_write), (10, 10, 0));
    }

    #[test]
    fn other_vendors_cache_counts_are_read() {
        for (field, value) in
            [("prompt_cache_hit_tokens", 6), ("cached_tokens", 6), ("cache_read_input_tokens", 6)]
        {
            let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, field: value});
            assert_eq!(read(&usage, None).unwrap().cache_read, 6, "{field}");
        }
    }

    #[test]
    fn reasoning_outside_of_completion_tokens_is_added() {
        let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 62,
            "completion_tokens_details": {"reasoning_tokens": 50}});
        let read = read(&usage, None).unwrap();
        assert_eq!((read.output, read.reasoning), (52, 50));
    }

    #[test]
    fn fault_43_nonsense_counts_as_missing() {
        for bad in
            [json!(-1), json!("12"), json!(null), json!(1.5), json!(1_000_000_000_000_u64), json!(1e300)]
        {
            assert_eq!(read(&json!({"prompt_tokens": bad, "completion_tokens": 5}), None), None, "{bad}");
            assert_eq!(read(&json!({"prompt_tokens": 5, "completion_tokens": bad}), None), None, "{bad}");
            let rescued =
                read(&json!({"prompt_tokens": bad, "completion_tokens": 5, "total_tokens": 9}), None);
            assert_eq!(rescued.map(|usage| (usage.input, usage.output)), Some((4, 5)), "{bad}");
        }
        assert_eq!(read(&json!({}), None), None);
        assert_eq!(read(&json!("free"), None), None);
    }

    #[test]
    fn embeddings_tell_no_completion() {
        let read = read(&json!({"prompt_tokens": 5, "total_tokens": 5}), None).unwrap();
        assert_eq!((read.input, read.output), (5, 0));
    }

    #[test]
    fn the_cost_is_told_in_dollars() {
        let usage = Usage { cost: Some(tidegate_core::NanoUsd(1_500_000)), ..Usage::default() };
        let written = serde_json::to_value(WireUsage::from(&usage)).unwrap();
        assert_eq!(written["cost"], json!(0.0015));
    }
}
