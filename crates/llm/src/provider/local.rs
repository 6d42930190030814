//! The rows of servers that people run themselves, at the address where each of them listens by default.

use super::{OLD_WORDS, Provider, Speaks, chat_only};
use crate::Dialect::{Anthropic, OpenaiChat, OpenaiResponses};
use crate::quirks::Quirks;

const ALL_THREE: &[Speaks] =
    &[Speaks::here(OpenaiChat), Speaks::here(OpenaiResponses), Speaks::here(Anthropic)];

pub(super) const ROWS: &[Provider] = &[
    // Lists `max_tokens` and not `max_completion_tokens` (wire case 65).
    Provider {
        speaks: ALL_THREE,
        quirks: OLD_WORDS,
        docs: "https://docs.ollama.com/api/openai-compatibility",
        ..server("ollama", "Ollama", "http://127.0.0.1:11434/v1")
    },
    // `encoding_format: null`: wire case 70.
    Provider {
        speaks: ALL_THREE,
        quirks: Quirks { no_null_fields: true, ..Quirks::BOOK },
        docs: "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        ..server("vllm", "vLLM", "http://127.0.0.1:8000/v1")
    },
    // Its default port is also the gateway's own: one of the two has to move. It has `/v1/messages` and `/v1/responses`,
    // too, but streams there lose `message_start` when the first token is no whole character (an emoji), and answers that
    // were cut short are `completed`: its chat dialect, translated, serves the SDKs of all vendors better.
    Provider {
        quirks: OLD_WORDS,
        docs: "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        ..server("llama.cpp", "llama.cpp server", "http://127.0.0.1:8080/v1")
    },
    Provider {
        speaks: ALL_THREE,
        quirks: OLD_WORDS,
        docs: "https://lmstudio.ai/docs/developer/openai-compat",
        ..server("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1")
    },
    Provider {
        quirks: OLD_WORDS,
        docs: "https://docs.sglang.ai/basic_usage/openai_api_completions.html",
        ..server("sglang", "SGLang", "http://127.0.0.1:30000/v1")
    },
];

/// A server on this machine: OpenAI chat, completions and embeddings, a key only if its owner set one.
const fn server(name: &'static str, display_name: &'static str, base_url: &'static str) -> Provider {
    Provider {
        needs_key: false,
        completions: true,
        embeddings: true,
        ..chat_only(name, display_name, base_url)
    }
}
