//! Reads a caller's request.

mod content;
mod items;
mod options;
mod tools;

use serde_json::Value;

use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{ChatRequest, Part, Role, Sampling, Turn, Unmapped};

/// Fields that stand in for `input`: the provider has the conversation.
const INSTEAD_OF_INPUT: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Paths and values that the hub has no word for.
type Unknown = Vec<(String, Value)>;

/// Reads the JSON body. `instructions` become a system turn in front; runs of assistant messages, reasoning and calls
/// become one assistant turn; runs of call outputs one user turn.
pub fn decode(body: &[u8]) -> Result<ChatRequest, BadRequest> {
    let mut fields = Fields::parse(body)?;
    let mut unknown = Unknown::new();
    let mut request = ChatRequest {
        model: fields.required_string("model")?,
        stream: fields.bool("stream")?.unwrap_or_default(),
        turns: turns(&mut fields, &mut unknown)?,
        tools: tools::tools(&mut fields, &mut unknown)?,
        tool_choice: tools::choice(&mut fields, &mut unknown)?,
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        sampling: Sampling {
            temperature: fields.f64("temperature")?,
            top_p: fields.f64("top_p")?,
            ..Sampling::default()
        },
        max_output_tokens: fields.u64("max_output_tokens")?,
        reasoning: options::reasoning(&mut fields, &mut unknown)?,
        end_user: options::end_user(&mut fields)?,
        service_tier: fields.string("service_tier")?,
        prompt_cache_key: fields.string("prompt_cache_key")?,
        metadata: options::metadata(&mut fields)?,
        store: fields.bool("store")?,
        ..ChatRequest::default()
    };
    (request.format, request.verbosity) = options::text(&mut fields, &mut unknown)?;
    options::check_state(&fields)?;
    let mut unmapped: Unknown = fields.leftovers().into_iter().filter(options::says_something).collect();
    unmapped.append(&mut unknown);
    request.unmapped = Unmapped { dialect: Some(Dialect::OpenaiResponses), fields: unmapped };
    Ok(request)
}

fn turns(fields: &mut Fields, unknown: &mut Unknown) -> Result<Vec<Turn>, BadRequest> {
    let mut history = items::History::new(unknown);
    if let Some(instructions) = fields.string("instructions")? {
        history.turns.push(Turn { role: Role::System, parts: vec![Part::text(instructions)], name: None });
    }
    let may_be_absent = INSTEAD_OF_INPUT.iter().any(|name| fields.peek(name).is_some());
    match fields.take("input") {
        None if may_be_absent => {}
        None => return Err(fields.complain("input", "`input` is required")),
        Some(Value::String(text)) => {
            history.turns.push(Turn { role: Role::User, parts: vec![Part::text(text)], name: None });
        }
        Some(Value::Array(items)) if items.is_empty() && !may_be_absent => {
            return Err(fields.complain("input", "`input` must have at least one item"));
        }
        Some(Value::Array(items)) => {
            for (i, item) in items.into_iter().enumerate() {
                history.take(Fields::of(format!("input[{i}]"), item)?)?;
            }
        }
        Some(other) => return Err(wrong("input", "a string or an array of items", &other)),
    }
    Ok(history.turns)
}
