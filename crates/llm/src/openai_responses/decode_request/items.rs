//! Input items → turns.

use std::collections::HashMap;

use serde_json::Value;

use super::{Unknown, content};
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{Part, Reasoning, Role, ToolCall, ToolKind, ToolResult, Turn};
use crate::openai_responses::seal;

/// The conversation so far.
pub(super) struct History<'a> {
    pub(super) turns: Vec<Turn>,
    /// Names of the tools called, by call id; results do not repeat them.
    names: HashMap<String, String>,
    unknown: &'a mut Unknown,
}

impl<'a> History<'a> {
    pub(super) fn new(unknown: &'a mut Unknown) -> Self {
        Self { turns: Vec::new(), names: HashMap::new(), unknown }
    }

    /// Takes the next item. Items of unknown types stay as they are, in their place (case 52).
    pub(super) fn take(&mut self, mut item: Fields) -> Result<(), BadRequest> {
        let kind = item.peek_str("type").to_owned();
        match kind.as_str() {
            "message" => self.message(item),
            "" if item.peek("type").is_some() => {
                Err(item.complain("type", format!("`{}` must be a string", item.at("type"))))
            }
            "" if item.peek("role").is_some() => self.message(item),
            "" => Err(item.complain("type", format!("`{}` needs a `type` or a `role`", item.path()))),
            "function_call" => {
                self.call(&mut item, ToolKind::Function, "arguments").map(|()| self.leave(item))
            }
            "custom_tool_call" => self.call(&mut item, ToolKind::Custom, "input").map(|()| self.leave(item)),
            "function_call_output" => self.result(&mut item, ToolKind::Function).map(|()| self.leave(item)),
            "custom_tool_call_output" => self.result(&mut item, ToolKind::Custom).map(|()| self.leave(item)),
            "reasoning" => self.reasoning(&mut item).map(|()| self.leave(item)),
            _ => {
                self.opaque(&kind, item);
                Ok(())
            }
        }
    }

    fn message(&mut self, mut item: Fields) -> Result<(), BadRequest> {
        let role = match item.required_string("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            other => {
                let message = format!("`{other}` is no role: use user, assistant, system or developer");
                return Err(item.complain("role", message));
            }
        };
        let content = item.required("content")?;
        let parts = content::parts(&item.at("content"), content, self.unknown)?;
        self.leave(item);
        match role {
            Role::Assistant => self.assistant().extend(parts),
            _ => self.turns.push(Turn { role, parts, name: None }),
        }
        Ok(())
    }

    fn call(&mut self, item: &mut Fields, kind: ToolKind, input: &str) -> Result<(), BadRequest> {
        let call = ToolCall {
            id: item.required_string("call_id")?,
            name: item.required_string("name")?,
            arguments: item.required_string(input)?,
            kind,
            ..ToolCall::default()
        };
        self.names.insert(call.id.clone(), call.name.clone());
        self.assistant().push(Part::ToolCall(call));
        Ok(())
    }

    fn result(&mut self, item: &mut Fields, kind: ToolKind) -> Result<(), BadRequest> {
        let call_id = item.required_string("call_id")?;
        let output = item.required("output")?;
        let result = ToolResult {
            name: self.names.get(&call_id).cloned(),
            call_id,
            content: content::parts(&item.at("output"), output, self.unknown)?,
            kind,
            ..ToolResult::default()
        };
        item.take("name");
        self.results().push(Part::ToolResult(result));
        Ok(())
    }

    /// Thoughts: the readable text, if any, and the seal. Where an item has both a summary and full text, the full text
    /// is kept.
    fn reasoning(&mut self, item: &mut Fields) -> Result<(), BadRequest> {
        let mut reasoning = Reasoning {
            origin: Some(Dialect::OpenaiResponses),
            id: item.string("id")?,
            ..Reasoning::default()
        };
        let summary = texts(item, "summary")?;
        let content = texts(item, "content")?;
        reasoning.is_summary = content.is_empty();
        reasoning.text = if content.is_empty() { summary } else { content };
        if let Some(encrypted) = item.string("encrypted_content")? {
            seal::read(encrypted, &mut reasoning);
        }
        self.assistant().push(Part::Reasoning(reasoning));
        Ok(())
    }

    fn opaque(&mut self, kind: &str, item: Fields) {
        let name = format!("{} ({kind})", item.path());
        let part = Part::Opaque { dialect: Dialect::OpenaiResponses, name, json: item.into_value() };
        match kind {
            "additional_tools" => {
                self.turns.push(Turn { role: Role::Developer, parts: vec![part], name: None });
            }
            "mcp_approval_response" => self.results().push(part),
            output if output.ends_with("_output") => self.results().push(part),
            _ => self.assistant().push(part),
        }
    }

    /// The parts of the assistant turn that is being told.
    fn assistant(&mut self) -> &mut Vec<Part> {
        self.last(Role::Assistant, |_| true)
    }

    /// The parts of the user turn that holds the results of the last assistant turn (cases 44, 45).
    fn results(&mut self) -> &mut Vec<Part> {
        self.last(Role::User, |part| matches!(part, Part::ToolResult(_) | Part::Opaque { .. }))
    }

    fn last(&mut self, role: Role, fits: fn(&Part) -> bool) -> &mut Vec<Part> {
        let goes_on = self.turns.last().is_some_and(|turn| turn.role == role && turn.parts.iter().all(fits));
        if !goes_on {
            self.turns.push(Turn { role, parts: Vec::new(), name: None });
        }
        let at = self.turns.len() - 1;
        &mut self.turns[at].parts
    }

    /// Notes the fields that nobody took. Ids and states of earlier items say nothing to a model.
    fn leave(&mut self, mut item: Fields) {
        for noise in ["type", "id", "status", "object", "created_by"] {
            item.take(noise);
        }
        self.unknown.append(&mut item.leftovers());
    }
}

fn texts(item: &mut Fields, name: &str) -> Result<String, BadRequest> {
    let path = item.at(name);
    let mut texts = Vec::new();
    for (i, piece) in item.array(name)?.unwrap_or_default().into_iter().enumerate() {
        match piece.get("text") {
            Some(Value::String(text)) => texts.push(text.clone()),
            _ => return Err(wrong(&format!("{path}[{i}]"), "an object with a `text`", &piece)),
        }
    }
    Ok(texts.join("\n\n"))
}
