//! Reads a caller's request.

mod messages;
mod options;
mod tools;

use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::Fields;
use crate::hub::{ChatRequest, Unmapped};

pub(crate) use options::{output_limit, sampling, stop, stream};

/// Reads the JSON body. Fields that the hub has no word for go to `unmapped`, save those that ask for nothing
/// (`n: 1`, `logprobs: false`, `modalities: ["text"]`).
///
/// Besides OpenAI's own fields it takes `top_k` and OpenRouter's `reasoning` object; `safety_identifier` wins over
/// `user`, `max_completion_tokens` over `max_tokens`, `tools` over the old `functions`.
pub fn decode(body: &[u8]) -> Result<ChatRequest, BadRequest> {
    let mut body = Fields::parse(body)?;
    let mut unmapped = Vec::new();
    let mut request = ChatRequest { model: body.required_string("model")?, ..ChatRequest::default() };
    request.turns = messages::read(&mut body, &mut unmapped)?;
    (request.stream, request.include_usage) = stream(&mut body)?;
    request.tools = tools::read(&mut body, &mut unmapped)?;
    request.tool_choice = tools::choice(&mut body)?;
    request.parallel_tool_calls = body.bool("parallel_tool_calls")?;
    request.sampling = sampling(&mut body)?;
    request.max_output_tokens = output_limit(&mut body, &mut unmapped)?;
    request.stop = stop(&mut body)?;
    request.format = options::format(&mut body, &mut unmapped)?;
    request.reasoning = options::reasoning(&mut body, &mut unmapped)?;
    request.verbosity = body.string("verbosity")?;
    request.end_user = options::end_user(&mut body, &mut unmapped)?;
    request.service_tier = body.string("service_tier")?;
    request.prompt_cache_key = body.string("prompt_cache_key")?;
    request.metadata = options::metadata(&mut body)?;
    request.store = body.bool("store")?;
    options::skip_idle(&mut body)?;
    unmapped.extend(body.leftovers());
    request.unmapped = Unmapped { dialect: Some(Dialect::OpenaiChat), fields: unmapped };
    Ok(request)
}
