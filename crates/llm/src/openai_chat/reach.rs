//! What OpenAI's chat completions refuse and its responses serve.
//!
//! Newer GPT models reason, and reasoning with function tools is a 400 on chat completions: «use /v1/responses or set
//! reasoning_effort to 'none'» (wire case 62). Which models, and what they do when nobody names an effort:
//!
//! | model | without an effort | with `none` |
//! | --- | --- | --- |
//! | up to 5.2 | served | served |
//! | 5.3, 5.4 | served (the default is `none`) | served |
//! | from 5.5 | refused (the default is `medium`) | served |
//! | 6 Astra | refused | refused: it knows no `none` |
//!
//! Sources: openai/openai-openapi#541, pipecat-ai/pipecat#4043, BerriAI/litellm#34569, danny-avila/LibreChat#14355,
//! jeffdafoe/llm-memory-api#178.

use crate::hub::{ChatRequest, ReasoningWish, Tool};

/// Whether any request to this model could be one that chat completions refuse. Spares the caller of
/// [`prefers_responses`] the decoding of others.
pub fn may_prefer_responses(model: &str) -> bool {
    version(model).is_some_and(|version| version >= (5, 3))
}

/// Whether OpenAI's chat completions would refuse this request for what its responses serve. Where the provider speaks both,
/// the request is then better translated than passed on.
pub fn prefers_responses(model: &str, request: &ChatRequest) -> bool {
    let Some(version) = version(model).filter(|version| *version >= (5, 3)) else { return false };
    if !request.tools.iter().any(|tool| matches!(tool, Tool::Function { .. })) {
        return false;
    }
    match &request.reasoning {
        _ if model.contains("astra") => true,
        Some(wish) if is_none(wish) => false,
        Some(wish) if wish.effort.is_some() || wish.budget.is_some() => true,
        _ => version >= (5, 5),
    }
}

fn is_none(wish: &ReasoningWish) -> bool {
    wish.effort.as_deref() == Some("none") || wish.effort.is_none() && wish.budget == Some(0)
}

/// `gpt-5.6-terra` is 5.6, `gpt-6-astra` 6.0; models for talk only (`gpt-5.3-chat-latest`) do not reason.
fn version(model: &str) -> Option<(u32, u32)> {
    let rest = model.strip_prefix("gpt-").filter(|rest| !rest.contains("-chat"))?;
    let number = rest.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::codec::decode_request;

    fn prefers(model: &str, effort: Option<&str>, has_tools: bool) -> bool {
        let mut body = serde_json::json!({"model": model, "messages": [{"role": "user", "content": "x"}]});
        if let Some(effort) = effort {
            body["reasoning_effort"] = effort.into();
        }
        if has_tools {
            body["tools"] = serde_json::json!([{"type": "function", "function": {"name": "f"}}]);
        }
        let request = decode_request(Dialect::OpenaiChat, body.to_string().as_bytes()).unwrap();
        let prefers = prefers_responses(model, &request);
        assert!(!prefers || may_prefer_responses(model));
        prefers
    }

    #[test]
    fn case_62_reasoning_with_tools_goes_to_responses_where_chat_refuses_it() {
        for (model, unset, low, none) in [
            ("gpt-4o", false, false, false),
            ("gpt-5-mini", false, false, false),
            ("gpt-5.2", false, false, false),
            ("gpt-5.4-2026-03-05", false, true, false),
            ("gpt-5.6-terra", true, true, false),
            ("gpt-6-luna", true, true, false),
            ("gpt-6-astra", true, true, true),
            ("gpt-5.3-chat-latest", false, false, false),
            ("gpt-oss-120b", false, false, false),
            ("o3", false, false, false),
        ] {
            let told = [None, Some("low"), Some("none")].map(|effort| prefers(model, effort, true));
            assert_eq!(told, [unset, low, none], "{model}");
            assert!(!prefers(model, Some("high"), false), "{model}: chat serves it without tools");
        }
    }
}
