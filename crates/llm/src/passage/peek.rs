//! Reads of a request what the gateway acts on, and refuses what no provider would take.

use super::Endpoint;
use super::layout::{Entry, Field, entries, entries_fast, entries_slow};
use super::limits::{answers, check_depth, check_text, ratio, tokens};
use crate::fault::BadRequest;

/// What the gateway acts on in a request body, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Peek {
    /// The model as the caller named it; `None` only where the path names it.
    pub model: Option<String>,
    /// Whether the answer comes as a stream (with Gemini the path says so).
    pub stream: bool,
    /// `stream_options.include_usage`.
    pub include_usage: bool,
    /// The end user: `safety_identifier`, `user`, `metadata.user_id`.
    pub end_user: Option<String>,
    /// The service tier asked for.
    pub service_tier: Option<String>,
    /// Most output tokens of one answer, under whatever name.
    pub max_tokens: Option<u64>,
    /// How many answers (`n`, `best_of`, `candidateCount`); 1 to 128.
    pub n: u64,
    pub(super) entries: Vec<Entry>,
}

/// Reads `body`. Complaints name the field; everything that passes is valid UTF-8 and valid JSON, nested at most 128
/// deep, and has each field that we act on only once (faults 29 to 34, 36). Unknown fields are not looked at.
pub fn peek(endpoint: Endpoint, body: &[u8]) -> Result<Peek, BadRequest> {
    let text = check_text(body)?;
    let entries = match entries_fast(text) {
        Some(entries) => entries,
        None => {
            check_depth(body)?;
            entries_slow(text)
                .map_err(|error| BadRequest::body(format!("the body is not valid JSON: {error}")))?
        }
    };
    refuse_doubles(text, &entries)?;
    let object = Object { text, path: "", entries: &entries };
    let mut peek = Peek {
        model: None,
        stream: false,
        include_usage: false,
        end_user: None,
        service_tier: None,
        max_tokens: None,
        n: 1,
        entries: Vec::new(),
    };
    for entry in &entries {
        if entry.field != Field::Other && &text[entry.value.clone()] != "null" {
            peek.take(endpoint, &object, entry)?;
        }
    }
    match &peek.model {
        // OpenAI's responses may leave model and input to a prompt stored at the provider, or to its defaults.
        None if endpoint == Endpoint::Responses => {}
        None if endpoint.names_model() => return Err(BadRequest::field("model", "`model` is required")),
        _ => check_prompt(endpoint, &object)?,
    }
    peek.entries = entries;
    Ok(peek)
}

/// A field that is there twice is read one way by us and another way by a provider (fault 30).
fn refuse_doubles(text: &str, entries: &[Entry]) -> Result<(), BadRequest> {
    for (i, entry) in entries.iter().enumerate() {
        if entry.field != Field::Other && entries[..i].iter().any(|earlier| earlier.field == entry.field) {
            let name = text[entry.key.clone()].trim_matches('"');
            return Err(BadRequest::field(name, format!("`{name}` is there twice")));
        }
    }
    Ok(())
}

/// One object of the body and its path.
struct Object<'a> {
    text: &'a str,
    path: &'a str,
    entries: &'a [Entry],
}

impl<'a> Object<'a> {
    fn raw(&self, entry: &Entry) -> &'a str {
        &self.text[entry.value.clone()]
    }

    fn path(&self, entry: &Entry) -> String {
        let name = self.text[entry.key.clone()].trim_matches('"');
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The value of a field that is there and not null.
    fn find(&self, field: Field) -> Option<&'a str> {
        self.entries
            .iter()
            .find(|entry| entry.field == field)
            .map(|entry| self.raw(entry))
            .filter(|raw| *raw != "null")
    }
}

impl Peek {
    fn take(&mut self, endpoint: Endpoint, object: &Object<'_>, entry: &Entry) -> Result<(), BadRequest> {
        let raw = object.raw(entry);
        match entry.field {
            Field::Model => {
                self.model = Some(text_of(raw).filter(|name| !name.is_empty()).ok_or_else(|| {
                    BadRequest::field("model", "`model` must be a string that is not empty")
                })?);
            }
            Field::Stream => {
                self.stream =
                    raw.parse().map_err(|_| BadRequest::field("stream", "`stream` must be true or false"))?;
            }
            Field::MaxTokens | Field::MaxCompletionTokens | Field::MaxOutputTokens => {
                let limit = tokens(|| object.path(entry), raw)?;
                self.max_tokens = Some(self.max_tokens.map_or(limit, |other| other.max(limit)));
            }
            // The old completions allow `best_of: 0`, which means the same as 1.
            Field::BestOf if raw == "0" => {}
            Field::N | Field::BestOf | Field::CandidateCount => {
                self.n = self.n.max(answers(|| object.path(entry), raw)?);
            }
            Field::Temperature | Field::TopP => ratio(|| object.path(entry), raw)?,
            Field::SafetyIdentifier => self.end_user = text_of(raw).or(self.end_user.take()),
            Field::User => self.end_user = self.end_user.take().or_else(|| text_of(raw)),
            Field::ServiceTier => self.service_tier = text_of(raw),
            Field::StreamOptions | Field::Metadata | Field::GenerationConfig if object.path.is_empty() => {
                self.take_nested(endpoint, object, entry)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads the objects inside the body that hold something for us.
    fn take_nested(
        &mut self,
        endpoint: Endpoint,
        object: &Object<'_>,
        entry: &Entry,
    ) -> Result<(), BadRequest> {
        let path = object.path(entry);
        let text = object.raw(entry);
        if !text.starts_with('{') {
            return Err(BadRequest::field(&path, format!("`{path}` must be an object")));
        }
        let inner = entries(text).map_err(|error| BadRequest::field(&path, format!("`{path}`: {error}")))?;
        let nested = Object { text, path: &path, entries: &inner };
        match entry.field {
            Field::StreamOptions => {
                self.include_usage = nested.find(Field::IncludeUsage) == Some("true");
            }
            Field::Metadata if endpoint == Endpoint::Messages => {
                self.end_user = nested.find(Field::UserId).and_then(text_of);
            }
            Field::GenerationConfig => {
                refuse_doubles(text, &inner)?;
                for field in inner.iter().filter(|field| nested.raw(field) != "null") {
                    self.take(endpoint, &nested, field)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The text of a JSON string; `None` for anything else and for lone surrogates.
pub(super) fn text_of(raw: &str) -> Option<String> {
    match raw.strip_prefix('"')?.strip_suffix('"')? {
        plain if memchr::memchr(b'\\', plain.as_bytes()).is_none() => Some(plain.to_owned()),
        _ => serde_json::from_str(raw).ok(),
    }
}

/// Checks that there is something to be answered.
fn check_prompt(endpoint: Endpoint, object: &Object<'_>) -> Result<(), BadRequest> {
    let (field, name, starts, expected) = match endpoint {
        Endpoint::Chat | Endpoint::Messages | Endpoint::CountTokens => {
            (Field::Messages, "messages", "[", "an array of messages")
        }
        Endpoint::Responses | Endpoint::Embeddings => (Field::Input, "input", "[\"", "a string or an array"),
        Endpoint::Completions => (Field::Prompt, "prompt", "[\"", "a string or an array"),
        // Google takes one object for an array of one.
        Endpoint::Generate => (Field::Contents, "contents", "[{", "an array of contents"),
        Endpoint::GeminiCountTokens | Endpoint::GeminiEmbed | Endpoint::Other => return Ok(()),
    };
    let Some(raw) = object.find(field) else {
        let may_lack = endpoint == Endpoint::Completions || has_kept_input(endpoint, object);
        return if may_lack { Ok(()) } else { Err(BadRequest::field(name, format!("`{name}` is required"))) };
    };
    if !raw.starts_with(|first| starts.contains(first)) {
        return Err(BadRequest::field(name, format!("`{name}` must be {expected}")));
    }
    let inside = raw[1..raw.len() - 1].trim_ascii_start();
    if inside.is_empty() && endpoint != Endpoint::Completions && !has_kept_input(endpoint, object) {
        return Err(BadRequest::field(name, format!("`{name}` must not be empty")));
    }
    Ok(())
}

/// Whether the input lies at the provider: an earlier response, a conversation, a stored prompt.
fn has_kept_input(endpoint: Endpoint, object: &Object<'_>) -> bool {
    endpoint == Endpoint::Responses
        && [Field::PreviousResponse, Field::Conversation, Field::Prompt]
            .into_iter()
            .any(|field| object.find(field).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn responses_may_leave_model_and_input_to_the_provider() {
        assert_eq!(peek(Endpoint::Responses, br#"{"stream":true}"#).unwrap().model, None);
        assert_eq!(refused(Endpoint::Responses, r#"{"model":"m"}"#).param.as_deref(), Some("input"));
    }

    #[test]
    fn best_of_may_be_zero() {
        assert_eq!(peek(Endpoint::Completions, br#"{"model":"m","prompt":"x","best_of":0}"#).unwrap().n, 1);
    }

    fn refused(endpoint: Endpoint, body: &str) -> BadRequest {
        peek(endpoint, body.as_bytes()).unwrap_err()
    }

    #[test]
    fn reads_what_the_gateway_acts_on() {
        let body = r#"{"model":"gpt-\u0034","messages":[{"role":"user","content":"hi"}],"stream":true,
            "stream_options":{"include_usage":true},"user":"u","safety_identifier":"s","service_tier":"flex",
            "max_tokens":null,"max_completion_tokens":50,"n":2,"temperature":0.5,"x":1}"#;
        let seen = peek(Endpoint::Chat, body.as_bytes()).unwrap();
        assert_eq!(seen.model.as_deref(), Some("gpt-4"));
        assert!(seen.stream && seen.include_usage);
        assert_eq!(seen.end_user.as_deref(), Some("s"));
        assert_eq!(seen.service_tier.as_deref(), Some("flex"));
        assert_eq!((seen.max_tokens, seen.n), (Some(50), 2));
    }

    #[test]
    fn reads_each_vendors_own_places() {
        let body = br#"{"model":"c","max_tokens":9,"metadata":{"user_id":"u7"},"messages":[{}]}"#;
        let seen = peek(Endpoint::Messages, body).unwrap();
        assert_eq!((seen.end_user.as_deref(), seen.max_tokens), (Some("u7"), Some(9)));
        let body =
            br#"{"contents":[{"parts":[]}],"generationConfig":{"maxOutputTokens":7,"candidateCount":3}}"#;
        let seen = peek(Endpoint::Generate, body).unwrap();
        assert_eq!((seen.model, seen.max_tokens, seen.n), (None, Some(7), 3));
        assert!(peek(Endpoint::Responses, br#"{"model":"m","previous_response_id":"r"}"#).is_ok());
        assert!(peek(Endpoint::Other, br#"{"model":"m"}"#).is_ok());
    }

    #[test]
    fn complaints_name_the_field() {
        use Endpoint::{Chat, Embeddings, Generate, Messages, Responses};
        for (endpoint, body, param) in [
            (Chat, r#"{"messages":[{}]}"#, "model"),
            (Chat, r#"{"model":5,"messages":[{}]}"#, "model"),
            (Chat, r#"{"model":"","messages":[{}]}"#, "model"),
            (Chat, r#"{"model":"m"}"#, "messages"),
            (Chat, r#"{"model":"m","messages":[ ]}"#, "messages"),
            (Chat, r#"{"model":"m","messages":"hi"}"#, "messages"),
            (Chat, r#"{"model":"m","messages":[{}],"stream":"yes"}"#, "stream"),
            (Chat, r#"{"model":"m","messages":[{}],"stream_options":[]}"#, "stream_options"),
            (Chat, r#"{"model":"m","messages":[{}],"n":1000000}"#, "n"),
            (Messages, r#"{"model":"m","messages":[{}],"max_tokens":"100"}"#, "max_tokens"),
            (Responses, r#"{"model":"m"}"#, "input"),
            (Responses, r#"{"model":"m","input":""}"#, "input"),
            (Embeddings, r#"{"model":"m","input":[]}"#, "input"),
            (Generate, r#"{"contents":[]}"#, "contents"),
            (
                Generate,
                r#"{"contents":[{}],"generationConfig":{"maxOutputTokens":-1}}"#,
                "generationConfig.maxOutputTokens",
            ),
        ] {
            assert_eq!(refused(endpoint, body).param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn fault_30_fields_that_are_there_twice_are_refused() {
        for (body, param) in [
            (r#"{"model":"a","model":"b","messages":[{}]}"#, "model"),
            (r#"{"model":"a","m\u006fdel":"b","messages":[{}]}"#, "m\\u006fdel"),
            (r#"{"model":"a","stream":true,"messages":[{}],"stream":false}"#, "stream"),
            (r#"{"model":"a","messages":[{}],"messages":[{}]}"#, "messages"),
        ] {
            assert_eq!(refused(Endpoint::Chat, body).param.as_deref(), Some(param));
        }
    }

    #[test]
    fn fault_31_null_counts_as_absent_and_other_non_numbers_are_refused() {
        let body =
            |value: &str| format!(r#"{{"model":"m","messages":[{{}}],"max_tokens":{value},"top_p":null}}"#);
        assert_eq!(peek(Endpoint::Chat, body("null").as_bytes()).unwrap().max_tokens, None);
        for value in ["-1", "1e999", "\"100\"", "9223372036854775808", "1.5"] {
            assert_eq!(refused(Endpoint::Chat, &body(value)).param.as_deref(), Some("max_tokens"));
        }
        assert!(refused(Endpoint::Chat, &body("NaN")).message.contains("not valid JSON"));
        assert!(refused(Endpoint::Chat, &body("Infinity")).message.contains("not valid JSON"));
    }

    #[test]
    fn fault_32_bad_encodings_are_refused_and_lone_surrogates_pass() {
        let mut broken = br#"{"model":"m","messages":[{"content":"?"}]}"#.to_vec();
        let at = broken.iter().position(|byte| *byte == b'?').unwrap();
        broken[at] = 0xff;
        assert!(peek(Endpoint::Chat, &broken).unwrap_err().message.contains("UTF-8"));
        broken[at] = 0;
        assert!(peek(Endpoint::Chat, &broken).is_err());
        assert!(refused(Endpoint::Chat, "\u{feff}{}").message.contains("byte order mark"));
        let lone = r#"{"model":"m","messages":[{"content":"\ud800"}]}"#;
        assert!(peek(Endpoint::Chat, lone.as_bytes()).is_ok());
    }

    #[test]
    fn fault_36_bodies_that_are_no_object_are_refused() {
        for (body, word) in
            [("", "empty"), ("  ", "empty"), ("[]", "object"), ("\"x\"", "object"), ("{", "JSON")]
        {
            assert!(refused(Endpoint::Chat, body).message.contains(word), "{body:?}");
        }
    }

    #[test]
    fn a_flood_of_fields_is_refused() {
        let fields: Vec<_> = (0..1_000).map(|i| format!("\"f{i}\":0")).collect();
        assert!(
            refused(Endpoint::Other, &format!("{{{}}}", fields.join(","))).message.contains("256 fields")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for endpoint in [Endpoint::Chat, Endpoint::Generate, Endpoint::Responses] {
                let _ = peek(endpoint, &bytes);
            }
        }

        #[test]
        fn any_json_like_text_is_taken_without_panic(text in "[\\[\\]{}:,\"\\\\a0\\-enu ]{0,60}") {
            let body = format!("{{\"model\":\"m\",\"messages\":[{{}}],\"x\":{text}}}");
            let taken = peek(Endpoint::Chat, body.as_bytes()).is_ok();
            if taken {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
            }
        }
    }
}
