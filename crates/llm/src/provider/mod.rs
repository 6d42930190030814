//! Providers as rows of data: where they are, how they want the key, what they speak and how they differ from the book.
//!
//! A row is all that a known name needs in the config. Whatever speaks one of the dialects works without a row: a base
//! URL and a dialect are enough then.

mod local;
mod rows;

use crate::Dialect;
use crate::quirks::Quirks;

/// How a provider wants the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthStyle {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone in a header of this name (lower case).
    Header(&'static str),
}

/// A dialect that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaks {
    /// The dialect.
    pub dialect: Dialect,
    /// Where, if not under the provider's own base URL.
    pub base_url: Option<&'static str>,
    /// How the key is wanted there, if not as everywhere else.
    pub auth: Option<AuthStyle>,
}

impl Speaks {
    const fn here(dialect: Dialect) -> Self {
        Self { dialect, base_url: None, auth: None }
    }

    const fn at(dialect: Dialect, base_url: &'static str) -> Self {
        Self { dialect, base_url: Some(base_url), auth: None }
    }

    const fn with_auth(self, auth: AuthStyle) -> Self {
        Self { auth: Some(auth), ..self }
    }
}

/// A known provider.
///
/// Base URLs have the version in them and no final slash. What follows them is `/chat/completions`, `/responses`,
/// `/completions`, `/embeddings`, `/models` (OpenAI), `/messages` (Anthropic), `/models/NAME:generateContent` (Gemini).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name in config and in `provider/model`; also the provider's name in the price table.
    pub name: &'static str,
    /// The name for people.
    pub display_name: &'static str,
    /// The base URL; `None` where each customer has one of their own.
    pub base_url: Option<&'static str>,
    /// Environment variables that hold the key, the usual one first. Empty for servers that people run themselves: their
    /// presence cannot be told from a key.
    pub env_keys: &'static [&'static str],
    /// Whether calls without a key are refused.
    pub needs_key: bool,
    /// How the key is wanted.
    pub auth: AuthStyle,
    /// What it speaks; the first is the one to translate to.
    pub speaks: &'static [Speaks],
    /// Has OpenAI's `POST /completions`, under the base URL of OpenAI chat.
    pub completions: bool,
    /// Has OpenAI's `POST /embeddings`, under the base URL of OpenAI chat.
    pub embeddings: bool,
    /// How it differs from the book.
    pub quirks: Quirks,
    /// The vendor's page from which the row was made.
    pub docs: &'static str,
}

impl Provider {
    /// How it speaks a dialect, if it does.
    pub fn speaks(&self, dialect: Dialect) -> Option<&'static Speaks> {
        self.speaks.iter().find(|speaks| speaks.dialect == dialect)
    }

    /// The dialect in which to talk to it for a caller who speaks `caller`: the same where possible, so that bytes pass
    /// through, else the first of its own.
    pub fn dialect_for(&self, caller: Dialect) -> Dialect {
        let own = self.speaks.first().map_or(Dialect::OpenaiChat, |speaks| speaks.dialect);
        self.speaks(caller).map_or(own, |speaks| speaks.dialect)
    }

    /// The base URL for a dialect; `None` where it does not speak the dialect or the customer must give the URL.
    pub fn base_url_for(&self, dialect: Dialect) -> Option<&'static str> {
        self.speaks(dialect)?.base_url.or(self.base_url)
    }

    /// How the key is wanted for a dialect.
    pub fn auth_for(&self, dialect: Dialect) -> AuthStyle {
        self.speaks(dialect).and_then(|speaks| speaks.auth).unwrap_or(self.auth)
    }
}

/// Every known provider, hosted ones first.
pub fn all() -> impl Iterator<Item = &'static Provider> {
    rows::ROWS.iter().chain(local::ROWS)
}

/// The provider of that name.
pub fn find(name: &str) -> Option<&'static Provider> {
    all().find(|provider| provider.name == name)
}

/// The oldest words of OpenAI chat: `max_tokens` and `system`. Every server knows them, so they are also sent where it is not
/// known whether a server knows the newer ones.
const OLD_WORDS: Quirks = Quirks { legacy_max_tokens: true, no_developer_role: true, ..Quirks::BOOK };

const CHAT: &[Speaks] = &[Speaks::here(Dialect::OpenaiChat)];

/// Most providers: a key as bearer token, OpenAI chat, nothing else.
const fn chat_only(name: &'static str, display_name: &'static str, base_url: &'static str) -> Provider {
    Provider {
        name,
        display_name,
        base_url: Some(base_url),
        env_keys: &[],
        needs_key: true,
        auth: AuthStyle::Bearer,
        speaks: CHAT,
        completions: false,
        embeddings: false,
        quirks: Quirks::BOOK,
        docs: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_of_the_plan_is_there() {
        for name in [
            "openai",
            "azure-openai",
            "anthropic",
            "gemini",
            "deepseek",
            "mistral",
            "groq",
            "xai",
            "openrouter",
            "together",
            "fireworks",
            "cohere",
            "moonshot",
            "dashscope",
            "zhipu",
            "siliconflow",
            "ollama",
            "vllm",
            "llama.cpp",
            "perplexity",
            "cerebras",
            "nvidia-nim",
            "sambanova",
            "deepinfra",
            "huggingface-router",
            "lmstudio",
            "sglang",
        ] {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn rows_are_sound() {
        for p in all() {
            let name = p.name;
            assert_eq!(all().filter(|other| other.name == name).count(), 1, "{name}: twice");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)),
                "{name}"
            );
            assert!(!p.speaks.is_empty() && p.docs.starts_with("https://"), "{name}");
            for dialect in Dialect::ALL {
                assert!(
                    p.speaks.iter().filter(|s| s.dialect == dialect).count() <= 1,
                    "{name}: {dialect} twice"
                );
            }
            let urls = p.base_url.into_iter().chain(p.speaks.iter().filter_map(|s| s.base_url));
            for url in urls {
                let local = url.starts_with("http://127.0.0.1:");
                assert!(url.starts_with("https://") || local, "{name}: {url}");
                assert!(!url.ends_with('/') && !url.contains("//localhost"), "{name}: {url}");
                assert_eq!(local, !p.needs_key, "{name}: only servers on this machine do without a key");
            }
            assert_eq!(p.env_keys.is_empty(), !p.needs_key, "{name}");
            if let AuthStyle::Header(header) = p.auth {
                assert!(http::HeaderName::from_lowercase(header.as_bytes()).is_ok(), "{name}");
            }
            assert!(!(p.completions || p.embeddings) || p.speaks(Dialect::OpenaiChat).is_some(), "{name}");
        }
    }

    #[test]
    fn the_callers_dialect_is_kept_where_it_is_spoken() {
        let deepseek = find("deepseek").expect("a row");
        assert_eq!(deepseek.dialect_for(Dialect::Anthropic), Dialect::Anthropic);
        assert_eq!(deepseek.dialect_for(Dialect::Gemini), Dialect::OpenaiChat);
        assert_eq!(deepseek.base_url_for(Dialect::Anthropic), Some("https://api.deepseek.com/anthropic/v1"));
        assert_eq!(deepseek.auth_for(Dialect::Anthropic), AuthStyle::Header("x-api-key"));
        assert_eq!(deepseek.auth_for(Dialect::OpenaiChat), AuthStyle::Bearer);
        assert_eq!(deepseek.base_url_for(Dialect::Gemini), None);
        assert_eq!(find("azure-openai").and_then(|azure| azure.base_url_for(Dialect::OpenaiChat)), None);
    }

    #[test]
    fn a_key_variable_belongs_to_one_provider() {
        let keys: Vec<_> = all().flat_map(|p| p.env_keys).collect();
        for key in &keys {
            assert_eq!(keys.iter().filter(|other| other == &key).count(), 1, "{key}");
        }
    }

    #[test]
    fn the_book_is_the_default() {
        assert_eq!(Quirks::BOOK, Quirks::default());
    }
}
