//! Providers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_llm::{Dialect, Quirks};

use super::{BaseUrl, HealthEntry, Key, LimitEntry, Named, TimeLimitsEntry};

/// A provider.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderEntry {
    /// The known provider that this is, when its name here is another: `team-a: { type: openai, … }`.
    pub r#type: Option<String>,
    /// The dialect that it speaks, or a list of them with the preferred one first. A caller's own dialect is used where
    /// the provider speaks it; then bytes pass through untouched. By default those of the known provider, else
    /// `openai-chat`.
    pub dialect: Option<Dialects>,
    /// Where it is, with the version and without the endpoint: `https://api.openai.com/v1`,
    /// `http://10.0.0.5:8000/v1`. Replaces the known one; dialects that a known provider speaks at another address are
    /// then left out, unless `base_urls` names them.
    pub base_url: Option<BaseUrl>,
    /// Base URLs per dialect, where they differ: `{ anthropic: https://host/anthropic/v1 }`.
    pub base_urls: Named<BaseUrl>,
    /// The key: `"${NAME}"` takes it from the environment or `.env`, `"${file:/path}"` from a file. By default a known
    /// provider's usual variable (`OPENAI_API_KEY`).
    pub api_key: Option<Key>,
    /// Further keys of the same account, used in turn with `api_key`: `["${KEY_A}", "${KEY_B}"]`. One that the provider refuses is left out
    /// for ten minutes, one that it limits rests until the time that the provider names; the next one is asked at once.
    pub api_keys: Vec<Key>,
    /// Further headers for every request to it: `{ OpenAI-Organization: org-123 }`.
    pub headers: Named<String>,
    /// Time limits of attempts there.
    pub time_limits: TimeLimitsEntry,
    /// How much may be used of it (`by: provider` is the default here). Where one is reached the next target is asked.
    pub limits: Vec<LimitEntry>,
    /// When its targets count as ill, and how they come back.
    pub health: HealthEntry,
    /// Where it tells its load, for pools with `strategy: load`: a path at its host, or URLs (of a GPU's exporter too). By default `/metrics`,
    /// as vLLM, SGLang, TGI and llama.cpp (with `--metrics`) have it. Its key goes to its own host only.
    pub metrics: Vec<String>,
    /// How it differs from the book of its dialect; on top of what is known of it.
    pub quirks: QuirksEntry,
    /// Models that it has, beside those in the price list. Bare names (`gpt-4.1`) lead to the one provider that has
    /// them, and `/v1/models` lists them.
    pub models: Vec<String>,
    /// Whether it has OpenAI's old `/completions`. Known for known providers, else yes where it speaks `openai-chat`.
    pub completions: Option<bool>,
    /// Whether it has `/embeddings`. Known for known providers, else yes where it speaks `openai-chat`.
    pub embeddings: Option<bool>,
}

/// A wire dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum WireDialect {
    /// OpenAI's `/chat/completions`.
    OpenaiChat,
    /// OpenAI's `/responses`.
    OpenaiResponses,
    /// Anthropic's `/messages`.
    Anthropic,
    /// Google's `:generateContent`.
    Gemini,
}

impl From<WireDialect> for Dialect {
    fn from(written: WireDialect) -> Self {
        match written {
            WireDialect::OpenaiChat => Self::OpenaiChat,
            WireDialect::OpenaiResponses => Self::OpenaiResponses,
            WireDialect::Anthropic => Self::Anthropic,
            WireDialect::Gemini => Self::Gemini,
        }
    }
}

/// One dialect or several.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Dialects {
    /// One.
    One(WireDialect),
    /// Several, the preferred one first.
    Several(Vec<WireDialect>),
}

impl Dialects {
    /// All, the preferred one first.
    pub fn all(&self) -> Vec<Dialect> {
        match self {
            Self::One(one) => vec![(*one).into()],
            Self::Several(several) => several.iter().map(|one| (*one).into()).collect(),
        }
    }
}

/// Writes [`QuirksEntry`] and lays it over [`Quirks`].
macro_rules! quirks {
    ($($(#[$doc:meta])+ $name:ident,)*) => {
        /// Differences from the book of a dialect.
        #[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct QuirksEntry {
            $($(#[$doc])+ pub $name: Option<bool>,)*
        }

        impl QuirksEntry {
            /// What is said here over what is known.
            pub fn over(&self, known: Quirks) -> Quirks {
                Quirks { $($name: self.$name.unwrap_or(known.$name),)* }
            }
        }
    };
}

quirks! {
    /// Knows `max_tokens` only, not `max_completion_tokens`.
    legacy_max_tokens,
    /// Refuses `stream_options`.
    no_stream_options,
    /// Refuses the role `developer`; `system` is sent instead.
    no_developer_role,
    /// Refuses `response_format: json_schema`; `json_object` and an instruction are sent instead.
    no_json_schema,
    /// Refuses `parallel_tool_calls`.
    no_parallel_tool_calls,
    /// Refuses OpenAI's extra fields such as `store`, `metadata` and `prompt_cache_key`.
    no_openai_extras,
    /// Wants earlier `reasoning_content` back in assistant turns, as DeepSeek does.
    replay_reasoning,
    /// Keeps thinking blocks that have no signature.
    keep_unsigned_thinking,
    /// Breaks on look-around in the regular expressions of tool schemas; such patterns are removed.
    plain_patterns,
    /// Breaks on fields that are `null`, such as `encoding_format`; they are removed.
    no_null_fields,
}
