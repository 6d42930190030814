//! Stop 6: bytes for this target. Bytes pass when the dialects agree; otherwise the request is translated.

use std::borrow::Cow;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use tidegate_llm::Dialect;
use tidegate_llm::adapt::{ToolNames, holds_packed_signature};
use tidegate_llm::passage::{self, Edits};
use tidegate_llm::quirks::Profile;
use tidegate_llm::translate::prepare;

use crate::endpoint::Surface;
use crate::error::GatewayError;
use crate::prompt::Prompt;
use crate::snapshot::{Line, Target};
use crate::upstream::Outbound;

/// A request for one target, and how its answer is to be read.
#[derive(Debug)]
pub struct Encoded {
    /// What is sent.
    pub outbound: Outbound,
    /// The dialect that the target answers in.
    pub dialect: Dialect,
    /// How the answer reaches the caller.
    pub way: Way,
    /// Fields that could not be carried over.
    pub dropped: Vec<String>,
}

/// How an answer reaches the caller.
#[derive(Debug)]
pub enum Way {
    /// As it is.
    Pass {
        /// The stream's usage report was asked for by the gateway alone.
        hide_usage: bool,
    },
    /// Translated, with these renamed tools.
    Translate(ToolNames),
}

impl Way {
    /// The renamed tools; none where bytes pass.
    pub fn into_names(self) -> ToolNames {
        match self {
            Self::Pass { .. } => ToolNames::default(),
            Self::Translate(names) => names,
        }
    }
}

/// Writes the request for `target`; `line` is `None` for the built-in demo.
pub fn encode(prompt: &Prompt, target: &Target, line: Option<&Line>) -> Result<Encoded, GatewayError> {
    if let Some(line) = line
        && passes(prompt, target, line)
    {
        return Ok(pass(prompt, target, line.dialect));
    }
    let dialect = line.map_or(Dialect::OpenaiChat, |line| line.dialect);
    let request = prompt.decoded()?;
    let profile = Profile {
        model: &target.model,
        quirks: target.provider.quirks,
        max_output_tokens: target.max_output_tokens,
    };
    let prepared = prepare(prompt.dialect(), &request, dialect, &profile, prompt.strict)?;
    let body = Bytes::from(prepared.encoded.body);
    Ok(Encoded {
        outbound: Outbound::json(path_of(dialect, &target.model, prompt.stream()), body),
        dialect,
        way: Way::Translate(prepared.names),
        dropped: prepared.encoded.dropped,
    })
}

/// Whether the caller's bytes suit the target.
fn passes(prompt: &Prompt, target: &Target, line: &Line) -> bool {
    let quirks = &target.provider.quirks;
    let same = match &prompt.surface {
        Surface::Completions => line.dialect == Dialect::OpenaiChat && target.provider.completions,
        // A stream as a JSON array is written anew: it is asked for as SSE.
        Surface::Gemini { stream: true, sse: false, .. } => false,
        surface => line.dialect == surface.dialect(),
    };
    // The cost inside a stream's usage report needs the report written anew.
    let is_rewritten = prompt.usage_cost && prompt.stream();
    // A provider that breaks on parts of the dialect gets the request written anew, without those parts.
    let is_choosy = line.dialect == Dialect::OpenaiChat
        && (quirks.no_developer_role
            || quirks.no_json_schema
            || quirks.no_parallel_tool_calls
            || quirks.no_openai_extras
            || quirks.plain_patterns)
        && needs_care(&prompt.body);
    // Another vendor's seal rides in the history: this provider would refuse it.
    let is_sealed = holds_packed_signature(&prompt.body);
    same && !is_rewritten && !is_choosy && !is_sealed
}

/// Whether a chat request has any of the parts that choosy providers break on. Looks for the words only: a false alarm
/// costs a translation, nothing else.
fn needs_care(body: &[u8]) -> bool {
    const WORDS: [&str; 9] = [
        "\"developer\"",
        "\"json_schema\"",
        "\"parallel_tool_calls\"",
        "\"pattern\"",
        "\"store\"",
        "\"metadata\"",
        "\"prompt_cache_key\"",
        "\"safety_identifier\"",
        "\"service_tier\"",
    ];
    static FINDERS: LazyLock<[Finder<'static>; 9]> = LazyLock::new(|| WORDS.map(Finder::new));
    FINDERS.iter().any(|finder| finder.find(body).is_some())
}

fn pass(prompt: &Prompt, target: &Target, dialect: Dialect) -> Encoded {
    let quirks = &target.provider.quirks;
    let mut edits = Edits::new(&prompt.body, &prompt.peek);
    if prompt.peek.model.as_deref() != Some(&target.model) {
        edits.model(&target.model);
    }
    let asks_usage = prompt.stream() && prompt.kind().has_usage_option();
    let hide_usage = asks_usage && !prompt.peek.include_usage;
    if asks_usage && quirks.no_stream_options {
        edits.remove_stream_options();
    } else if hide_usage {
        edits.include_usage();
    }
    if quirks.legacy_max_tokens {
        edits.legacy_max_tokens();
    }
    if quirks.no_null_fields {
        edits.remove_nulls();
    }
    let path = match prompt.kind() {
        passage::Endpoint::Completions => "/completions".into(),
        _ => path_of(dialect, &target.model, prompt.stream()),
    };
    Encoded {
        outbound: Outbound::json(path, edits.apply()),
        dialect,
        way: Way::Pass { hide_usage },
        dropped: Vec::new(),
    }
}

/// The path of a dialect's conversations, behind the provider's base URL.
pub fn path_of(dialect: Dialect, model: &str, stream: bool) -> Cow<'static, str> {
    match dialect {
        Dialect::OpenaiChat => "/chat/completions".into(),
        Dialect::OpenaiResponses => "/responses".into(),
        Dialect::Anthropic => "/messages".into(),
        Dialect::Gemini => {
            let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            gemini_path(model, action).into()
        }
    }
}

/// `/models/{model}:{action}`; the model's name is escaped where a path would break.
pub fn gemini_path(model: &str, action: &str) -> String {
    let mut path = String::with_capacity(model.len() + action.len() + 10);
    path.push_str("/models/");
    for byte in model.strip_prefix("models/").unwrap_or(model).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                path.push(byte as char)
            }
            _ => {
                path.push('%');
                path.extend(
                    [byte >> 4, byte & 15].map(|half| char::from(b"0123456789ABCDEF"[usize::from(half)])),
                );
            }
        }
    }
    path.push(':');
    path.push_str(action);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_cannot_break_out_of_its_path() {
        assert_eq!(
            gemini_path("models/gemini-2.5-flash", "countTokens"),
            "/models/gemini-2.5-flash:countTokens"
        );
        assert_eq!(gemini_path("a/../b?x#y", "z"), "/models/a%2F..%2Fb%3Fx%23y:z");
    }
}
