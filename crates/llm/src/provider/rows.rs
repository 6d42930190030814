//! The rows of hosted providers. Each names, above it, where its differences are known from.

use super::{AuthStyle, OLD_WORDS, Provider, Speaks, chat_only};
use crate::Dialect::{Anthropic, Gemini, OpenaiChat, OpenaiResponses};
use crate::quirks::Quirks;

const X_API_KEY: AuthStyle = AuthStyle::Header("x-api-key");

pub(super) const ROWS: &[Provider] = &[
    // Responses come first: newer GPT models refuse reasoning with function tools on chat completions (wire case 62).
    Provider {
        env_keys: &["OPENAI_API_KEY"],
        speaks: &[Speaks::here(OpenaiResponses), Speaks::here(OpenaiChat)],
        completions: true,
        embeddings: true,
        docs: "https://developers.openai.com/api/reference/overview",
        ..chat_only("openai", "OpenAI", "https://api.openai.com/v1")
    },
    // The v1 API, which wants no `api-version`: https://RESOURCE.openai.azure.com/openai/v1, the deployment as model.
    Provider {
        base_url: None,
        env_keys: &["AZURE_OPENAI_API_KEY"],
        auth: AuthStyle::Header("api-key"),
        speaks: &[Speaks::here(OpenaiResponses), Speaks::here(OpenaiChat)],
        completions: true,
        embeddings: true,
        docs: "https://learn.microsoft.com/en-us/azure/foundry/openai/api-version-lifecycle",
        ..chat_only("azure-openai", "Azure OpenAI", "")
    },
    // Its OpenAI layer is left out: by the vendor's own words it is for tests, not for production.
    Provider {
        env_keys: &["ANTHROPIC_API_KEY"],
        auth: X_API_KEY,
        speaks: &[Speaks::here(Anthropic)],
        docs: "https://platform.claude.com/docs/en/api/overview",
        ..chat_only("anthropic", "Anthropic", "https://api.anthropic.com/v1")
    },
    Provider {
        env_keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        auth: AuthStyle::Header("x-goog-api-key"),
        speaks: &[
            Speaks::here(Gemini),
            Speaks::at(OpenaiChat, "https://generativelanguage.googleapis.com/v1beta/openai")
                .with_auth(AuthStyle::Bearer),
        ],
        embeddings: true,
        docs: "https://ai.google.dev/gemini-api/docs/openai",
        ..chat_only("gemini", "Google Gemini", "https://generativelanguage.googleapis.com/v1beta")
    },
    // Role `developer`: «unknown variant», on both OpenAI paths (earendil-works/pi#1048, EKKOLearnAI/hermes-studio#1926).
    // `response_format` knows `text` and `json_object` only; the limit is `max_tokens` (api-docs.deepseek.com/api/
    // create-chat-completion). Reasoning must come back, unsigned: wire cases 58 and 64. Patterns: wire case 53.
    Provider {
        env_keys: &["DEEPSEEK_API_KEY"],
        speaks: &[
            Speaks::here(OpenaiChat),
            Speaks::at(Anthropic, "https://api.deepseek.com/anthropic/v1").with_auth(X_API_KEY),
            Speaks::here(OpenaiResponses),
        ],
        quirks: Quirks {
            no_json_schema: true,
            replay_reasoning: true,
            keep_unsigned_thinking: true,
            plain_patterns: true,
            ..OLD_WORDS
        },
        docs: "https://api-docs.deepseek.com/quick_start/pricing",
        ..chat_only("deepseek", "DeepSeek", "https://api.deepseek.com")
    },
    // Unknown fields are a 422 «extra_forbidden»: `max_completion_tokens` (editor-code-assistant/eca#231),
    // `stream_options` (BerriAI/litellm#8978, avante-corp/avante.nvim#2347). Usage comes in the last chunk unasked.
    Provider {
        env_keys: &["MISTRAL_API_KEY"],
        embeddings: true,
        quirks: Quirks { no_stream_options: true, no_openai_extras: true, ..OLD_WORDS },
        docs: "https://docs.mistral.ai/resources/migration-guides.md",
        ..chat_only("mistral", "Mistral", "https://api.mistral.ai/v1")
    },
    Provider {
        env_keys: &["GROQ_API_KEY"],
        speaks: &[Speaks::here(OpenaiChat), Speaks::here(OpenaiResponses)],
        docs: "https://console.groq.com/docs/openai",
        ..chat_only("groq", "Groq", "https://api.groq.com/openai/v1")
    },
    // Responses come first: chat completions are deprecated there and give no reasoning back (docs.x.ai/developers/
    // model-capabilities/text/comparison). Its Anthropic layer is deprecated and left out.
    Provider {
        env_keys: &["XAI_API_KEY"],
        speaks: &[Speaks::here(OpenaiResponses), Speaks::here(OpenaiChat)],
        quirks: Quirks { no_developer_role: true, no_openai_extras: true, ..Quirks::BOOK },
        docs: "https://docs.x.ai/docs/models",
        ..chat_only("xai", "xAI", "https://api.x.ai/v1")
    },
    // `developer` is understood for some of the models behind it only. Usage, with a cost, comes unasked
    // (openrouter.ai/docs/use-cases/usage-accounting).
    Provider {
        env_keys: &["OPENROUTER_API_KEY"],
        speaks: &[Speaks::here(OpenaiChat), Speaks::here(OpenaiResponses), Speaks::here(Anthropic)],
        completions: true,
        embeddings: true,
        quirks: Quirks { no_developer_role: true, ..Quirks::BOOK },
        docs: "https://openrouter.ai/docs/quickstart",
        ..chat_only("openrouter", "OpenRouter", "https://openrouter.ai/api/v1")
    },
    Provider {
        env_keys: &["TOGETHER_API_KEY"],
        completions: true,
        embeddings: true,
        quirks: Quirks { no_openai_extras: true, ..OLD_WORDS },
        docs: "https://docs.together.ai/docs/openai-api-compatibility",
        ..chat_only("together", "Together AI", "https://api.together.ai/v1")
    },
    Provider {
        env_keys: &["FIREWORKS_API_KEY"],
        speaks: &[Speaks::here(OpenaiChat), Speaks::here(Anthropic)],
        completions: true,
        embeddings: true,
        docs: "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        ..chat_only("fireworks", "Fireworks AI", "https://api.fireworks.ai/inference/v1")
    },
    // `stream_options` is rejected (strandsagents.com, «Cohere»); `max_tokens` and no `parallel_tool_calls`, `store`,
    // `metadata` by the vendor's list of parameters.
    Provider {
        env_keys: &["COHERE_API_KEY", "CO_API_KEY"],
        embeddings: true,
        quirks: Quirks {
            legacy_max_tokens: true,
            no_stream_options: true,
            no_parallel_tool_calls: true,
            no_openai_extras: true,
            ..Quirks::BOOK
        },
        docs: "https://docs.cohere.com/docs/compatibility-api",
        ..chat_only("cohere", "Cohere", "https://api.cohere.ai/compatibility/v1")
    },
    // Earlier `reasoning_content` must come back (platform.kimi.ai/docs/models); patterns: wire case 53.
    Provider {
        env_keys: &["MOONSHOT_API_KEY"],
        speaks: &[
            Speaks::here(OpenaiChat),
            Speaks::here(OpenaiResponses),
            Speaks::at(Anthropic, "https://api.moonshot.ai/anthropic/v1"),
        ],
        quirks: Quirks { no_openai_extras: true, replay_reasoning: true, plain_patterns: true, ..OLD_WORDS },
        docs: "https://platform.kimi.ai/docs/api/overview",
        ..chat_only("moonshot", "Moonshot AI (Kimi)", "https://api.moonshot.ai/v1")
    },
    // The address for keys of the international edition; keys of another region get a 401 here. Role `developer`: «is not
    // one of ['system', 'assistant', 'user', 'tool', 'function']» (michelle-avery/openai-compatible-conversation#21).
    Provider {
        env_keys: &["DASHSCOPE_API_KEY"],
        speaks: &[
            Speaks::here(OpenaiChat),
            Speaks::at(Anthropic, "https://dashscope-intl.aliyuncs.com/apps/anthropic/v1"),
        ],
        embeddings: true,
        quirks: OLD_WORDS,
        docs: "https://www.alibabacloud.com/help/en/model-studio/qwen-api-reference",
        ..chat_only(
            "dashscope",
            "Alibaba Model Studio (Qwen)",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        )
    },
    // For Zhipu and Z.ai: no `stream_options`, `max_tokens` only, `json_object` only, no strict schemas
    // (java.agentscope.io, «GLM», compatibility notes).
    Provider {
        env_keys: &["ZHIPUAI_API_KEY", "ZHIPU_API_KEY"],
        speaks: &[
            Speaks::here(OpenaiChat),
            Speaks::at(Anthropic, "https://open.bigmodel.cn/api/anthropic/v1"),
        ],
        embeddings: true,
        quirks: GLM,
        docs: "https://docs.bigmodel.cn/cn/guide/develop/openai/introduction",
        ..chat_only("zhipu", "Zhipu AI", "https://open.bigmodel.cn/api/paas/v4")
    },
    Provider {
        env_keys: &["ZAI_API_KEY"],
        speaks: &[Speaks::here(OpenaiChat), Speaks::at(Anthropic, "https://api.z.ai/api/anthropic/v1")],
        quirks: GLM,
        docs: "https://docs.z.ai/guides/develop/openai/python",
        ..chat_only("zai", "Z.ai", "https://api.z.ai/api/paas/v4")
    },
    Provider {
        env_keys: &["SILICONFLOW_API_KEY"],
        embeddings: true,
        quirks: OLD_WORDS,
        docs: "https://docs.siliconflow.com/en/api-reference/chat-completions/chat-completions",
        ..chat_only("siliconflow", "SiliconFlow", "https://api.siliconflow.com/v1")
    },
    Provider {
        env_keys: &["PERPLEXITY_API_KEY"],
        quirks: Quirks { no_openai_extras: true, no_parallel_tool_calls: true, ..OLD_WORDS },
        docs: "https://docs.perplexity.ai/docs/sonar/openai-compatibility",
        ..chat_only("perplexity", "Perplexity", "https://api.perplexity.ai")
    },
    // `developer` is not exposed (inference-docs.cerebras.ai/resources/openai); `parallel_tool_calls`, `service_tier` and
    // others are a 400 (req_llm guide «Cerebras»).
    Provider {
        env_keys: &["CEREBRAS_API_KEY"],
        completions: true,
        quirks: Quirks {
            no_developer_role: true,
            no_parallel_tool_calls: true,
            no_openai_extras: true,
            ..Quirks::BOOK
        },
        docs: "https://inference-docs.cerebras.ai/resources/openai",
        ..chat_only("cerebras", "Cerebras", "https://api.cerebras.ai/v1")
    },
    Provider {
        env_keys: &["NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"],
        completions: true,
        embeddings: true,
        quirks: Quirks { no_openai_extras: true, ..OLD_WORDS },
        docs: "https://docs.api.nvidia.com/nim/reference/llm-apis",
        ..chat_only("nvidia-nim", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1")
    },
    Provider {
        env_keys: &["SAMBANOVA_API_KEY"],
        embeddings: true,
        quirks: OLD_WORDS,
        docs: "https://docs.sambanova.ai/docs/en/features/openai-compatibility",
        ..chat_only("sambanova", "SambaNova", "https://api.sambanova.ai/v1")
    },
    // Role `developer` is a 422 (earendil-works/pi#1578).
    Provider {
        env_keys: &["DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"],
        completions: true,
        embeddings: true,
        quirks: OLD_WORDS,
        docs: "https://deepinfra.com/docs/openai_api",
        ..chat_only("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai")
    },
    // Many providers stand behind it, so only what all of them know is sent.
    Provider {
        env_keys: &["HF_TOKEN", "HUGGINGFACE_API_KEY"],
        speaks: &[Speaks::here(OpenaiChat), Speaks::here(OpenaiResponses)],
        quirks: Quirks { no_openai_extras: true, ..OLD_WORDS },
        docs: "https://huggingface.co/docs/inference-providers/index",
        ..chat_only(
            "huggingface-router",
            "Hugging Face Inference Providers",
            "https://router.huggingface.co/v1",
        )
    },
];

const GLM: Quirks =
    Quirks { no_stream_options: true, no_json_schema: true, no_openai_extras: true, ..OLD_WORDS };
