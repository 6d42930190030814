//! Streams made whole, and whole answers made streams: for providers that answer in the other form than asked (fault 48).

use tidegate_core::FaultKind;

use crate::fault::UpstreamFault;
use crate::hub::{ChatResponse, Event, Part, PartStart, Reasoning, ToolCall};
use crate::usage::Usage;

/// Puts the events of one stream together. A stream that reports an error, or that has no end, is a fault.
pub fn fold(events: impl IntoIterator<Item = Event>) -> Result<ChatResponse, UpstreamFault> {
    let mut response = ChatResponse::default();
    let mut usage = Usage::default();
    let mut ended = false;
    for event in events {
        match event {
            Event::Start { id, model, created } => {
                (response.id, response.model, response.created) = (id, model, created);
            }
            Event::PartStart { part, .. } => response.parts.push(begin(part)),
            Event::Text { index, text } => {
                if let Some(Part::Text { text: whole, .. } | Part::Refusal(whole)) =
                    response.parts.get_mut(index as usize)
                {
                    whole.push_str(&text);
                }
            }
            Event::Reasoning { index, text } => {
                if let Some(Part::Reasoning(thoughts)) = response.parts.get_mut(index as usize) {
                    thoughts.text.push_str(&text);
                }
            }
            Event::Signature { index, signature } => {
                if let Some(Part::Reasoning(thoughts)) = response.parts.get_mut(index as usize) {
                    thoughts.signature.get_or_insert_default().push_str(&signature);
                }
            }
            Event::Arguments { index, json } => {
                if let Some(Part::ToolCall(call)) = response.parts.get_mut(index as usize) {
                    call.arguments.push_str(&json);
                }
            }
            Event::Cite { index, citation } => {
                if let Some(Part::Text { citations, .. }) = response.parts.get_mut(index as usize) {
                    citations.push(citation);
                }
            }
            Event::PartEnd { .. } => {}
            Event::Usage(report) => {
                usage.replace_with(&report);
                response.usage = Some(usage.clone());
            }
            Event::Finish(stop) => response.stop = stop,
            Event::Error(fault) => return Err(fault),
            Event::End => ended = true,
        }
    }
    if ended { Ok(response) } else { Err(UpstreamFault::new(FaultKind::Upstream, "the stream has no end")) }
}

fn begin(part: PartStart) -> Part {
    match part {
        PartStart::Text => Part::text(""),
        PartStart::Refusal => Part::Refusal(String::new()),
        PartStart::Reasoning { is_summary, encrypted, id } => {
            Part::Reasoning(Reasoning { is_summary, encrypted, id, ..Reasoning::default() })
        }
        PartStart::ToolCall { id, name, signature, kind } => {
            Part::ToolCall(ToolCall { id, name, signature, kind, ..ToolCall::default() })
        }
    }
}

/// The events that tell a whole answer. Parts that a stream cannot tell (media, opaque blocks) are left out.
pub fn unfold(response: ChatResponse) -> Vec<Event> {
    let ChatResponse { id, model, created, parts, stop, usage } = response;
    let mut events = vec![Event::Start { id, model, created }];
    let mut index = 0;
    for part in parts {
        if unfold_part(part, index, &mut events) {
            events.push(Event::PartEnd { index });
            index += 1;
        }
    }
    events.push(Event::Finish(stop));
    events.extend(usage.map(Event::Usage));
    events.push(Event::End);
    events
}

fn unfold_part(part: Part, index: u32, events: &mut Vec<Event>) -> bool {
    match part {
        Part::Text { text, citations, .. } => {
            events.push(Event::PartStart { index, part: PartStart::Text });
            events.push(Event::Text { index, text });
            events.extend(citations.into_iter().map(|citation| Event::Cite { index, citation }));
        }
        Part::Refusal(text) => {
            events.push(Event::PartStart { index, part: PartStart::Refusal });
            events.push(Event::Text { index, text });
        }
        Part::Reasoning(Reasoning { text, is_summary, signature, encrypted, id, .. }) => {
            let part = PartStart::Reasoning { is_summary, encrypted, id };
            events.push(Event::PartStart { index, part });
            if !text.is_empty() {
                events.push(Event::Reasoning { index, text });
            }
            events.extend(signature.map(|signature| Event::Signature { index, signature }));
        }
        Part::ToolCall(ToolCall { id, name, arguments, signature, kind, .. }) => {
            events.push(Event::PartStart { index, part: PartStart::ToolCall { id, name, signature, kind } });
            events.push(Event::Arguments { index, json: arguments });
        }
        Part::Media(_) | Part::ToolResult(_) | Part::Opaque { .. } => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::StopReason;

    #[test]
    fn what_is_unfolded_folds_to_the_same() {
        let thoughts = Reasoning { text: "hm".into(), signature: Some("s".into()), ..Reasoning::default() };
        let call =
            ToolCall { id: "c".into(), name: "f".into(), arguments: "{}".into(), ..ToolCall::default() };
        let response = ChatResponse {
            id: "1".into(),
            model: "m".into(),
            created: Some(5),
            parts: vec![Part::Reasoning(thoughts), Part::text("hi"), Part::ToolCall(call)],
            stop: StopReason::ToolCalls,
            usage: Some(Usage { input: 3, output: 4, ..Usage::default() }),
        };
        assert_eq!(fold(unfold(response.clone())).unwrap(), response);
    }

    #[test]
    fn fault_39_a_stream_without_an_end_is_no_answer() {
        let mut events = unfold(ChatResponse::default());
        events.pop();
        assert!(fold(events).is_err());
    }
}
