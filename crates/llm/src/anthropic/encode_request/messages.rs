//! Writes `system` and `messages`.

use std::collections::HashSet;

use super::Context;
use super::blocks;
use super::wire::{Block, Content, Message};
use crate::fault::BadRequest;
use crate::hub::Role;

/// The conversation, ready to be written.
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) messages: Vec<Message<'a>>,
}

impl<'a> Conversation<'a> {
    /// The value of `system`: a lone plain text as a string, else blocks with their boundaries (case 66).
    pub(super) fn system(&mut self) -> Option<Content<'a>> {
        (!self.system.is_empty()).then(|| Content(std::mem::take(&mut self.system)))
    }
}

/// Rules:
/// - system and developer turns are hoisted into `system`, in order, wherever they stand; a caller of this dialect keeps
///   its mid-conversation system messages in place, for only new models take them and the caller knows;
/// - neighbours of one role become one message; texts of white space only, which Anthropic refuses, are left out;
/// - in a user message tool results come first, other content after them (case 45); a result whose call is not in the
///   assistant message before becomes a text;
/// - a conversation that begins with the assistant gets a user message `.` before it (not from callers of this dialect);
///   one of instructions only is sent as a user message;
/// - a trailing assistant message is a prefill and stays; white space at its end is refused there and cut.
pub(super) fn write<'a>(cx: &mut Context<'a>) -> Result<Conversation<'a>, BadRequest> {
    let request = cx.request;
    let mut system = Vec::new();
    let mut messages: Vec<Message<'a>> = Vec::new();
    for (t, turn) in request.turns.iter().enumerate() {
        if turn.name.is_some() {
            let turn = cx.words().turn(t);
            cx.dropped.push(format!("{turn}.name"));
        }
        match turn.role {
            Role::System | Role::Developer => {
                let words = blocks::write_instructions(cx, t, turn);
                if cx.is_own && !messages.is_empty() {
                    push(&mut messages, "system", words);
                } else {
                    system.extend(words);
                }
            }
            Role::User => push(&mut messages, "user", blocks::write(cx, t, turn)),
            Role::Assistant => push(&mut messages, "assistant", blocks::write(cx, t, turn)),
        }
    }
    if messages.is_empty() {
        if system.is_empty() {
            return Err(BadRequest::field("messages", "the conversation has nothing that can be sent"));
        }
        messages.push(Message { role: "user", content: std::mem::take(&mut system) });
    }
    settle_results(&mut messages);
    trim_prefill(&mut messages);
    if !cx.is_own && messages.first().is_some_and(|first| first.role == "assistant") {
        messages.insert(0, Message { role: "user", content: vec![Block::text(".")] });
    }
    Ok(Conversation { system, messages })
}

fn push<'a>(messages: &mut Vec<Message<'a>>, role: &'static str, blocks: Vec<Block<'a>>) {
    if blocks.is_empty() {
        return;
    }
    match messages.last_mut() {
        Some(last) if last.role == role => last.content.extend(blocks),
        _ => messages.push(Message { role, content: blocks }),
    }
}

/// Puts results first and turns those without a call (or with a second one for the same call) into text.
fn settle_results(messages: &mut [Message<'_>]) {
    for i in 0..messages.len() {
        let (before, rest) = messages.split_at_mut(i);
        let Some(message) = rest.first_mut().filter(|message| message.role == "user") else { continue };
        let mut calls: HashSet<&str> = before.last().map(call_ids).unwrap_or_default();
        let mut results = Vec::new();
        let mut others = Vec::new();
        for block in std::mem::take(&mut message.content) {
            match block {
                Block::ToolResult { tool_use_id, .. } if calls.remove(tool_use_id) => results.push(block),
                Block::ToolResult { tool_use_id, content, .. } => {
                    others.push(Block::text(format!("Result of the tool call {tool_use_id}:")));
                    others.extend(content.map(|content| content.0).unwrap_or_default());
                }
                other => others.push(other),
            }
        }
        results.extend(others);
        message.content = results;
    }
}

fn call_ids<'m>(message: &'m Message<'_>) -> HashSet<&'m str> {
    let id = |block: &'m Block<'_>| match block {
        Block::ToolUse { id, .. } => Some(*id),
        _ => None,
    };
    message.content.iter().filter_map(id).collect()
}

fn trim_prefill(messages: &mut [Message<'_>]) {
    let Some(last) = messages.last_mut().filter(|last| last.role == "assistant") else { return };
    if let Some(Block::Text { text, .. }) = last.content.last_mut() {
        let kept = text.trim_end().len();
        if kept < text.len() {
            text.to_mut().truncate(kept);
        }
    }
}
