//! Token counts, both ways.

use serde::Serialize;
use serde_json::Value;

use crate::usage::Usage;

/// More tokens than any model can take or give: a larger count is nonsense (fault 43).
const PLAUSIBLE: u64 = 1_000_000_000;

/// Reads `usage` and `service_tier` of a response object. `None` when there is no usage, or when a total is no count:
/// then the gateway counts by itself.
pub fn read(response: &Value) -> Option<Usage> {
    let usage = response.get("usage")?.as_object()?;
    if !usage.contains_key("input_tokens") && !usage.contains_key("output_tokens") {
        return None;
    }
    let total = |name: &str| match usage.get(name) {
        None | Some(Value::Null) => Some(0),
        Some(value) => count(value),
    };
    let detail = |group: &str, name: &str| {
        usage.get(group).and_then(|details| count(details.get(name)?)).unwrap_or_default()
    };
    let (input, output) = (total("input_tokens")?, total("output_tokens")?);
    Some(Usage {
        input,
        output,
        cache_read: detail("input_tokens_details", "cached_tokens").min(input),
        cache_write: detail("input_tokens_details", "cache_write_tokens").min(input),
        reasoning: detail("output_tokens_details", "reasoning_tokens").min(output),
        web_searches: detail("server_tool_use", "web_search_requests"),
        service_tier: response.get("service_tier").and_then(Value::as_str).map(str::to_owned),
        ..Usage::default()
    })
}

fn count(value: &Value) -> Option<u64> {
    let whole = || value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0).map(|n| n as u64);
    value.as_u64().or_else(whole).filter(|count| *count <= PLAUSIBLE)
}

/// `usage` on the wire. Totals include their parts here as in [`Usage`] (case 1).
#[derive(Debug, Serialize)]
pub(super) struct Wire {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

#[derive(Debug, Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Debug, Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl From<&Usage> for Wire {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write,
            },
            output_tokens: usage.output,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning },
            total_tokens: usage.total(),
            cost: usage.cost.map(tidegate_core::NanoUsd::as_dollars),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fault_43_nonsense_counts_are_no_usage() {
        for bad in [json!(-1), json!("7"), json!(1e12), json!(0.5), json!([])] {
            assert_eq!(read(&json!({"usage": {"input_tokens": bad, "output_tokens": 3}})), None, "{bad}");
        }
        assert_eq!(read(&json!({"usage": null})), None);
        assert_eq!(read(&json!({"usage": {}})), None);
    }

    #[test]
    fn case_01_and_11_totals_include_cached_tokens_and_the_tier_is_kept() {
        let usage = read(&json!({
            "service_tier": "priority",
            "usage": {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 64},
                      "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 8}, "total_tokens": 120}
        }))
        .unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.output, usage.reasoning), (100, 64, 20, 8));
        assert_eq!(usage.service_tier.as_deref(), Some("priority"));
        let wire = serde_json::to_value(Wire::from(&usage)).unwrap();
        assert_eq!(wire["total_tokens"], 120);
        assert_eq!(wire["input_tokens_details"]["cached_tokens"], 64);
        assert_eq!(wire.get("cost"), None);
        let priced = Usage { cost: Some(tidegate_core::NanoUsd(1_500_000)), ..usage };
        assert_eq!(serde_json::to_value(Wire::from(&priced)).unwrap()["cost"], 0.0015);
    }
}
