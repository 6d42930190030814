//! What the caller ordered, read from an OpenAI chat request.

use std::time::Duration;

use serde_json::Value;

/// Orders and circumstances of one demo answer.
#[derive(Debug)]
pub(super) struct Order {
    /// The last user text, orders taken out.
    pub said: String,
    /// The last tool result, if the conversation ends with one.
    pub tool_result: Option<String>,
    /// The tool to call, with its schema.
    pub tool: Option<(String, Value)>,
    /// Whether to think first.
    pub think: bool,
    /// HTTP status of an ordered failure.
    pub fail: Option<u16>,
    /// Whether to break off.
    pub cut: bool,
    /// Words wanted.
    pub words: Option<usize>,
    /// Time between pieces.
    pub pace: Duration,
    /// Size of the prompt, in characters.
    pub prompt: usize,
    /// A JSON schema or object was asked for.
    pub format: Option<Value>,
}

/// Most words of one answer.
const WORDS: usize = 100_000;

impl Order {
    /// Reads the request.
    pub(super) fn read(request: &Value) -> Self {
        let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let last = messages.last();
        let is_result = last.is_some_and(|message| message["role"] == "tool");
        let user = messages.iter().rev().find(|message| message["role"] == "user");
        let text = user.map(|message| text_of(&message["content"])).unwrap_or_default();
        let mut order = Self {
            said: String::new(),
            tool_result: last.filter(|_| is_result).map(|message| text_of(&message["content"])),
            tool: None,
            think: request["reasoning_effort"].as_str().is_some_and(|effort| effort != "none"),
            fail: None,
            cut: false,
            words: None,
            pace: Duration::from_millis(20),
            prompt: messages.iter().map(|message| text_of(&message["content"]).chars().count()).sum(),
            format: Some(request["response_format"].clone()).filter(|format| format.is_object()),
        };
        let mut wants_tool = must_call(request);
        order.said = order.take_orders(&text, &mut wants_tool);
        if wants_tool && !is_result {
            order.tool = tool_of(request);
        }
        order
    }

    fn take_orders(&mut self, text: &str, wants_tool: &mut bool) -> String {
        let mut kept = Vec::new();
        let mut words = text.split(' ').peekable();
        while let Some(word) = words.next() {
            let mut number =
                || words.next_if(|next| next.parse::<u32>().is_ok()).and_then(|next| next.parse().ok());
            match word {
                "!words" => self.words = number().map(|n: usize| n.min(WORDS)),
                "!pace" => self.pace = Duration::from_millis(number().unwrap_or(20).min(10_000) as u64),
                "!fail" => self.fail = Some(number().map_or(503, |status| status.clamp(400, 599) as u16)),
                "!think" => self.think = true,
                "!tool" => *wants_tool = true,
                "!cut" => self.cut = true,
                _ => kept.push(word),
            }
        }
        kept.join(" ")
    }
}

fn must_call(request: &Value) -> bool {
    let choice = &request["tool_choice"];
    choice == "required" || choice["function"].is_object()
}

fn tool_of(request: &Value) -> Option<(String, Value)> {
    let wanted = request["tool_choice"]["function"]["name"].as_str();
    let tools = request["tools"].as_array()?;
    let named = |tool: &&Value| wanted.is_none_or(|wanted| tool["function"]["name"] == wanted);
    let function = &tools.iter().find(named)?["function"];
    Some((function["name"].as_str()?.to_owned(), function["parameters"].clone()))
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
