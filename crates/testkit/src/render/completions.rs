//! OpenAI's old `/v1/completions`.

use serde_json::{Value, json};

use super::{CREATED, Event, Kind, openai_usage};
use crate::answer::{Finish, Part, Reply};

pub(super) fn json(reply: &Reply<'_>) -> Value {
    let mut answer = body(reply, &reply.text(), finish_reason(reply).into());
    if reply.tells_usage() {
        answer["usage"] = openai_usage(reply);
    }
    answer
}

fn finish_reason<'a>(reply: &'a Reply<'_>) -> &'a str {
    reply.finish_word(if reply.finish == Finish::Length { "length" } else { "stop" })
}

fn body(reply: &Reply<'_>, text: &str, finish: Value) -> Value {
    json!({
        "id": reply.id("cmpl-", 0), "object": "text_completion", "created": CREATED, "model": reply.ask.model,
        "choices": [{"text": text, "index": 0, "logprobs": null, "finish_reason": finish}],
    })
}

pub(super) fn events(reply: &Reply<'_>) -> Vec<Event> {
    let pieces =
        reply.parts.iter().filter_map(|part| if let Part::Text(pieces) = part { Some(pieces) } else { None });
    let delta = |piece: &String| Event::data(Kind::Delta, &body(reply, piece, Value::Null));
    let mut events: Vec<Event> = pieces.flatten().map(delta).collect();
    events.push(Event::data(Kind::Finish, &body(reply, "", finish_reason(reply).into())));
    if reply.ask.include_usage && reply.tells_usage() {
        let mut last = body(reply, "", Value::Null);
        last["choices"] = json!([]);
        last["usage"] = openai_usage(reply);
        events.push(Event::data(Kind::Usage, &last));
    }
    events.push(Event::done());
    events
}
