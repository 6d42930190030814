//! The kinds of paths whose bodies we look into.

use crate::Dialect;

/// What sort of body is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// OpenAI `/v1/chat/completions`.
    Chat,
    /// OpenAI `/v1/responses`.
    Responses,
    /// OpenAI `/v1/completions`.
    Completions,
    /// OpenAI `/v1/embeddings`.
    Embeddings,
    /// Anthropic `/v1/messages`.
    Messages,
    /// Anthropic `/v1/messages/count_tokens`.
    CountTokens,
    /// Gemini `:generateContent` and `:streamGenerateContent`.
    Generate,
    /// Gemini `:countTokens`.
    GeminiCountTokens,
    /// Gemini `:embedContent` and `:batchEmbedContents`.
    GeminiEmbed,
    /// Any other path of an OpenAI-compatible server with a `model` in a JSON body (images, moderations, rerank).
    Other,
}

impl Endpoint {
    /// The dialect in which errors are told there.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings | Self::Other => Dialect::OpenaiChat,
            Self::Responses => Dialect::OpenaiResponses,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
            Self::Generate | Self::GeminiCountTokens | Self::GeminiEmbed => Dialect::Gemini,
        }
    }

    /// Whether the body must name the model; with Gemini the path does.
    pub const fn names_model(self) -> bool {
        !matches!(self, Self::Generate | Self::GeminiCountTokens | Self::GeminiEmbed)
    }

    /// Whether streams there tell their tokens only on `stream_options.include_usage` (case 5).
    pub const fn has_usage_option(self) -> bool {
        matches!(self, Self::Chat | Self::Completions)
    }
}

impl From<Dialect> for Endpoint {
    /// The path of the dialect's conversations.
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenaiChat => Self::Chat,
            Dialect::OpenaiResponses => Self::Responses,
            Dialect::Anthropic => Self::Messages,
            Dialect::Gemini => Self::Generate,
        }
    }
}
