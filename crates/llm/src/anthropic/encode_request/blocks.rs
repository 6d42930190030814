//! Writes the parts of a turn as content blocks.

use std::borrow::Cow;

use super::Context;
use super::media;
use super::wire::{Block, CacheControl, Content, Input};
use crate::Dialect;
use crate::hub::{Citation, Part, Reasoning, ToolCall, ToolKind, ToolResult, Turn};

/// The blocks of a user or assistant turn.
pub(super) fn write<'a>(cx: &mut Context<'a>, t: usize, turn: &'a Turn) -> Vec<Block<'a>> {
    let words = cx.words();
    turn.parts.iter().enumerate().filter_map(|(p, part)| write_part(cx, part, &|| words.part(t, p))).collect()
}

/// The blocks of a system turn: texts, and blocks of Anthropic's own.
pub(super) fn write_instructions<'a>(cx: &mut Context<'a>, t: usize, turn: &'a Turn) -> Vec<Block<'a>> {
    let words = cx.words();
    let mut blocks = Vec::new();
    for (p, part) in turn.parts.iter().enumerate() {
        let path = || words.part(t, p);
        match part {
            Part::Text { .. } | Part::Opaque { .. } | Part::Refusal(_) => {
                blocks.extend(write_part(cx, part, &path));
            }
            _ => cx.dropped.push(path()),
        }
    }
    blocks
}

fn write_part<'a>(cx: &mut Context<'a>, part: &'a Part, path: &dyn Fn() -> String) -> Option<Block<'a>> {
    match part {
        Part::Text { text, citations, cache } => {
            if text.trim().is_empty() {
                return None;
            }
            let is_own = |citation: &&Citation| citation.dialect == Some(Dialect::Anthropic);
            let citations: Vec<_> = citations.iter().filter(is_own).map(|citation| &citation.raw).collect();
            Some(Block::Text { text: Cow::Borrowed(text), citations, cache_control: CacheControl::of(cache) })
        }
        Part::Refusal(text) if text.trim().is_empty() => None,
        Part::Refusal(text) => Some(Block::text(text.as_str())),
        Part::Media(media) => media::write(cx, media, path),
        Part::Reasoning(reasoning) => write_reasoning(cx, reasoning),
        Part::ToolCall(call) => Some(write_call(call)),
        Part::ToolResult(result) => Some(write_result(cx, result, path)),
        Part::Opaque { dialect: Dialect::Anthropic, json, .. } => Some(Block::Opaque(json)),
        Part::Opaque { name, .. } => {
            cx.dropped.push(name.clone());
            None
        }
    }
}

/// Thoughts go back only to who sealed them (cases 54 to 58): sealed ones of this dialect byte for byte, empty text or
/// not; without a seal only where the provider wants that.
fn write_reasoning<'a>(cx: &mut Context<'a>, reasoning: &'a Reasoning) -> Option<Block<'a>> {
    let is_own = reasoning.origin == Some(Dialect::Anthropic);
    let text = reasoning.text.as_str();
    match (&reasoning.encrypted, &reasoning.signature) {
        (Some(data), _) if is_own => return Some(Block::RedactedThinking { data }),
        (_, Some(signature)) if is_own => return Some(Block::Thinking { thinking: text, signature }),
        _ if cx.target.quirks.keep_unsigned_thinking && !text.is_empty() => {
            return Some(Block::Thinking { thinking: text, signature: "" });
        }
        _ => {}
    }
    cx.drop_once(cx.words().thoughts());
    None
}

fn write_call(call: &ToolCall) -> Block<'_> {
    let input = match call.kind {
        ToolKind::Function => Input::of(&call.arguments),
        ToolKind::Custom => Input::Loose { input: &call.arguments },
    };
    Block::ToolUse { id: &call.id, name: &call.name, input, cache_control: CacheControl::of(&call.cache) }
}

fn write_result<'a>(cx: &mut Context<'a>, result: &'a ToolResult, path: &dyn Fn() -> String) -> Block<'a> {
    let inner = |p: usize| format!("{}.content[{p}]", path());
    let parts = result.content.iter().enumerate();
    let blocks: Vec<_> = parts.filter_map(|(p, part)| write_part(cx, part, &|| inner(p))).collect();
    Block::ToolResult {
        tool_use_id: &result.call_id,
        content: (!blocks.is_empty()).then_some(Content(blocks)),
        is_error: result.is_error,
        cache_control: CacheControl::of(&result.cache),
    }
}
