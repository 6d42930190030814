//! Items of an answer's `output`, as this dialect writes them.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::hub::ToolKind;

/// One item of an answer, complete or growing.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    /// `completed` or `incomplete`; `None` while the item grows.
    pub(super) status: Option<&'static str>,
    pub(super) body: Body,
}

/// What an item is.
#[derive(Debug)]
pub(super) enum Body {
    /// Texts and refusals.
    Message(Vec<Content>),
    /// Thoughts.
    Reasoning { text: String, is_summary: bool, encrypted: Option<String> },
    /// A call of a tool.
    Call { call_id: String, name: String, arguments: String, kind: ToolKind },
    /// A picture that the model made, base64.
    Picture(String),
    /// An item of this dialect, as it came.
    Raw(Value),
}

/// One content block of a message.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content {
    OutputText { text: String, annotations: Vec<Value>, logprobs: [u8; 0] },
    Refusal { refusal: String },
}

impl Content {
    pub(super) fn text(text: String, annotations: Vec<Value>) -> Self {
        Self::OutputText { text, annotations, logprobs: [] }
    }
}

/// One piece of a summary or of full thoughts.
#[derive(Debug, Serialize)]
pub(super) struct Thought<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

impl<'a> Thought<'a> {
    pub(super) fn new(text: &'a str, is_summary: bool) -> Self {
        Self { kind: if is_summary { "summary_text" } else { "reasoning_text" }, text }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Wire<'a> {
    Message {
        id: &'a str,
        r#type: &'static str,
        status: &'static str,
        content: &'a [Content],
        role: &'static str,
    },
    Reasoning {
        id: &'a str,
        r#type: &'static str,
        summary: Vec<Thought<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Thought<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted_content: Option<&'a str>,
    },
    Function {
        id: &'a str,
        r#type: &'static str,
        status: &'static str,
        arguments: &'a str,
        call_id: &'a str,
        name: &'a str,
    },
    Custom {
        id: &'a str,
        r#type: &'static str,
        status: &'static str,
        call_id: &'a str,
        input: &'a str,
        name: &'a str,
    },
    Picture {
        id: &'a str,
        r#type: &'static str,
        status: &'static str,
        result: &'a str,
    },
    Raw(&'a Value),
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = self.id.as_str();
        let status = self.status.unwrap_or("in_progress");
        let wire = match &self.body {
            Body::Message(content) => {
                Wire::Message { id, r#type: "message", status, content, role: "assistant" }
            }
            Body::Reasoning { text, is_summary, encrypted } => {
                let thoughts =
                    if text.is_empty() { Vec::new() } else { vec![Thought::new(text, *is_summary)] };
                let (summary, content) =
                    if *is_summary { (thoughts, Vec::new()) } else { (Vec::new(), thoughts) };
                let encrypted_content = encrypted.as_deref();
                Wire::Reasoning { id, r#type: "reasoning", summary, content, encrypted_content }
            }
            Body::Call { call_id, name, arguments, kind: ToolKind::Function } => {
                Wire::Function { id, r#type: "function_call", status, arguments, call_id, name }
            }
            Body::Call { call_id, name, arguments, kind: ToolKind::Custom } => {
                Wire::Custom { id, r#type: "custom_tool_call", status, call_id, input: arguments, name }
            }
            Body::Picture(result) => Wire::Picture { id, r#type: "image_generation_call", status, result },
            Body::Raw(json) => Wire::Raw(json),
        };
        wire.serialize(serializer)
    }
}

/// The prefix of an item's id.
pub(super) fn prefix(body: &Body) -> &'static str {
    match body {
        Body::Message(_) => "msg",
        Body::Reasoning { .. } => "rs",
        Body::Call { kind: ToolKind::Function, .. } => "fc",
        Body::Call { kind: ToolKind::Custom, .. } => "ctc",
        Body::Picture(_) => "ig",
        Body::Raw(_) => "item",
    }
}

/// A call's input as this dialect wants it: a function without arguments has `{}` (case 19).
pub(super) fn arguments(arguments: &str, kind: ToolKind) -> &str {
    if arguments.is_empty() && kind == ToolKind::Function { "{}" } else { arguments }
}
