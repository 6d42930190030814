//! Embeddings: texts in, vectors out. Two dialects speak them: OpenAI `POST /v1/embeddings`, and Gemini
//! `:embedContent` and `:batchEmbedContents`.

pub mod gemini;
pub mod openai;

use crate::hub::Unmapped;
use crate::usage::Usage;

/// A wish for vectors, in no vendor's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddingRequest {
    /// The model as the caller named it. Encoders write [`crate::Profile::model`] instead.
    pub model: String,
    /// The texts, in order; empty when `tokens` is not.
    pub inputs: Vec<String>,
    /// The texts as token numbers (OpenAI). They belong to one tokenizer: only OpenAI's dialect can send them.
    pub tokens: Vec<Vec<u64>>,
    /// How long the vectors should be.
    pub dimensions: Option<u64>,
    /// How the caller wants the numbers written; `None` is the default of the caller's dialect (case 70: an explicit
    /// null is the same as nothing, and never sent on).
    pub encoding_format: Option<EncodingFormat>,
    /// What the vectors are for: Gemini's `taskType`.
    pub task: Option<String>,
    /// The title of a document that is embedded (Gemini).
    pub title: Option<String>,
    /// The end user (OpenAI `user`).
    pub user: Option<String>,
    /// Fields of the caller's dialect that there is no word for here.
    pub unmapped: Unmapped,
}

/// How the numbers of a vector are written in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodingFormat {
    /// A list of numbers.
    #[default]
    Float,
    /// 32-bit floats, little-endian, in base64.
    Base64,
}

/// Vectors, one for each input, in the order of the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddingResponse {
    /// The model as the provider named it; empty when it did not.
    pub model: String,
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens, if the provider told them.
    pub usage: Option<Usage>,
}
