//! Answers in the other form than asked (fault 48): a whole answer told as a stream, a stream told as a whole answer.

use crate::Dialect;
use crate::adapt::{ToolNames, adapt_response};
use crate::codec::{MalformedEvent, Reply, StreamDecoder, decode_response, encode_response};
use crate::fault::UpstreamFault;
use crate::form::Form;
use crate::hub::Part;
use crate::hub::fold::{fold, unfold};
use crate::sse::{SseDecoder, SseTooLong};
use crate::translate::text_bytes;
use crate::usage::Usage;
use tidegate_core::FaultKind;

/// What an answer amounted to, and its bytes in the caller's dialect.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    /// The body.
    pub body: Vec<u8>,
    /// Tokens, if told.
    pub usage: Option<Usage>,
    /// Bytes of text, thoughts and tool arguments, to guess the tokens by.
    pub text_bytes: u64,
}

/// Tells a whole answer as a stream.
pub fn whole_as_stream(
    target: Dialect,
    caller: Form,
    body: &[u8],
    mut reply: Reply,
    names: &ToolNames,
) -> Result<Converted, UpstreamFault> {
    reply.origin = Some(target);
    let mut response = decode_response(target, body)?;
    adapt_response(&mut response, caller.dialect(), names);
    let (usage, text_bytes) = (response.usage.clone(), text_bytes(&response));
    let mut out = Vec::new();
    let mut encoder = caller.stream_encoder(reply);
    for event in unfold(response) {
        encoder.encode(&event, &mut out);
    }
    Ok(Converted { body: out, usage, text_bytes })
}

/// Tells a stream, which has been read to its end, as a whole answer.
pub fn stream_as_whole(
    target: Dialect,
    caller: Form,
    body: &[u8],
    reply: &Reply,
    names: &ToolNames,
) -> Result<Converted, UpstreamFault> {
    let mut decoder = StreamDecoder::new(target);
    let mut events = Vec::new();
    let mut malformed: Option<MalformedEvent> = None;
    let mut sse = SseDecoder::default();
    let mut on_event = |event: crate::sse::SseEvent<'_>| {
        malformed = decoder.decode(event, &mut events).err().or(malformed.take());
    };
    let read: Result<(), SseTooLong> = sse.feed(body, &mut on_event);
    sse.finish(&mut on_event);
    read.map_err(|error| UpstreamFault::new(FaultKind::Upstream, error.to_string()))?;
    decoder.finish(&mut events);
    let mut response = fold(events)?;
    for part in &mut response.parts {
        if let Part::Reasoning(thoughts) = part {
            thoughts.origin = Some(target);
        }
    }
    adapt_response(&mut response, caller.dialect(), names);
    let (usage, text_bytes) = (response.usage.clone(), text_bytes(&response));
    let reply = Reply { origin: Some(target), ..reply.clone() };
    Ok(Converted { body: caller.encode_response(&response, &reply), usage, text_bytes })
}

impl Form {
    /// Writes a whole answer in this form.
    pub fn encode_response(self, response: &crate::hub::ChatResponse, reply: &Reply) -> Vec<u8> {
        match self {
            Self::Completions => crate::completions::encode_response::encode(response, reply),
            _ => encode_response(self.dialect(), response, reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        br#"{"id":"msg_1","type":"message","role":"assistant","model":"c","stop_reason":"end_turn",
        "content":[{"type":"thinking","thinking":"hm","signature":"c2Vh"},{"type":"text","text":"so"}],
        "usage":{"input_tokens":1,"output_tokens":1}}"#;

    #[test]
    fn case_55_a_seal_stays_known_as_its_makers_in_either_form() {
        let (target, caller) = (Dialect::Anthropic, Form::Plain(Dialect::OpenaiResponses));
        let names = ToolNames::default();
        let seal = b"tidegate.seal.1:anthropic:signature:c2Vh";
        let stream = whole_as_stream(target, caller, WHOLE, Reply::default(), &names).unwrap().body;
        assert!(memchr::memmem::find(&stream, seal).is_some(), "{}", String::from_utf8_lossy(&stream));
        let own = whole_as_stream(target, Form::Plain(target), WHOLE, Reply::default(), &names).unwrap().body;
        let whole = stream_as_whole(target, caller, &own, &Reply::default(), &names).unwrap().body;
        assert!(memchr::memmem::find(&whole, seal).is_some(), "{}", String::from_utf8_lossy(&whole));
    }
}
