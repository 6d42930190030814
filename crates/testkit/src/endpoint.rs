//! Which endpoint a path names. Any prefix is accepted, since providers mount these paths in many places.

use http::{HeaderMap, Method};

use crate::ask::Dialect;
use crate::vendor_error::Vendor;

/// Everything that the fake provider answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Generate(Dialect),
    /// Anthropic's `/messages/count_tokens`.
    CountTokens,
    Embeddings,
    Images,
    Moderations,
    Rerank,
    Transcription,
    Speech,
    Models(Vendor),
    Model(Vendor, String),
    /// `/models/{model}:{verb}`.
    Gemini {
        model: String,
        verb: GeminiVerb,
    },
}

/// What follows the colon in Gemini's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GeminiVerb {
    Generate,
    Stream,
    CountTokens,
    Embed,
    BatchEmbed,
}

impl Endpoint {
    /// The endpoint of a method and path, if there is one.
    pub(crate) fn find(method: &Method, path: &str, headers: &HeaderMap) -> Option<Self> {
        if let Some((_, model)) = path.rsplit_once("/models/") {
            return Self::model(method, path, model, headers);
        }
        if method == Method::GET {
            return path.ends_with("/models").then(|| Self::Models(models_vendor(path, headers)));
        }
        let ends = [
            ("/chat/completions", Self::Generate(Dialect::Chat)),
            ("/completions", Self::Generate(Dialect::Completions)),
            ("/responses", Self::Generate(Dialect::Responses)),
            ("/messages/count_tokens", Self::CountTokens),
            ("/messages", Self::Generate(Dialect::Anthropic)),
            ("/embeddings", Self::Embeddings),
            ("/images/generations", Self::Images),
            ("/moderations", Self::Moderations),
            ("/rerank", Self::Rerank),
            ("/audio/transcriptions", Self::Transcription),
            ("/audio/translations", Self::Transcription),
            ("/audio/speech", Self::Speech),
        ];
        let found = ends.into_iter().find(|(end, _)| path.ends_with(end));
        found.filter(|_| method == Method::POST).map(|(_, endpoint)| endpoint)
    }

    fn model(method: &Method, path: &str, model: &str, headers: &HeaderMap) -> Option<Self> {
        let model = model.replace("%7E", "~").replace("%7e", "~").replace("%3A", ":").replace("%2F", "/");
        if method == Method::GET {
            return Some(Self::Model(models_vendor(path, headers), model));
        }
        let (model, verb) = model.rsplit_once(':')?;
        let verb = match verb {
            "generateContent" => GeminiVerb::Generate,
            "streamGenerateContent" => GeminiVerb::Stream,
            "countTokens" => GeminiVerb::CountTokens,
            "embedContent" => GeminiVerb::Embed,
            "batchEmbedContents" => GeminiVerb::BatchEmbed,
            _ => return None,
        };
        Some(Self::Gemini { model: model.to_owned(), verb })
    }

    /// Whose errors this endpoint speaks.
    pub(crate) fn vendor(&self) -> Vendor {
        match self {
            Self::Generate(dialect) => Vendor::from(*dialect),
            Self::CountTokens => Vendor::Anthropic,
            Self::Gemini { .. } => Vendor::Gemini,
            Self::Models(vendor) | Self::Model(vendor, _) => *vendor,
            _ => Vendor::OpenAi,
        }
    }

    /// The dialect in which this endpoint generates text, if it does.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::Generate(dialect) => Some(*dialect),
            Self::Gemini { verb: GeminiVerb::Generate | GeminiVerb::Stream, .. } => Some(Dialect::Gemini),
            _ => None,
        }
    }
}

fn models_vendor(path: &str, headers: &HeaderMap) -> Vendor {
    if path.contains("/v1beta/models") || headers.contains_key("x-goog-api-key") {
        Vendor::Gemini
    } else if headers.contains_key("anthropic-version") {
        Vendor::Anthropic
    } else {
        Vendor::OpenAi
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: Method, path: &str) -> Option<Endpoint> {
        Endpoint::find(&method, path, &HeaderMap::new())
    }

    #[test]
    fn prefixes_do_not_matter() {
        for path in [
            "/v1/chat/completions",
            "/openai/deployments/x/chat/completions",
            "/api/paas/v4/chat/completions",
        ] {
            assert_eq!(find(Method::POST, path), Some(Endpoint::Generate(Dialect::Chat)));
        }
        assert_eq!(find(Method::POST, "/v1/completions"), Some(Endpoint::Generate(Dialect::Completions)));
        assert_eq!(find(Method::POST, "/v1/messages/count_tokens"), Some(Endpoint::CountTokens));
        assert_eq!(find(Method::GET, "/v1/chat/completions"), None);
        assert_eq!(find(Method::POST, "/v1/nothing"), None);
    }

    #[test]
    fn gemini_paths() {
        let expected = Endpoint::Gemini { model: "text~cut-3".into(), verb: GeminiVerb::Stream };
        assert_eq!(
            find(Method::POST, "/v1beta/models/text~cut-3:streamGenerateContent"),
            Some(expected.clone())
        );
        assert_eq!(find(Method::POST, "/v1beta/models/text%7Ecut-3:streamGenerateContent"), Some(expected));
        assert_eq!(find(Method::GET, "/v1beta/models"), Some(Endpoint::Models(Vendor::Gemini)));
    }
}
