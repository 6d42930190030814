//! The `usage` object: read leniently, written as OpenAI writes it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::report::Report;
use crate::usage::Usage;

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
    // A list would be taken for the counts in their order.
    let usage = Report::deserialize(usage.as_object().map(|_| usage)?).ok()?.usage()?;
    Some(Usage { service_tier: service_tier.filter(|tier| !tier.is_empty()).map(str::to_owned), ..usage })
}

/// The same from JSON text, without a tier.
pub fn read_json(usage: &str) -> Option<Usage> {
    match serde_json::from_str::<Report>(usage) {
        Ok(report) if usage.starts_with('{') => report.usage(),
        // A field that is there twice: the last one holds.
        _ => read(&serde_json::from_str(usage).ok()?, None),
    }
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
    fn text_is_read_like_a_value_whatever_stands_in_it() {
        let details = ["null", "7", "\"x\"", "[1,{}]", "true", "{}", "{\"cached_tokens\":4,\"x\":[{}]}"];
        let counts = ["null", "-1", "\"8\"", "[8]", "{\"a\":[1]}", "8", "8.0", "true"];
        for (details, count) in details.iter().flat_map(|one| counts.map(|other| (one, other))) {
            let text = format!(
                r#"{{"prompt_tokens":9,"x":{{"y":[1]}},"completion_tokens":{count},"prompt_tokens_details":{details},"output_tokens":2}}"#
            );
            let value: Value = serde_json::from_str(&text).unwrap();
            let expected = read(&value, None).unwrap();
            assert_eq!(read_json(&text), Some(expected.clone()), "{text}");
            assert_eq!(expected.output, if count.starts_with('8') { 8 } else { 2 }, "{text}");
            assert_eq!(expected.cache_read, if details.contains('4') { 4 } else { 0 }, "{text}");
        }
        let twice = r#"{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens":3}"#;
        assert_eq!(read_json(twice).map(|usage| usage.input), Some(3));
        assert_eq!((read_json("[1,2,3,4]"), read(&json!([1, 2, 3, 4]), None)), (None, None));
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
