//! What a request asks for, read out of each dialect into one form.

mod anthropic;
mod gemini;
mod openai;

pub(crate) use gemini::in_camel_case;

use serde_json::Value;

/// The dialects in which text is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    Chat,
    Responses,
    Completions,
    Anthropic,
    Gemini,
}

/// One request for generated text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// The last thing the user said, at most [`ECHO_LIMIT`] characters; images and files appear as `[image]`, `[file]`.
    pub(crate) said: String,
    pub(crate) tools: Vec<Tool>,
    pub(crate) choice: Choice,
    /// The text of the tool results that end the conversation.
    pub(crate) tool_result: Option<String>,
    /// The schema that the answer must fit; an empty object where any JSON object will do.
    pub(crate) schema: Option<Value>,
    /// OpenAI's `stream_options.include_usage`.
    pub(crate) include_usage: bool,
    /// The request as it came.
    pub(crate) body: Value,
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

/// Which tool must, may or must not be called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Choice {
    #[default]
    Auto,
    Never,
    Named(String),
}

/// Longest echo of the user's words, in characters.
pub(crate) const ECHO_LIMIT: usize = 400;

impl Ask {
    /// Reads a request body; fields of the wrong type are read as absent (`check` complains about those that matter).
    pub(crate) fn read(dialect: Dialect, model: &str, stream: bool, body: Value) -> Self {
        let mut ask = match dialect {
            Dialect::Chat => openai::chat(&body),
            Dialect::Responses => openai::responses(&body),
            Dialect::Completions => openai::completions(&body),
            Dialect::Anthropic => anthropic::messages(&body),
            Dialect::Gemini => gemini::contents(&body),
        };
        ask.model = model.to_owned();
        ask.stream = stream;
        ask.said = ask.said.chars().take(ECHO_LIMIT).collect();
        ask.body = body;
        ask
    }
}

/// The elements of an array field, or nothing.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The text of a message's content: a string, or blocks of any dialect, joined by spaces.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            blocks.iter().map(block_text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn block_text(block: &Value) -> String {
    if let Some(text) = block.as_str().or_else(|| block["text"].as_str()) {
        return text.to_owned();
    }
    let kind = block["type"].as_str().unwrap_or_default();
    let mime = block["inlineData"]["mimeType"].as_str().or_else(|| block["fileData"]["mimeType"].as_str());
    match (kind, mime) {
        ("image" | "image_url" | "input_image", _) => "[image]".to_owned(),
        ("document" | "file" | "input_file", _) => "[file]".to_owned(),
        ("input_audio", _) => "[audio]".to_owned(),
        (_, Some(mime)) if mime.starts_with("image/") => "[image]".to_owned(),
        (_, Some(_)) => "[file]".to_owned(),
        _ => String::new(),
    }
}
