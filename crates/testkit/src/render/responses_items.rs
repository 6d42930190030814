//! OpenAI's `/v1/responses`: output items and the events that build them.

use serde_json::{Value, json};

use crate::answer::{Part, Reply};

type Named = (&'static str, Value);

/// The finished item; `status` is the response's, which its message items share.
pub(super) fn item(reply: &Reply<'_>, nth: usize, part: &Part, status: &str) -> Value {
    match part {
        Part::Thought { pieces, signature } => {
            let summary = json!([{"type": "summary_text", "text": pieces.concat()}]);
            reasoning(reply, nth, &summary, wants_encrypted(reply).then_some(signature.as_str()))
        }
        Part::Redacted => reasoning(reply, nth, &json!([]), Some(crate::REDACTED)),
        Part::Text(pieces) => message(reply, nth, status, json!([output_text(&pieces.concat())])),
        Part::Refusal(pieces) => {
            message(reply, nth, status, json!([{"type": "refusal", "refusal": pieces.concat()}]))
        }
        Part::Tool { name, arguments, .. } => {
            let arguments = if arguments.is_empty() { "{}".to_owned() } else { arguments.concat() };
            call(reply, nth, name, &arguments, "completed")
        }
    }
}

fn wants_encrypted(reply: &Reply<'_>) -> bool {
    crate::ask::list(&reply.ask.body, "include").iter().any(|field| field == "reasoning.encrypted_content")
}

fn reasoning(reply: &Reply<'_>, nth: usize, summary: &Value, encrypted: Option<&str>) -> Value {
    let mut item = json!({"id": reply.id("rs_", nth), "type": "reasoning", "summary": summary});
    if let Some(encrypted) = encrypted {
        item["encrypted_content"] = encrypted.into();
    }
    item
}

fn message(reply: &Reply<'_>, nth: usize, status: &str, content: Value) -> Value {
    json!({"id": reply.id("msg_", nth), "type": "message", "status": status, "role": "assistant", "content": content})
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

fn call(reply: &Reply<'_>, nth: usize, name: &str, arguments: &str, status: &str) -> Value {
    json!({"id": reply.id("fc_", nth), "type": "function_call", "status": status, "arguments": arguments,
        "call_id": reply.id("call_", nth), "name": name})
}

/// From `output_item.added` to `output_item.done`.
pub(super) fn item_events(reply: &Reply<'_>, nth: usize, part: &Part) -> Vec<Named> {
    let (started, mut middle) = match part {
        Part::Thought { pieces, .. } => {
            (reasoning(reply, nth, &json!([]), None), thought_events(reply, nth, pieces))
        }
        Part::Redacted => (reasoning(reply, nth, &json!([]), None), Vec::new()),
        Part::Text(pieces) => {
            (message(reply, nth, "in_progress", json!([])), text_events(reply, nth, pieces))
        }
        Part::Refusal(pieces) => {
            (message(reply, nth, "in_progress", json!([])), refusal_events(reply, nth, pieces))
        }
        Part::Tool { name, arguments, .. } => {
            (call(reply, nth, name, "", "in_progress"), call_events(reply, nth, name, arguments))
        }
    };
    let mut events = vec![("response.output_item.added", json!({"output_index": nth, "item": started}))];
    events.append(&mut middle);
    let finished = item(reply, nth, part, "completed");
    events.push(("response.output_item.done", json!({"output_index": nth, "item": finished})));
    events
}

fn thought_events(reply: &Reply<'_>, nth: usize, pieces: &[String]) -> Vec<Named> {
    let id = reply.id("rs_", nth);
    let at = |more: Value| with(json!({"item_id": id, "output_index": nth, "summary_index": 0}), more);
    let part = |text: &str| at(json!({"part": {"type": "summary_text", "text": text}}));
    let mut events = vec![("response.reasoning_summary_part.added", part(""))];
    events.extend(pieces.iter().map(|p| ("response.reasoning_summary_text.delta", at(json!({"delta": p})))));
    events.push(("response.reasoning_summary_text.done", at(json!({"text": pieces.concat()}))));
    events.push(("response.reasoning_summary_part.done", part(&pieces.concat())));
    events
}

fn text_events(reply: &Reply<'_>, nth: usize, pieces: &[String]) -> Vec<Named> {
    let at = in_message(reply, nth);
    let mut events = vec![("response.content_part.added", at(json!({"part": output_text("")})))];
    let delta = |piece: &String| ("response.output_text.delta", at(json!({"delta": piece, "logprobs": []})));
    events.extend(pieces.iter().map(delta));
    let text = pieces.concat();
    events.push(("response.output_text.done", at(json!({"text": text, "logprobs": []}))));
    events.push(("response.content_part.done", at(json!({"part": output_text(&text)}))));
    events
}

fn refusal_events(reply: &Reply<'_>, nth: usize, pieces: &[String]) -> Vec<Named> {
    let at = in_message(reply, nth);
    let part = |text: &str| at(json!({"part": {"type": "refusal", "refusal": text}}));
    let mut events = vec![("response.content_part.added", part(""))];
    events.extend(pieces.iter().map(|piece| ("response.refusal.delta", at(json!({"delta": piece})))));
    events.push(("response.refusal.done", at(json!({"refusal": pieces.concat()}))));
    events.push(("response.content_part.done", part(&pieces.concat())));
    events
}

fn in_message(reply: &Reply<'_>, nth: usize) -> impl Fn(Value) -> Value {
    let place = json!({"item_id": reply.id("msg_", nth), "output_index": nth, "content_index": 0});
    move |more| with(place.clone(), more)
}

fn call_events(reply: &Reply<'_>, nth: usize, name: &str, pieces: &[String]) -> Vec<Named> {
    let place = json!({"item_id": reply.id("fc_", nth), "output_index": nth});
    let at = |more: Value| with(place.clone(), more);
    let mut events: Vec<Named> = pieces
        .iter()
        .map(|piece| ("response.function_call_arguments.delta", at(json!({"delta": piece}))))
        .collect();
    let arguments = if pieces.is_empty() { "{}".to_owned() } else { pieces.concat() };
    events.push(("response.function_call_arguments.done", at(json!({"arguments": arguments, "name": name}))));
    events
}

fn with(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}
