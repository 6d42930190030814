//! The answer in no dialect yet: what the script makes of the request.

use crate::ask::{Ask, Choice, Tool};
use crate::sample::sample;
use crate::script::{Content, Script, UsageMode};

/// The signature of every thought; a client must send it back as it came.
pub const SIGNATURE: &str = "RmFrZVNpZ25hdHVyZU9mQVRob3VnaHQrLzAxMjM0NTY3ODk=";
/// The data of every redacted thought.
pub const REDACTED: &str = "UmVkYWN0ZWRUaG91Z2h0K0RhdGE=";
/// What the model thinks before it answers.
pub const THOUGHT: &str = "The user wants an answer, so I think first.";
/// What the model says when it refuses.
pub const REFUSAL: &str = "I'm sorry, I can't help with that.";
/// Three- and four-byte characters that `utf8` and `split` put after the text.
pub const WIDE: &str = " 東京 🦀 done.";
/// Prompt tokens of every answer that says no other number.
pub const INPUT_TOKENS: u64 = 20;
/// Completion tokens of every answer that says no other number.
pub const OUTPUT_TOKENS: u64 = 10;
/// Reasoning tokens, part of the completion, of answers that think.
pub const REASONING_TOKENS: u64 = 4;
/// Pieces of `long` and of `bench` that name no number.
const LONG_PIECES: usize = 100;
const BENCH_PIECES: usize = 64;

/// One answer, ready to be put into a dialect.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) script: &'a Script,
    pub(crate) ask: &'a Ask,
    pub(crate) parts: Vec<Part>,
    pub(crate) finish: Finish,
    pub(crate) usage: Usage,
    seed: u64,
}

/// One thing in an answer; the pieces are what a stream sends one by one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Thought { pieces: Vec<String>, signature: String },
    Redacted,
    Text(Vec<String>),
    Refusal(Vec<String>),
    Tool { nth: usize, name: String, arguments: Vec<String> },
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Length,
    Tool,
    Refusal,
}

/// Token counts, all inclusive: `input` holds the cached ones, `output` the reasoning ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) cache_write: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

impl<'a> Reply<'a> {
    /// Composes the answer. The same model name and request always give the same answer.
    pub(crate) fn compose(script: &'a Script, ask: &'a Ask) -> Self {
        let parts = parts(script, ask);
        let called = parts.iter().any(|part| matches!(part, Part::Tool { .. }));
        let finish = match script.content {
            _ if script.shape.incomplete => Finish::Length,
            _ if called => Finish::Tool,
            Content::Refusal => Finish::Refusal,
            _ => Finish::Stop,
        };
        let seed = fnv(&[&ask.model, &ask.said, ask.tool_result.as_deref().unwrap_or_default()]);
        Self { script, ask, usage: usage(script, &parts), parts, finish, seed }
    }

    /// An id with a vendor's prefix, `nth` of its kind in this answer.
    pub(crate) fn id(&self, prefix: &str, nth: usize) -> String {
        format!("{prefix}{:016x}{nth:08x}", self.seed.wrapping_add(nth as u64))
    }

    /// The dialect's word for why it stopped, unless `finish-WORD` says another.
    pub(crate) fn finish_word<'b>(&'b self, word: &'b str) -> &'b str {
        self.script.shape.finish_word.as_deref().unwrap_or(word)
    }

    /// Whether token counts are told at all.
    pub(crate) fn tells_usage(&self) -> bool {
        self.script.shape.usage != UsageMode::Never
    }

    /// Whether the token counts are nonsense.
    pub(crate) fn bad_usage(&self) -> bool {
        self.script.shape.usage == UsageMode::Bad
    }

    /// Whether a thought's signature goes with the answer.
    pub(crate) fn signed(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Thought { .. }))
    }

    /// The text of all text parts.
    pub(crate) fn text(&self) -> String {
        let texts = self
            .parts
            .iter()
            .filter_map(|part| if let Part::Text(pieces) = part { Some(pieces) } else { None });
        texts.flatten().map(String::as_str).collect()
    }
}

fn parts(script: &Script, ask: &Ask) -> Vec<Part> {
    let mut parts = Vec::new();
    if script.content == Content::Reasoning || script.shape.signed {
        parts.push(Part::Thought { pieces: words(THOUGHT), signature: SIGNATURE.to_owned() });
    }
    if script.content == Content::Redacted {
        parts.push(Part::Redacted);
    }
    let calls = calls(script, ask);
    match script.content {
        Content::Empty => {}
        Content::Refusal => parts.push(Part::Refusal(words(REFUSAL))),
        _ if !calls.is_empty() => parts.extend(calls),
        _ => parts.push(Part::Text(text_pieces(script, ask))),
    }
    parts
}

fn text_pieces(script: &Script, ask: &Ask) -> Vec<String> {
    let mut pieces = match (&ask.tool_result, script.content) {
        (Some(result), _) => words(&format!("The tool said: {result}")),
        (_, Content::Json) => {
            cut(&sample(ask.schema.as_ref().unwrap_or(&serde_json::json!({})), &ask.said).to_string(), 8)
        }
        (_, Content::Long | Content::Bench) => {
            (0..pieces(script)).map(|nth| format!("word{nth:04} ")).collect()
        }
        _ => words(&format!("You said: {}", ask.said)),
    };
    if script.shape.utf8 && script.content != Content::Json {
        pieces.extend(words(WIDE));
    }
    if let Some(size) = script.shape.big_chunk {
        pieces.insert(1.min(pieces.len()), "x".repeat(size));
    }
    pieces
}

fn pieces(script: &Script) -> usize {
    script.pieces.unwrap_or(if script.content == Content::Bench { BENCH_PIECES } else { LONG_PIECES })
}

/// The tool calls of the answer: none if none is offered or wanted, or if results have just come back.
fn calls(script: &Script, ask: &Ask) -> Vec<Part> {
    let wanted = match script.content {
        Content::Tool => 1,
        Content::Tools2 => 2,
        _ => 0,
    };
    if ask.tools.is_empty() || ask.choice == Choice::Never || ask.tool_result.is_some() {
        return Vec::new();
    }
    let named = |name: &String| ask.tools.iter().find(|tool| tool.name == *name);
    let forced = if let Choice::Named(name) = &ask.choice { named(name) } else { None };
    let pick = |nth: usize| forced.or_else(|| ask.tools.get(nth)).or_else(|| ask.tools.first());
    (0..wanted).filter_map(|nth| Some(call(script, pick(nth)?, &ask.said, nth))).collect()
}

fn call(script: &Script, tool: &Tool, said: &str, nth: usize) -> Part {
    let arguments = match () {
        () if script.shape.no_args => Vec::new(),
        () if script.shape.tool_bad_json => vec!["{\"city\": \"Par".to_owned(), "is, oops".to_owned()],
        () => cut(&sample(&tool.schema, said).to_string(), 6),
    };
    Part::Tool { nth, name: tool.name.clone(), arguments }
}

fn usage(script: &Script, parts: &[Part]) -> Usage {
    let tokens = script.tokens;
    let cached = tokens.cached.unwrap_or(0);
    let cache_write = tokens.cache_write.unwrap_or(0);
    let thinks = parts.iter().any(|part| matches!(part, Part::Thought { .. } | Part::Redacted));
    let reasoning = tokens.reasoning.unwrap_or(if thinks { REASONING_TOKENS } else { 0 });
    let default = match script.content {
        Content::Long | Content::Bench => pieces(script) as u64,
        Content::Empty => 0,
        _ => OUTPUT_TOKENS,
    };
    Usage {
        input: tokens.input.unwrap_or(INPUT_TOKENS).max(cached + cache_write),
        cached,
        cache_write,
        output: tokens.output.unwrap_or(default).max(reasoning),
        reasoning,
    }
}

/// Pieces of one word each, as a model streams them.
fn words(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

/// Pieces of `size` characters, without regard to words: how arguments and JSON are streamed.
fn cut(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(size).map(|piece| piece.iter().collect()).collect()
}

/// FNV-1a over all texts: ids that depend on nothing but the request.
pub(crate) fn fnv(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
