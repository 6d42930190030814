//! A conversation to be continued, in no vendor's words.

use serde_json::Value;

use crate::Dialect;
use crate::hub::part::Part;

/// One request for a chat answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The model as the caller named it. Encoders write [`crate::Profile::model`] instead.
    pub model: String,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// Whether the caller wants a usage report inside an OpenAI chat stream (`stream_options.include_usage`).
    pub include_usage: bool,
    /// System, developer, user and assistant turns in order. Tool results are parts of user turns:
    /// decoders put all results that follow one assistant turn into one user turn (cases 44, 45).
    pub turns: Vec<Turn>,
    /// Tools on offer, in the caller's order (case 69).
    pub tools: Vec<Tool>,
    /// Which of them may or must be called.
    pub tool_choice: Option<ToolChoice>,
    /// `Some(false)` forbids several calls in one answer (case 43).
    pub parallel_tool_calls: Option<bool>,
    /// Sampling numbers.
    pub sampling: Sampling,
    /// Most tokens that the answer may have, reasoning included.
    pub max_output_tokens: Option<u64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// The form that the answer must have.
    pub format: Option<OutputFormat>,
    /// How much to think, and whether to show it.
    pub reasoning: Option<ReasoningWish>,
    /// OpenAI's `verbosity`: `low`, `medium`, `high`.
    pub verbosity: Option<String>,
    /// The end user: OpenAI `user`/`safety_identifier`, Anthropic `metadata.user_id`.
    pub end_user: Option<String>,
    /// `auto`, `default`, `flex`, `priority`, `standard_only`, … as the caller wrote it.
    pub service_tier: Option<String>,
    /// OpenAI's `prompt_cache_key`.
    pub prompt_cache_key: Option<String>,
    /// OpenAI's `metadata` (up to 16 strings).
    pub metadata: Vec<(String, String)>,
    /// Whether the provider should keep the answer (OpenAI `store`).
    pub store: Option<bool>,
    /// Fields of the caller's dialect that the hub has no word for, in order.
    pub unmapped: Unmapped,
}

/// Fields that only their own dialect knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unmapped {
    /// Whose fields these are.
    pub dialect: Option<Dialect>,
    /// Path and value of each: `("logit_bias", …)`, `("messages[0].audio", …)`.
    pub fields: Vec<(String, Value)>,
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
    /// OpenAI's `name` of a participant.
    pub name: Option<String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions of highest rank.
    System,
    /// OpenAI's `developer`; the same as `System` elsewhere.
    Developer,
    /// The caller; also carries tool results.
    User,
    /// The model.
    Assistant,
}

/// Asks a provider to cache the prompt up to here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheMark {
    /// `5m`, `1h`; `None` is the provider's default.
    pub ttl: Option<String>,
}

/// A tool on offer.
#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    /// A function with a JSON schema.
    Function {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// JSON schema of its arguments; `None` when the caller gave none.
        parameters: Option<Value>,
        /// OpenAI's strict mode.
        strict: Option<bool>,
        /// Whether a provider's prompt cache should end a segment here.
        cache: Option<CacheMark>,
    },
    /// A tool that only its own dialect knows (web search, computer, custom, …): never rewritten (case 52), never
    /// forwarded to another dialect (case 46).
    Opaque {
        /// Who knows it.
        dialect: Dialect,
        /// Its name for `x-tidegate-dropped`: `tools[1] (web_search)`.
        name: String,
        /// The declaration itself.
        json: Value,
    },
}

/// Which tools may or must be called.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// At least one call of any tool.
    Required,
    /// A call of this tool.
    Named(String),
    /// Only these tools; the flag says whether one of them must be called (case 43).
    Allowed {
        /// Names of the tools.
        names: Vec<String>,
        /// Whether a call is a must.
        required: bool,
    },
}

/// Sampling numbers, each as the caller wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 2 (OpenAI, Gemini), 0 to 1 (Anthropic).
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Only the k likeliest tokens (Anthropic, Gemini, many OpenAI-compatible servers).
    pub top_k: Option<u64>,
    /// For repeatable answers.
    pub seed: Option<i64>,
    /// −2 to 2.
    pub frequency_penalty: Option<f64>,
    /// −2 to 2.
    pub presence_penalty: Option<f64>,
}

/// The form that the answer must have.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// Name of the schema (OpenAI requires one; encoders default to `answer`).
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Value,
        /// OpenAI's strict mode.
        strict: Option<bool>,
    },
}

/// How much the model should think, and whether its thoughts are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReasoningWish {
    /// `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`: kept as written, never lowered silently (case 61).
    pub effort: Option<String>,
    /// Thinking budget in tokens (Anthropic `budget_tokens`, Gemini `thinkingBudget`; −1 there means dynamic = `None` here).
    pub budget: Option<u64>,
    /// True when the model may choose the budget by itself (Anthropic `adaptive`, Gemini −1).
    pub dynamic: bool,
    /// Whether thoughts are to be shown (Gemini `includeThoughts`, OpenAI responses `reasoning.summary`).
    pub show: Option<bool>,
    /// OpenAI responses `reasoning.summary`: `auto`, `concise`, `detailed`.
    pub summary: Option<String>,
}
