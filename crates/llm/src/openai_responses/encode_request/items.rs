//! Turns → input items.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::content::{self, Lost, Place};
use crate::Dialect;
use crate::hub::{ChatRequest, Part, Reasoning, Role, ToolCall, ToolKind, ToolResult, Turn};
use crate::openai_responses::output::arguments;
use crate::openai_responses::stateful_field;
use crate::quirks::Quirks;
use crate::words::Words;

/// The input being written. Calls and results carry no role, status or item id (case 50): the provider gives those.
pub(super) struct Items<'a> {
    items: Vec<Value>,
    dropped: Vec<String>,
    calls: HashSet<&'a str>,
    request: &'a ChatRequest,
    quirks: Quirks,
    is_native: bool,
    /// The turn being written.
    turn: usize,
    /// Whether the provider holds earlier turns that are not in the request.
    has_hidden_history: bool,
}

impl<'a> Items<'a> {
    pub(super) fn new(request: &'a ChatRequest, quirks: Quirks, is_native: bool) -> Self {
        Self {
            items: Vec::new(),
            dropped: Vec::new(),
            calls: HashSet::new(),
            request,
            quirks,
            is_native,
            turn: 0,
            has_hidden_history: is_native && stateful_field(request).is_some(),
        }
    }

    /// The items, and what was left out.
    pub(super) fn finish(self) -> (Vec<Value>, Vec<String>) {
        (self.items, self.dropped)
    }

    /// Writes the turn of that index.
    pub(super) fn turn(&mut self, index: usize, turn: &'a Turn) {
        self.turn = index;
        if turn.name.is_some() {
            self.dropped.push(format!("{}.name", self.words().turn(index)));
        }
        let mut message = Vec::new();
        for (index, part) in turn.parts.iter().enumerate() {
            self.note_mark(part);
            if belongs_in_message(part) {
                match content::block(part, self.place(turn.role)) {
                    Ok(block) => message.push(block),
                    Err(lost) => self.lose(index, lost),
                }
                continue;
            }
            self.message(turn.role, &mut message);
            match part {
                Part::Reasoning(reasoning) => self.reasoning(reasoning),
                Part::ToolCall(call) => self.call(call),
                Part::ToolResult(result) => self.result(index, result),
                Part::Opaque { json, .. } => self.items.push(json.clone()),
                Part::Text { .. } | Part::Media(_) | Part::Refusal(_) => {}
            }
        }
        self.message(turn.role, &mut message);
        self.cut_hanging_reasoning();
    }

    fn words(&self) -> Words<'a> {
        Words::of(self.request)
    }

    /// Names a part, or a part of the result that it is.
    fn lose(&mut self, part: usize, lost: Lost) {
        self.dropped.push(match lost {
            Lost::Named(name) => name,
            Lost::Here(what) => format!("{} ({what})", self.words().part(self.turn, part)),
        });
    }

    /// Cache marks of other dialects mean nothing here.
    fn note_mark(&mut self, part: &Part) {
        let mark = match part {
            Part::Text { cache, .. } => cache,
            Part::Media(media) => &media.cache,
            Part::ToolCall(call) => &call.cache,
            Part::ToolResult(result) => {
                result.content.iter().for_each(|inner| self.note_mark(inner));
                &result.cache
            }
            Part::Reasoning(_) | Part::Refusal(_) | Part::Opaque { .. } => return,
        };
        if mark.is_some() && !self.is_native {
            self.dropped.push("cache_control".to_owned());
        }
    }

    fn place(&self, role: Role) -> Place {
        Place {
            is_answer: role == Role::Assistant,
            is_native: self.is_native,
            dialect: self.request.unmapped.dialect,
        }
    }

    fn message(&mut self, role: Role, content: &mut Vec<Value>) {
        if content.is_empty() {
            return;
        }
        let role = match role {
            Role::System => "system",
            Role::Developer if self.quirks.no_developer_role => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        self.items.push(json!({"type": "message", "role": role, "content": std::mem::take(content)}));
    }

    /// Only what this dialect sealed goes back (cases 55, 59), or what an open server told in full, or what the
    /// provider keeps by id.
    fn reasoning(&mut self, reasoning: &Reasoning) {
        let is_kept = self.request.store == Some(true) && reasoning.id.is_some();
        let is_full = !reasoning.is_summary && !reasoning.text.is_empty();
        let is_own = reasoning.origin == Some(Dialect::OpenaiResponses);
        if !is_own || !(reasoning.encrypted.is_some() || is_kept || is_full) {
            self.dropped.push(self.words().thoughts().to_owned());
            return;
        }
        let mut item = json!({"type": "reasoning"});
        if let Some(id) = &reasoning.id {
            item["id"] = id.as_str().into();
        }
        item["summary"] = if reasoning.is_summary && !reasoning.text.is_empty() {
            json!([{"type": "summary_text", "text": reasoning.text}])
        } else {
            json!([])
        };
        if is_full {
            item["content"] = json!([{"type": "reasoning_text", "text": reasoning.text}]);
        }
        if let Some(encrypted) = &reasoning.encrypted {
            item["encrypted_content"] = encrypted.as_str().into();
        }
        self.items.push(item);
    }

    /// A reasoning item must be followed by what it led to (case 60).
    fn cut_hanging_reasoning(&mut self) {
        while self.items.last().is_some_and(|item| item["type"] == "reasoning") {
            self.items.pop();
            self.dropped.push(self.words().thoughts().to_owned());
        }
    }

    fn call(&mut self, call: &'a ToolCall) {
        self.calls.insert(&call.id);
        let input = arguments(&call.arguments, call.kind);
        self.items.push(match call.kind {
            ToolKind::Function => {
                json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": input})
            }
            ToolKind::Custom => {
                json!({"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": input})
            }
        });
    }

    fn result(&mut self, index: usize, result: &ToolResult) {
        if result.is_error {
            self.dropped.push(format!("{}.is_error", self.words().part(self.turn, index)));
        }
        let is_orphan = !self.has_hidden_history && !self.calls.contains(result.call_id.as_str());
        if is_orphan {
            return self.orphan(index, result);
        }
        let output = self.output(index, result);
        let kind = match result.kind {
            ToolKind::Function => "function_call_output",
            ToolKind::Custom => "custom_tool_call_output",
        };
        self.items.push(json!({"type": kind, "call_id": result.call_id, "output": output}));
    }

    /// Texts alone become one string, which every server takes; media need the list form.
    fn output(&mut self, index: usize, result: &ToolResult) -> Value {
        if result.content.iter().all(|part| matches!(part, Part::Text { .. })) {
            return result.joined_text().into();
        }
        self.blocks(index, result).into()
    }

    fn blocks(&mut self, index: usize, result: &ToolResult) -> Vec<Value> {
        let place = self.place(Role::User);
        let mut blocks = Vec::new();
        for part in &result.content {
            match content::block(part, place) {
                Ok(block) => blocks.push(block),
                Err(lost) => self.lose(index, lost),
            }
        }
        blocks
    }

    /// A result without its call is refused by the API ("No tool call found …"), so its content is told as a user
    /// message (case 51).
    fn orphan(&mut self, index: usize, result: &ToolResult) {
        self.lose(index, Lost::Here("its call is missing; sent as text".to_owned()));
        let label = match &result.name {
            Some(name) => format!("Result of the tool {name}:"),
            None => "Result of an earlier tool call:".to_owned(),
        };
        let mut content = vec![json!({"type": "input_text", "text": label})];
        content.append(&mut self.blocks(index, result));
        self.message(Role::User, &mut content);
    }
}

/// Items of this dialect that are no content blocks stand on their own. A block's name has its place in `content`.
fn belongs_in_message(part: &Part) -> bool {
    match part {
        Part::Text { .. } | Part::Media(_) | Part::Refusal(_) => true,
        Part::Opaque { dialect, name, .. } => {
            *dialect != Dialect::OpenaiResponses || name.contains(".content[") || name.contains(".output[")
        }
        Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => false,
    }
}
