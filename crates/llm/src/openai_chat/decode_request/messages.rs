//! Reads `messages`.

use serde_json::Value;

use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{CacheMark, Part, Role, ToolCall, ToolKind, ToolResult, Turn};
use crate::openai_chat::content::{Leftovers, cache_mark, read_part};
use crate::openai_chat::{citation, reasoning};

/// Reads `messages`, of which there must be at least one.
pub(super) fn read(body: &mut Fields, leftovers: &mut Leftovers) -> Result<Vec<Turn>, BadRequest> {
    if body.peek("messages").is_none() {
        body.required("messages")?;
    }
    let messages = body.objects("messages")?;
    if messages.is_empty() {
        return Err(BadRequest::field("messages", "`messages` must have at least one message"));
    }
    let mut history = History::default();
    for (number, mut message) in messages.into_iter().enumerate() {
        match message.required_string("role")?.as_str() {
            "system" => history.speak(Role::System, &mut message, leftovers)?,
            "developer" => history.speak(Role::Developer, &mut message, leftovers)?,
            "user" => history.speak(Role::User, &mut message, leftovers)?,
            "assistant" => history.answer(number, &mut message, leftovers)?,
            "tool" => history.tool_result(&mut message, leftovers)?,
            "function" => history.function_result(&mut message, leftovers)?,
            other => {
                let known = "system, developer, user, assistant, tool or function";
                return Err(message.complain("role", format!("the role must be {known}, not `{other}`")));
            }
        }
        leftovers.extend(message.leftovers());
    }
    Ok(history.turns)
}

/// The turns so far, and the calls that results may refer to.
#[derive(Default)]
struct History {
    turns: Vec<Turn>,
    /// Id, name and kind of every call.
    calls: Vec<(String, String, ToolKind)>,
    /// The turn that takes results of the last assistant turn, once there is one.
    results: Option<usize>,
}

impl History {
    fn speak(
        &mut self,
        role: Role,
        message: &mut Fields,
        leftovers: &mut Leftovers,
    ) -> Result<(), BadRequest> {
        let mark = cache_mark(message)?;
        let content = message.required("content")?;
        let mut parts = read_content(&message.at("content"), content, leftovers)?;
        mark_last(&mut parts, mark);
        self.turns.push(Turn { role, parts, name: message.string("name")? });
        Ok(())
    }

    fn answer(
        &mut self,
        number: usize,
        message: &mut Fields,
        leftovers: &mut Leftovers,
    ) -> Result<(), BadRequest> {
        let mark = cache_mark(message)?;
        let mut calls = read_calls(message, leftovers)?;
        calls.extend(read_function_call(number, message)?);
        let mut parts = read_reasoning(message, &mut calls)?;
        if let Some(content) = message.take("content").filter(|content| content != "") {
            parts.extend(read_content(&message.at("content"), content, leftovers)?);
        }
        if let Some(annotations) = message.take("annotations") {
            citation::attach(&annotations, &mut parts);
        }
        parts.extend(message.string("refusal")?.map(Part::Refusal));
        let named = calls.iter().map(|call| (call.id.clone(), call.name.clone(), call.kind));
        self.calls.extend(named);
        parts.extend(calls.into_iter().map(Part::ToolCall));
        mark_last(&mut parts, mark);
        self.turns.push(Turn { role: Role::Assistant, parts, name: message.string("name")? });
        self.results = None;
        Ok(())
    }

    fn tool_result(&mut self, message: &mut Fields, leftovers: &mut Leftovers) -> Result<(), BadRequest> {
        let call_id = message.required_string("tool_call_id")?;
        let known = self.calls.iter().rev().find(|(id, ..)| *id == call_id);
        let told = message.string("name")?;
        let name = told.or_else(|| known.map(|(_, name, _)| name.clone()));
        let kind = known.map_or(ToolKind::Function, |(.., kind)| *kind);
        self.push_result(call_id, name, kind, message, leftovers)
    }

    /// The old `function` role names the function; the result belongs to its latest call.
    fn function_result(&mut self, message: &mut Fields, leftovers: &mut Leftovers) -> Result<(), BadRequest> {
        let name = message.required_string("name")?;
        let known = self.calls.iter().rev().find(|(_, called, _)| *called == name);
        let call_id = known.map_or_else(|| format!("call_{name}"), |(id, ..)| id.clone());
        self.push_result(call_id, Some(name), ToolKind::Function, message, leftovers)
    }

    /// All results that follow one assistant turn go into one user turn right behind it, even when somebody spoke in
    /// between (cases 44, 45).
    fn push_result(
        &mut self,
        call_id: String,
        name: Option<String>,
        kind: ToolKind,
        message: &mut Fields,
        leftovers: &mut Leftovers,
    ) -> Result<(), BadRequest> {
        let cache = cache_mark(message)?;
        let path = message.at("content");
        let mut content = match message.take("content") {
            Some(content) => read_content(&path, content, leftovers)?,
            None => Vec::new(),
        };
        // A mark on the last text of a result means the result.
        let inner = content.last_mut().and_then(take_mark);
        let cache = cache.or(inner);
        let result = ToolResult { call_id, name, content, is_error: false, kind, cache };
        let turn = self.results_turn();
        turn.parts.push(Part::ToolResult(result));
        Ok(())
    }

    fn results_turn(&mut self) -> &mut Turn {
        let place = *self.results.get_or_insert_with(|| {
            let last = self.turns.iter().rposition(|turn| turn.role == Role::Assistant);
            let place = last.map_or(self.turns.len(), |last| last + 1);
            self.turns.insert(place, Turn { role: Role::User, parts: Vec::new(), name: None });
            place
        });
        &mut self.turns[place]
    }
}

fn read_content(path: &str, content: Value, leftovers: &mut Leftovers) -> Result<Vec<Part>, BadRequest> {
    match content {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(parts) => parts
            .into_iter()
            .enumerate()
            .map(|(i, part)| read_part(Fields::of(format!("{path}[{i}]"), part)?, leftovers))
            .collect(),
        other => Err(wrong(path, "a string or an array of parts", &other)),
    }
}

fn read_calls(message: &mut Fields, leftovers: &mut Leftovers) -> Result<Vec<ToolCall>, BadRequest> {
    let mut calls = Vec::new();
    for mut call in message.objects("tool_calls")? {
        let signature = call.take("extra_content").as_ref().and_then(reasoning::read_extra_content);
        let id = call.required_string("id")?;
        let kind = call.string("type")?;
        call.take("index");
        let (kind, field, arguments) = match kind.as_deref() {
            None | Some("function") => (ToolKind::Function, "function", "arguments"),
            Some("custom") => (ToolKind::Custom, "custom", "input"),
            Some(other) => {
                let message = format!("the type of a call must be function or custom, not `{other}`");
                return Err(call.complain("type", message));
            }
        };
        let path = call.at(field);
        let mut body = Fields::of(path, call.required(field)?)?;
        let name = body.required_string("name")?;
        let arguments = body.string(arguments)?.unwrap_or_default();
        calls.push(ToolCall { id, name, arguments, signature, kind, cache: cache_mark(&mut call)? });
        leftovers.extend(body.leftovers());
        leftovers.extend(call.leftovers());
    }
    Ok(calls)
}

/// The old `function_call`, which has no id: one is made from the number of the message.
fn read_function_call(number: usize, message: &mut Fields) -> Result<Option<ToolCall>, BadRequest> {
    let Some(mut call) = message.object("function_call")? else { return Ok(None) };
    let name = call.required_string("name")?;
    let arguments = call.string("arguments")?.unwrap_or_default();
    Ok(Some(ToolCall { id: format!("call_{number}"), name, arguments, ..ToolCall::default() }))
}

/// Thoughts of an earlier answer; seals of tool calls go to their calls.
fn read_reasoning(message: &mut Fields, calls: &mut [ToolCall]) -> Result<Vec<Part>, BadRequest> {
    let content = message.string("reasoning_content")?;
    let plain = content.or(message.string("reasoning")?);
    let mut details = reasoning::read_details(message.take("reasoning_details").as_ref());
    for call in calls {
        let sealed = reasoning::take_call_seal(&mut details, &call.id);
        call.signature = call.signature.take().or(sealed);
    }
    Ok(reasoning::parts(details, plain).into_iter().map(Part::Reasoning).collect())
}

fn mark_last(parts: &mut [Part], mark: Option<CacheMark>) {
    if mark.is_none() {
        return;
    }
    match parts.last_mut() {
        Some(Part::Text { cache, .. }) => *cache = mark,
        Some(Part::Media(media)) => media.cache = mark,
        Some(Part::ToolCall(call)) => call.cache = mark,
        Some(Part::ToolResult(result)) => result.cache = mark,
        _ => {}
    }
}

fn take_mark(part: &mut Part) -> Option<CacheMark> {
    match part {
        Part::Text { cache, .. } => cache.take(),
        Part::Media(media) => media.cache.take(),
        _ => None,
    }
}
