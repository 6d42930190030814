//! Which surface of the gateway a method and path stand for.

use std::sync::{Arc, LazyLock};

use http::Method;
use tidegate_llm::Dialect;

use crate::error::GatewayError;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A chat answer.
    Chat(Surface),
    /// Vectors, `POST /v1/embeddings`.
    Embeddings,
    /// Vectors in Gemini's words.
    GeminiEmbeddings {
        /// The model in the path.
        model: String,
        /// `:batchEmbedContents` instead of `:embedContent`.
        batch: bool,
    },
    /// Counts tokens in Anthropic's words.
    CountTokens,
    /// Counts tokens in Gemini's words.
    GeminiCountTokens {
        /// The model in the path.
        model: String,
    },
    /// The list of models, or one of them.
    Models {
        /// Whose shape: OpenAI's or Gemini's. Anthropic's shares OpenAI's path and is told by its header.
        dialect: Dialect,
        /// The one asked for.
        model: Option<String>,
    },
    /// What the caller's key has used.
    Usage,
    /// A path of OpenAI's that is handed to the provider as it is.
    Forward,
    /// `/health`: the process lives.
    Health,
    /// `/ready`: it takes requests.
    Ready,
}

/// The surface of a chat request: a dialect and, for two of them, more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Completions,
    /// `/v1/responses`.
    Responses,
    /// `/v1/messages`.
    Messages,
    /// `/v1beta/models/{model}:generateContent` and kin.
    Gemini {
        /// The model in the path.
        model: String,
        /// `:streamGenerateContent`.
        stream: bool,
        /// `alt=sse`; without it, a stream is a JSON array.
        sse: bool,
    },
}

impl Surface {
    /// The dialect of the surface; completions count as OpenAI chat.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Chat | Self::Completions => Dialect::OpenaiChat,
            Self::Responses => Dialect::OpenaiResponses,
            Self::Messages => Dialect::Anthropic,
            Self::Gemini { .. } => Dialect::Gemini,
        }
    }
}

/// The words of all endpoints, shared: counters of limits are named after them.
static SUBJECTS: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| WORDS.map(Arc::from).to_vec());

const WORDS: [&str; 13] = [
    "chat_completions",
    "responses",
    "messages",
    "generate_content",
    "embeddings",
    "embed_content",
    "completions",
    "count_tokens",
    "models",
    "usage",
    "forward",
    "health",
    "unknown",
];

/// An endpoint's word as a counter's subject.
pub fn subject(word: &str) -> &'static Arc<str> {
    let found = SUBJECTS.iter().find(|known| &***known == word);
    // A word that is missing above shares its counter with unknown paths.
    found.unwrap_or(&SUBJECTS[WORDS.len() - 1])
}

impl Endpoint {
    /// The word for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Chat(Surface::Chat) => "chat_completions",
            Self::Chat(Surface::Completions) => "completions",
            Self::Chat(Surface::Responses) => "responses",
            Self::Chat(Surface::Messages) => "messages",
            Self::Chat(Surface::Gemini { .. }) => "generate_content",
            Self::Embeddings => "embeddings",
            Self::GeminiEmbeddings { .. } => "embed_content",
            Self::CountTokens | Self::GeminiCountTokens { .. } => "count_tokens",
            Self::Models { .. } => "models",
            Self::Usage => "usage",
            Self::Forward => "forward",
            Self::Health => "health",
            Self::Ready => "ready",
        }
    }

    /// The dialect in which errors are told.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Chat(surface) => surface.dialect(),
            Self::CountTokens => Dialect::Anthropic,
            Self::GeminiEmbeddings { .. } | Self::GeminiCountTokens { .. } => Dialect::Gemini,
            Self::Models { dialect, .. } => *dialect,
            Self::Embeddings | Self::Usage | Self::Forward | Self::Health | Self::Ready => {
                Dialect::OpenaiChat
            }
        }
    }

    /// Reads method, path and query. `vendor` is the dialect that the caller's headers speak for: `/v1/models` is a path
    /// of three vendors.
    pub fn of(
        method: &Method,
        path: &str,
        query: Option<&str>,
        vendor: Dialect,
    ) -> Result<Self, GatewayError> {
        match path {
            "/health" | "/livez" | "/healthz" => return Ok(Self::Health),
            "/ready" | "/readyz" => return Ok(Self::Ready),
            "/v1/usage" | "/api/v1/usage" if is_read(method) => return Ok(Self::Usage),
            _ => {}
        }
        if let Some(rest) = gemini_path(path)
            && (vendor == Dialect::Gemini || !path.starts_with("/v1/") || is_gemini_action(rest))
        {
            return gemini(method, rest, query);
        }
        let Some(rest) = openai_path(path) else {
            return Err(unknown(method, path));
        };
        let (endpoint, full): (Self, &'static str) = match rest {
            "chat/completions" => (Self::Chat(Surface::Chat), "/v1/chat/completions"),
            "completions" => (Self::Chat(Surface::Completions), "/v1/completions"),
            "responses" => (Self::Chat(Surface::Responses), "/v1/responses"),
            "messages" => (Self::Chat(Surface::Messages), "/v1/messages"),
            "messages/count_tokens" => (Self::CountTokens, "/v1/messages/count_tokens"),
            "embeddings" => (Self::Embeddings, "/v1/embeddings"),
            _ => return other_openai(method, rest, path, vendor),
        };
        match *method {
            Method::POST => Ok(endpoint),
            // Stored chat completions are listed with GET on OpenAI's own path.
            Method::GET if rest == "chat/completions" => Ok(Self::Forward),
            _ => Err(GatewayError::MethodNotAllowed { path: full, allowed: "POST" }),
        }
    }
}

/// HEAD asks for what GET would be told, without the body (RFC 9110, section 9.3.2).
fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn unknown(method: &Method, path: &str) -> GatewayError {
    GatewayError::UnknownPath { method: method.to_string(), path: path.chars().take(200).collect() }
}

/// `/v1/x`, also under `/openai` and `/anthropic`, and Gemini's OpenAI-compatible `/v1beta/openai/x`.
pub(crate) fn openai_path(path: &str) -> Option<&str> {
    if let Some(rest) = path.strip_prefix("/v1/") {
        return Some(rest);
    }
    ["/openai/v1/", "/anthropic/v1/", "/v1beta/openai/"]
        .into_iter()
        .find_map(|prefix| path.strip_prefix(prefix))
}

fn gemini_path(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/gemini").unwrap_or(path);
    let versions = ["/v1beta/models", "/v1alpha/models", "/v1/models"];
    let rest = versions.into_iter().find_map(|version| path.strip_prefix(version))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// `{model}:generateContent` and kin: Google's SDK also asks for them under `/v1`.
fn is_gemini_action(rest: &str) -> bool {
    let action = rest.rsplit_once(':').map(|(_, action)| action);
    action.is_some_and(|action| {
        action.ends_with("Content") || action.ends_with("Contents") || action == "countTokens"
    })
}

fn gemini(method: &Method, rest: &str, query: Option<&str>) -> Result<Endpoint, GatewayError> {
    let shown = || format!("/v1beta/models/{rest}");
    let Some((model, action)) = rest.rsplit_once(':').filter(|_| method == Method::POST) else {
        return if is_read(method) {
            let model = Some(decode_percent(rest)).filter(|model| !model.is_empty());
            Ok(Endpoint::Models { dialect: Dialect::Gemini, model })
        } else {
            Err(unknown(method, &shown()))
        };
    };
    let model = decode_percent(model);
    let sse = query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
    match action {
        "generateContent" => Ok(Endpoint::Chat(Surface::Gemini { model, stream: false, sse })),
        "streamGenerateContent" => Ok(Endpoint::Chat(Surface::Gemini { model, stream: true, sse })),
        "countTokens" => Ok(Endpoint::GeminiCountTokens { model }),
        "embedContent" => Ok(Endpoint::GeminiEmbeddings { model, batch: false }),
        "batchEmbedContents" => Ok(Endpoint::GeminiEmbeddings { model, batch: true }),
        _ => Err(unknown(method, &shown())),
    }
}

/// Escapes that a forwarded path may not have: dots, slashes and a second escape (all `%2…`), backslash, semicolon, control
/// characters.
const UNSAFE: [&str; 6] = ["%2", "%5c", "%3b", "%0", "%1", "%7f"];

fn other_openai(method: &Method, rest: &str, path: &str, dialect: Dialect) -> Result<Endpoint, GatewayError> {
    if rest == "models" && is_read(method) {
        return Ok(Endpoint::Models { dialect, model: None });
    }
    if let Some(model) = rest.strip_prefix("models/").filter(|_| is_read(method)) {
        return Ok(Endpoint::Models { dialect, model: Some(decode_percent(model)) });
    }
    let is_plain = rest.split('/').all(|segment| !segment.is_empty() && segment != "." && segment != "..");
    let lower = rest.to_ascii_lowercase();
    let is_safe =
        is_plain && !rest.contains(['\\', ';']) && !UNSAFE.iter().any(|escape| lower.contains(escape));
    let known_method =
        matches!(*method, Method::GET | Method::POST | Method::DELETE | Method::PUT | Method::PATCH);
    if is_safe && known_method { Ok(Endpoint::Forward) } else { Err(unknown(method, path)) }
}

/// Decodes `%2F` and kin; what is no escape stays.
fn decode_percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escape = text.get(i + 1..i + 3).filter(|_| bytes[i] == b'%');
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: Method, path: &str, query: Option<&str>) -> Result<Endpoint, GatewayError> {
        Endpoint::of(&method, path, query, Dialect::OpenaiChat)
    }

    #[test]
    fn each_vendors_paths_are_known() {
        assert_eq!(of(Method::POST, "/v1/chat/completions", None).unwrap(), Endpoint::Chat(Surface::Chat));
        assert_eq!(
            of(Method::POST, "/anthropic/v1/messages", None).unwrap(),
            Endpoint::Chat(Surface::Messages)
        );
        assert_eq!(
            of(Method::POST, "/v1beta/models/a%2Fb:streamGenerateContent", Some("alt=sse&x=1")).unwrap(),
            Endpoint::Chat(Surface::Gemini { model: "a/b".into(), stream: true, sse: true })
        );
        assert_eq!(
            of(Method::POST, "/v1beta/models/openai/gpt-4.1:generateContent", None).unwrap(),
            Endpoint::Chat(Surface::Gemini { model: "openai/gpt-4.1".into(), stream: false, sse: false })
        );
        assert_eq!(
            of(Method::POST, "/v1/models/m:countTokens", None).unwrap(),
            Endpoint::GeminiCountTokens { model: "m".into() }
        );
        assert_eq!(of(Method::POST, "/v1/images/generations", None).unwrap(), Endpoint::Forward);
        assert_eq!(
            of(Method::GET, "/v1beta/models", None).unwrap(),
            Endpoint::Models { dialect: Dialect::Gemini, model: None }
        );
    }

    #[test]
    fn fault_12_paths_that_climb_are_not_forwarded() {
        for path in ["/v1/../admin", "/v1//x", "/v1/%2e%2e/x", "/v1/a%2fb", "/v1/a;b", "/v2/x", "/"] {
            assert!(of(Method::POST, path, None).is_err(), "{path}");
        }
        for path in
            ["/v1/..%5cadmin", "/v1/a%5Cb", "/v1/a%00", "/v1/a%0d%0ab", "/v1/a%1f", "/v1/a%7F", "/v1/a%3Bb"]
        {
            assert!(of(Method::POST, path, None).is_err(), "{path}");
        }
        assert_eq!(of(Method::POST, "/v1/fine%3Atuned/x", None).unwrap(), Endpoint::Forward);
    }

    #[test]
    fn a_wrong_method_is_told_the_right_one() {
        let error = of(Method::GET, "/v1/messages", None).unwrap_err();
        assert_eq!(error.to_string(), "/v1/messages takes POST");
    }
}
