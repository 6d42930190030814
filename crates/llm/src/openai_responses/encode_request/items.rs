//! Turns → input items.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::content::{self, Place};
use crate::Dialect;
use crate::hub::{ChatRequest, Part, Reasoning, Role, ToolCall, ToolKind, ToolResult, Turn};
use crate::openai_responses::output::arguments;
use crate::openai_responses::stateful_field;
use crate::quirks::Quirks;

/// The input being written. Calls and results carry no role, status or item id (case 50): the provider gives those.
pub(super) struct Items<'a> {
    items: Vec<Value>,
    dropped: Vec<String>,
    calls: HashSet<&'a str>,
    request: &'a ChatRequest,
    quirks: Quirks,
    is_native: bool,
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
            has_hidden_history: is_native && stateful_field(request).is_some(),
        }
    }

    /// The items, and what was left out.
    pub(super) fn finish(self) -> (Vec<Value>, Vec<String>) {
        (self.items, self.dropped)
    }

    pub(super) fn turn(&mut self, turn: &'a Turn) {
        if turn.name.is_some() {
            self.dropped.push("name".to_owned());
        }
        let mut message = Vec::new();
        for part in &turn.parts {
            if belongs_in_message(part) {
                match content::block(part, self.place(turn.role)) {
                    Ok(block) => message.push(block),
                    Err(name) => self.dropped.push(name),
                }
                continue;
            }
            self.message(turn.role, &mut message);
            match part {
                Part::Reasoning(reasoning) => self.reasoning(reasoning),
                Part::ToolCall(call) => self.call(call),
                Part::ToolResult(result) => self.result(result),
                Part::Opaque { json, .. } => self.items.push(json.clone()),
                Part::Text { .. } | Part::Media(_) | Part::Refusal(_) => {}
            }
        }
        self.message(turn.role, &mut message);
        self.cut_hanging_reasoning();
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
            self.dropped.push("reasoning".to_owned());
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
            self.dropped.push("reasoning (nothing follows it)".to_owned());
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

    fn result(&mut self, result: &ToolResult) {
        if result.is_error {
            self.dropped.push(format!("is_error of tool result {}", result.call_id));
        }
        let is_orphan = !self.has_hidden_history && !self.calls.contains(result.call_id.as_str());
        if is_orphan {
            return self.orphan(result);
        }
        let output = self.output(result);
        let kind = match result.kind {
            ToolKind::Function => "function_call_output",
            ToolKind::Custom => "custom_tool_call_output",
        };
        self.items.push(json!({"type": kind, "call_id": result.call_id, "output": output}));
    }

    /// Texts alone become one string, which every server takes; media need the list form.
    fn output(&mut self, result: &ToolResult) -> Value {
        if result.content.iter().all(|part| matches!(part, Part::Text { .. })) {
            return result.joined_text().into();
        }
        self.blocks(result).into()
    }

    fn blocks(&mut self, result: &ToolResult) -> Vec<Value> {
        let place = self.place(Role::User);
        let mut blocks = Vec::new();
        for part in &result.content {
            match content::block(part, place) {
                Ok(block) => blocks.push(block),
                Err(name) => self.dropped.push(name),
            }
        }
        blocks
    }

    /// A result without its call is refused by the API ("No tool call found …"), so its content is told as a user
    /// message (case 51).
    fn orphan(&mut self, result: &ToolResult) {
        self.dropped.push(format!("tool result {} (its call is missing; sent as text)", result.call_id));
        let label = match &result.name {
            Some(name) => format!("Result of the tool {name}:"),
            None => "Result of an earlier tool call:".to_owned(),
        };
        let mut content = vec![json!({"type": "input_text", "text": label})];
        content.append(&mut self.blocks(result));
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
