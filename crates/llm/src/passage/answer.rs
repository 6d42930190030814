//! Reads tokens, model and errors of a whole answer that passes through.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tidegate_core::FaultKind;

use super::counts::{fault_inside, fault_of, usage_of};
use super::keys::{ANTHROPIC, CHAT, RESPONSE, TEXT, string_bytes};
use super::peek::text_of;
use super::{Endpoint, scan};
use crate::Dialect;
use crate::fault::UpstreamFault;
use crate::gemini;
use crate::progress::Progress;

/// The fields of an answer that matter, as they stand in its JSON; null counts as missing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Whole<'a> {
    #[serde(borrow, deserialize_with = "raw")]
    model: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", rename = "modelVersion")]
    model_version: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw")]
    usage: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw", rename = "usageMetadata")]
    usage_metadata: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw")]
    error: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw")]
    service_tier: Option<&'a str>,
    #[serde(borrow, deserialize_with = "raw")]
    candidates: Option<&'a str>,
}

fn raw<'de, D: Deserializer<'de>>(json: D) -> Result<Option<&'de str>, D::Error> {
    Ok(Option::<&RawValue>::deserialize(json)?.map(RawValue::get))
}

impl<'a> Whole<'a> {
    fn read(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        // serde takes three times as long, and is for bodies that need to be understood better or complained about.
        Self::read_fast(body).map_or_else(|| serde_json::from_slice(body), Ok)
    }

    /// `None` where something is wrong or unusual: a field that is there twice, a name with escapes.
    fn read_fast(body: &'a [u8]) -> Option<Self> {
        let mut whole = Self::default();
        let mut is_usual = true;
        scan::fields(body, |key, value| is_usual &= whole.take(&body[key], &body[value]))?;
        is_usual.then_some(whole)
    }

    /// False: it is unusual.
    fn take(&mut self, key: &[u8], value: &'a [u8]) -> bool {
        let place = match key {
            b"\"model\"" => &mut self.model,
            b"\"modelVersion\"" => &mut self.model_version,
            b"\"usage\"" => &mut self.usage,
            b"\"usageMetadata\"" => &mut self.usage_metadata,
            b"\"error\"" => &mut self.error,
            b"\"service_tier\"" => &mut self.service_tier,
            b"\"candidates\"" => &mut self.candidates,
            _ => return std::str::from_utf8(key).is_ok_and(|key| !key.contains('\\')),
        };
        if value == b"null" {
            return true;
        }
        let is_first = place.is_none();
        *place = std::str::from_utf8(value).ok();
        is_first && place.is_some()
    }
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(default, rename = "finishReason")]
    finish_reason: Option<String>,
}

/// Reads a 200 answer's JSON body. An error inside it, and a body that is no JSON, is a fault (faults 47, 49). Bodies of
/// [`Endpoint::Other`] may be anything. Text is measured only when the provider told no tokens for it.
pub fn read_answer(endpoint: Endpoint, body: &[u8]) -> Result<Progress, UpstreamFault> {
    let read = match body.trim_ascii_start().first() {
        // Gemini streams without `alt=sse` are arrays; so are some of Google's errors (case 29).
        Some(b'[') if endpoint.dialect() == Dialect::Gemini => read_array(endpoint, body),
        _ => read_object(endpoint, body),
    };
    match read {
        Err(Bad::Json(_)) if endpoint == Endpoint::Other => Ok(complete()),
        Err(Bad::Json(error)) => Err(UpstreamFault::new(
            FaultKind::Upstream,
            format!("the provider's answer is not the JSON that was expected: {error}"),
        )),
        Err(Bad::Fault(fault)) => Err(fault),
        Ok(answer) => Ok(answer),
    }
}

enum Bad {
    Json(serde_json::Error),
    Fault(UpstreamFault),
}

fn read_array(endpoint: Endpoint, body: &[u8]) -> Result<Progress, Bad> {
    let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(Bad::Json)?;
    let mut whole = complete();
    for item in items {
        let answer = read_object(endpoint, item.get().as_bytes())?;
        whole.model = answer.model.or(whole.model);
        whole.usage = answer.usage.or(whole.usage);
        whole.text_bytes += answer.text_bytes;
    }
    Ok(whole)
}

fn read_object(endpoint: Endpoint, body: &[u8]) -> Result<Progress, Bad> {
    let dialect = endpoint.dialect();
    let whole = Whole::read(body).map_err(Bad::Json)?;
    if let Some(error) = whole.error {
        let fault = match dialect {
            // `error` stands beside the other fields of a failed response.
            Dialect::OpenaiResponses => fault_inside(dialect, error),
            _ => fault_of(dialect, body),
        };
        return Err(Bad::Fault(fault));
    }
    if let Some(fault) = whole.candidates.filter(|_| dialect == Dialect::Gemini).and_then(fault_of_end) {
        return Err(Bad::Fault(fault));
    }
    let mut usage = whole.usage.or(whole.usage_metadata).and_then(|raw| usage_of(dialect, raw));
    if let (Some(usage), Some(tier)) = (&mut usage, whole.service_tier.and_then(text_of)) {
        usage.service_tier = Some(tier);
    }
    let tells_output = usage.as_ref().is_some_and(|usage| usage.output > 0);
    let text_bytes = if !tells_output { bytes_of_text(endpoint, body) } else { 0 };
    Ok(Progress {
        model: whole.model.or(whole.model_version).and_then(text_of),
        usage,
        text_bytes,
        ..complete()
    })
}

/// The fault that Gemini tells as the reason of the only answer's end.
fn fault_of_end(candidates: &str) -> Option<UpstreamFault> {
    match serde_json::from_str::<Vec<Candidate>>(candidates).ok()?.as_slice() {
        [only] => gemini::finish::fault(only.finish_reason.as_deref()?),
        _ => None,
    }
}

/// What every whole answer is.
fn complete() -> Progress {
    Progress { good: true, finished: true, ended: true, ..Progress::default() }
}

/// The text of a JSON string.
pub(super) fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn bytes_of_text(endpoint: Endpoint, body: &[u8]) -> u64 {
    let wanted = match endpoint {
        Endpoint::Chat => CHAT,
        Endpoint::Responses => RESPONSE,
        Endpoint::Messages => ANTHROPIC,
        Endpoint::Completions | Endpoint::Generate => TEXT,
        _ => return 0,
    };
    string_bytes(wanted, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: Endpoint, body: &str) -> Progress {
        read_answer(endpoint, body.as_bytes()).unwrap()
    }

    #[test]
    fn tokens_are_found_in_each_vendors_place() {
        let chat = read(
            Endpoint::Chat,
            r#"{"model":"gpt","choices":[{"message":{"content":"hi"}}],"service_tier":"flex","usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#,
        );
        let usage = chat.usage.unwrap();
        assert_eq!((usage.input, usage.output, usage.service_tier.as_deref()), (5, 2, Some("flex")));
        assert_eq!(chat.model.as_deref(), Some("gpt"));
        let messages = read(
            Endpoint::Messages,
            r#"{"model":"claude","usage":{"input_tokens":5,"cache_read_input_tokens":90,"output_tokens":2}}"#,
        );
        assert_eq!(messages.usage.map(|usage| (usage.input, usage.cache_read)), Some((95, 90)));
        let gemini = read(
            Endpoint::Generate,
            r#"{"modelVersion":"g","usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":6}}"#,
        );
        assert_eq!(gemini.usage.map(|usage| (usage.input, usage.output)), Some((4, 6)));
        assert_eq!(gemini.model.as_deref(), Some("g"));
        let embeddings = read(
            Endpoint::Embeddings,
            r#"{"model":"e","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
        );
        assert_eq!(embeddings.usage.map(|usage| usage.input), Some(8));
    }

    #[test]
    fn unusual_answers_are_read_as_serde_reads_them() {
        let usage = r#""usage":{"prompt_tokens":5,"completion_tokens":2}"#;
        let input =
            |body: &[u8]| read_answer(Endpoint::Chat, body).map(|read| read.usage.map(|usage| usage.input));
        for usual in [format!("{{{usage}}}"), format!(" {{\"error\" : null , {usage}, \"x\":[{{}}]}}\n")] {
            assert!(Whole::read_fast(usual.as_bytes()).is_some(), "{usual}");
            assert_eq!(input(usual.as_bytes()).unwrap(), Some(5));
        }
        let escaped = usage.replace("usage", "us\\u0061ge");
        assert_eq!(input(format!("{{{escaped}}}").as_bytes()).unwrap(), Some(5));
        assert!(input(format!("{{{usage},{usage}}}").as_bytes()).is_err());
        let deep = format!("{{\"x\":{}{},{usage}}}", "[".repeat(500), "]".repeat(500));
        assert_eq!(input(deep.as_bytes()).unwrap(), Some(5));
        // Text of the answer is not looked at; what we read is.
        assert_eq!(input(&[b"{\"id\":\"\xff\",", usage.as_bytes(), b"}"].concat()).unwrap(), Some(5));
        assert!(input(b"{\"usage\":\"\xff\"}").is_err());
    }

    #[test]
    fn an_answer_without_tokens_tells_the_length_of_its_text() {
        let chat =
            read(Endpoint::Chat, r#"{"choices":[{"message":{"role":"assistant","content":"hello"}}]}"#);
        assert_eq!((chat.usage, chat.text_bytes), (None, 5));
    }

    #[test]
    fn fault_43_tokens_that_are_no_counts_are_not_believed() {
        for count in ["-5", "\"7\"", "null", "1.5"] {
            let body =
                format!(r#"{{"choices":[],"usage":{{"prompt_tokens":{count},"completion_tokens":2}}}}"#);
            assert_eq!(read(Endpoint::Chat, &body).usage, None, "{count}");
        }
    }

    #[test]
    fn fault_47_html_and_errors_inside_a_200_are_faults() {
        assert_eq!(read_answer(Endpoint::Chat, b"<html>").unwrap_err().kind, FaultKind::Upstream);
        for (endpoint, body) in [
            (Endpoint::Chat, r#"{"error":{"message":"no","type":"server_error"}}"#),
            (Endpoint::Responses, r#"{"status":"failed","error":{"code":"server_error","message":"no"}}"#),
            (Endpoint::Messages, r#"{"type":"error","error":{"type":"api_error","message":"no"}}"#),
            (Endpoint::Generate, r#"[{"error":{"code":500,"message":"no","status":"INTERNAL"}}]"#),
            (Endpoint::Generate, r#"{"candidates":[{"finishReason":"UNEXPECTED_TOOL_CALL","index":0}]}"#),
        ] {
            assert!(read_answer(endpoint, body.as_bytes()).is_err(), "{body}");
        }
        assert!(read_answer(Endpoint::Responses, br#"{"status":"completed","error":null}"#).is_ok());
        assert!(read_answer(Endpoint::Other, b"\x89PNG").is_ok());
    }

    #[test]
    fn fault_49_cut_json_is_a_fault() {
        assert!(read_answer(Endpoint::Chat, br#"{"choices":[{"message":{"content":"he"#).is_err());
    }

    #[test]
    fn case_06_an_array_of_gemini_chunks_tells_its_last_count() {
        let body = r#"[{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1}},
            {"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":9}}]"#;
        assert_eq!(read(Endpoint::Generate, body).usage.map(|usage| usage.output), Some(9));
    }
}
