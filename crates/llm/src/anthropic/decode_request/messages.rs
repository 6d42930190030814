//! Reads `system` and `messages`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Leftovers;
use super::blocks::{self, BILLING_HEADER};
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{Part, Role, ToolResult, Turn};

/// The system turn, if there is one, and the turns of the conversation.
pub(super) fn read(body: &mut Fields, left: &mut Leftovers) -> Result<Vec<Turn>, BadRequest> {
    let mut turns = Vec::new();
    let system = instructions(body, "system", left)?;
    push(&mut turns, Role::System, system);
    if body.peek("messages").is_none() {
        body.required("messages")?;
    }
    let messages = body.objects("messages")?;
    if messages.is_empty() {
        return Err(BadRequest::field("messages", "`messages` must have at least one message"));
    }
    for message in messages {
        read_message(message, &mut turns, left)?;
    }
    name_results(&mut turns);
    Ok(turns)
}

fn read_message(mut message: Fields, turns: &mut Vec<Turn>, left: &mut Leftovers) -> Result<(), BadRequest> {
    let role = match message.required_string("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        other => {
            let at = message.at("role");
            let what = format!("`{at}` must be `user`, `assistant` or `system`, not `{other}`");
            return Err(message.complain("role", what));
        }
    };
    let path = message.at("content");
    if role == Role::System {
        if message.peek("content").is_none() {
            message.required("content")?;
        }
        let parts = instructions(&mut message, "content", left)?;
        push(turns, role, parts);
    } else {
        match message.required("content")? {
            Value::String(text) => push(turns, role, vec![Part::text(text)]),
            Value::Array(items) => read_blocks(role, &path, items, turns, left)?,
            other => return Err(wrong(&path, "a string or an array of blocks", &other)),
        }
    }
    left.take(message);
    Ok(())
}

/// Reads the blocks of one message. A `mid_conv_system` block stands between two turns, as a turn of its own.
fn read_blocks(
    role: Role,
    path: &str,
    items: Vec<Value>,
    turns: &mut Vec<Turn>,
    left: &mut Leftovers,
) -> Result<(), BadRequest> {
    let mut parts = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        let mut block = Fields::of(format!("{path}[{i}]"), item)?;
        if block.peek_str("type") == "mid_conv_system" {
            push(turns, role, std::mem::take(&mut parts));
            let words = instructions(&mut block, "content", left)?;
            push(turns, Role::System, words);
        } else {
            parts.push(blocks::read(block, left)?);
        }
    }
    push(turns, role, parts);
    Ok(())
}

/// Adds a turn that says something. Results that follow one assistant turn go into one user turn, in however many
/// messages they came (case 45).
fn push(turns: &mut Vec<Turn>, role: Role, parts: Vec<Part>) {
    if parts.is_empty() {
        return;
    }
    let has_result = |parts: &[Part]| parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
    match turns.last_mut() {
        Some(last)
            if role == Role::User && last.role == role && has_result(&last.parts) && has_result(&parts) =>
        {
            last.parts.extend(parts);
        }
        _ => turns.push(Turn { role, parts, name: None }),
    }
}

/// Reads texts of the system: a string or text blocks.
fn instructions(fields: &mut Fields, name: &str, left: &mut Leftovers) -> Result<Vec<Part>, BadRequest> {
    let path = fields.at(name);
    let mut parts = Vec::new();
    match fields.take(name) {
        None => {}
        Some(Value::String(text)) => push_instruction(&mut parts, &path, Part::text(text)),
        Some(Value::Array(items)) => {
            for (i, item) in items.into_iter().enumerate() {
                let path = format!("{path}[{i}]");
                let part = blocks::read(Fields::of(path.clone(), item)?, left)?;
                push_instruction(&mut parts, &path, part);
            }
        }
        Some(other) => return Err(wrong(&path, "a string or an array of text blocks", &other)),
    }
    Ok(parts)
}

/// Claude Code puts a line into the system prompt that changes with every turn; in another model's prompt it is noise
/// that spoils the cache (case 67). It is kept for Anthropic only.
fn push_instruction(parts: &mut Vec<Part>, path: &str, part: Part) {
    let Part::Text { text, citations, cache } = part else {
        parts.push(part);
        return;
    };
    if !text.starts_with(BILLING_HEADER) {
        parts.push(Part::Text { text, citations, cache });
        return;
    }
    let (line, rest) = text.split_once('\n').unwrap_or((&text, ""));
    parts.push(Part::Opaque {
        dialect: Dialect::Anthropic,
        name: format!("{path} ({BILLING_HEADER})"),
        json: json!({"type": "text", "text": line}),
    });
    if !rest.trim().is_empty() {
        parts.push(Part::Text { text: rest.to_owned(), citations, cache });
    }
}

/// Other dialects want the tool's name with its result.
fn name_results(turns: &mut [Turn]) {
    let mut names: HashMap<String, String> = HashMap::new();
    for part in turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match part {
            Part::ToolCall(call) => {
                names.insert(call.id.clone(), call.name.clone());
            }
            Part::ToolResult(ToolResult { call_id, name, .. }) => *name = names.get(call_id).cloned(),
            _ => {}
        }
    }
}
