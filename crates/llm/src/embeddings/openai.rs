//! Embeddings in OpenAI's dialect.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tidegate_core::FaultKind;

use super::{EmbeddingRequest, EmbeddingResponse, EncodingFormat};
use crate::Dialect;
use crate::codec::Encoded;
use crate::fault::{BadRequest, UpstreamFault};
use crate::fields::{Fields, wrong};
use crate::hub::Unmapped;
use crate::openai_chat::error;
use crate::quirks::Profile;
use crate::usage::Usage;

/// Reads a caller's body.
pub fn decode_request(body: &[u8]) -> Result<EmbeddingRequest, BadRequest> {
    let mut body = Fields::parse(body)?;
    let mut request = EmbeddingRequest {
        model: body.required_string("model")?,
        dimensions: body.u64("dimensions")?,
        user: body.string("user")?,
        ..EmbeddingRequest::default()
    };
    request.encoding_format = match body.string("encoding_format")?.as_deref() {
        None => None,
        Some("float") => Some(EncodingFormat::Float),
        Some("base64") => Some(EncodingFormat::Base64),
        Some(_) => {
            return Err(body.complain("encoding_format", "`encoding_format` must be `float` or `base64`"));
        }
    };
    read_input(body.required("input")?, &mut request)?;
    request.unmapped = Unmapped { dialect: Some(Dialect::OpenaiChat), fields: body.leftovers() };
    Ok(request)
}

/// A text, a list of texts, a list of token numbers, or a list of such lists.
fn read_input(input: Value, request: &mut EmbeddingRequest) -> Result<(), BadRequest> {
    const FORMS: &str = "a string, an array of strings, or token numbers";
    let items = match input {
        Value::String(text) => {
            request.inputs.push(text);
            return Ok(());
        }
        Value::Array(items) if !items.is_empty() => items,
        Value::Array(_) => return Err(BadRequest::field("input", "`input` must not be empty")),
        other => return Err(wrong("input", FORMS, &other)),
    };
    if items.iter().all(Value::is_number) {
        request.tokens.push(token_list("input", &items)?);
        return Ok(());
    }
    let is_text = items.first().is_some_and(Value::is_string);
    for (index, item) in items.into_iter().enumerate() {
        let path = format!("input[{index}]");
        match item {
            Value::String(text) if is_text => request.inputs.push(text),
            Value::Array(tokens) if !is_text => request.tokens.push(token_list(&path, &tokens)?),
            other => return Err(wrong(&path, if is_text { "a string" } else { FORMS }, &other)),
        }
    }
    Ok(())
}

fn token_list(path: &str, items: &[Value]) -> Result<Vec<u64>, BadRequest> {
    if items.is_empty() {
        return Err(BadRequest::field(path, format!("`{path}` must not be empty")));
    }
    let tokens = items.iter().enumerate().map(|(index, item)| {
        item.as_u64().ok_or_else(|| wrong(&format!("{path}[{index}]"), "a token number", item))
    });
    tokens.collect()
}

/// Writes a body for a provider.
pub fn encode_request(request: &EmbeddingRequest, target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("model", Some(target.model.into()));
    let tokens = (!request.tokens.is_empty()).then(|| json!(request.tokens));
    put("input", tokens.or_else(|| Some(json!(request.inputs))));
    put("encoding_format", request.encoding_format.map(|format| format.word().into()));
    put("dimensions", request.dimensions.map(Value::from));
    put("user", request.user.as_deref().map(Value::from));
    let mut dropped = Vec::new();
    dropped.extend(request.task.is_some().then(|| "taskType".to_owned()));
    dropped.extend(request.title.is_some().then(|| "title".to_owned()));
    let is_own = request.unmapped.dialect.is_some_and(|dialect| dialect != Dialect::Gemini);
    for (name, value) in &request.unmapped.fields {
        if is_own {
            body.insert(name.clone(), value.clone());
        } else {
            dropped.push(name.clone());
        }
    }
    Ok(Encoded { body: Value::Object(body).to_string().into_bytes(), dropped })
}

impl EncodingFormat {
    /// OpenAI's word for it.
    const fn word(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Base64 => "base64",
        }
    }
}

/// Reads a provider's answer (status 200).
pub fn decode_response(body: &[u8]) -> Result<EmbeddingResponse, UpstreamFault> {
    let broken = |how: &str| UpstreamFault::new(FaultKind::Upstream, format!("the provider's answer {how}"));
    let value: Value = serde_json::from_slice(body).map_err(|_| broken("is not JSON"))?;
    if value.get("error").is_some_and(|reported| !reported.is_null()) {
        return Err(error::decode(FaultKind::Upstream.status(), body));
    }
    let data = value.get("data").and_then(Value::as_array).ok_or_else(|| broken("has no `data`"))?;
    let mut vectors = Vec::with_capacity(data.len());
    for (position, item) in data.iter().enumerate() {
        let index = item.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
        let vector = item.get("embedding").and_then(read_vector);
        vectors.push((index, vector.ok_or_else(|| broken("has a vector that cannot be read"))?));
    }
    vectors.sort_by_key(|(index, _)| *index);
    let count = |name: &str| value.get("usage").and_then(|usage| usage.get(name)).and_then(Value::as_u64);
    Ok(EmbeddingResponse {
        model: value.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
        vectors: vectors.into_iter().map(|(_, vector)| vector).collect(),
        usage: count("prompt_tokens").map(|input| Usage { input, ..Usage::default() }),
    })
}

fn read_vector(value: &Value) -> Option<Vec<f32>> {
    match value {
        Value::Array(numbers) => numbers.iter().map(|n| n.as_f64().map(|n| n as f32)).collect(),
        Value::String(text) => {
            let bytes = STANDARD.decode(text).ok()?;
            let (floats, rest) = bytes.as_chunks::<4>();
            rest.is_empty().then(|| floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
        }
        _ => None,
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: Tokens,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Numbers<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers<'a> {
    Floats(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct Tokens {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Writes an answer for a caller, in the form that the caller asked for. `model` is reported where the provider named
/// none.
pub fn encode_response(response: &EmbeddingResponse, format: EncodingFormat, model: &str) -> Vec<u8> {
    let data = response.vectors.iter().enumerate().map(|(index, vector)| {
        let embedding = match format {
            EncodingFormat::Float => Numbers::Floats(vector),
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                Numbers::Base64(STANDARD.encode(bytes))
            }
        };
        Item { object: "embedding", index, embedding }
    });
    let tokens = response.usage.as_ref().map_or(0, |usage| usage.input);
    let answer = Answer {
        object: "list",
        data: data.collect(),
        model: if response.model.is_empty() { model } else { &response.model },
        usage: Tokens { prompt_tokens: tokens, total_tokens: tokens },
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: Value) -> Result<EmbeddingRequest, BadRequest> {
        decode_request(value.to_string().as_bytes())
    }

    #[test]
    fn every_form_of_input_is_read() {
        let input = |input: Value| read(json!({"model": "m", "input": input})).unwrap();
        assert_eq!(input(json!("a")).inputs, ["a"]);
        assert_eq!(input(json!(["a", "b"])).inputs, ["a", "b"]);
        assert_eq!(input(json!([1, 2])).tokens, [[1, 2]]);
        assert_eq!(input(json!([[1], [2]])).tokens, [[1], [2]]);
    }

    #[test]
    fn complaints_name_the_field() {
        for (body, param) in [
            (json!({"model": "m"}), "input"),
            (json!({"input": "a"}), "model"),
            (json!({"model": "m", "input": []}), "input"),
            (json!({"model": "m", "input": ["a", 1]}), "input[1]"),
            (json!({"model": "m", "input": [[1.5]]}), "input[0][0]"),
            (json!({"model": "m", "input": "a", "encoding_format": "hex"}), "encoding_format"),
            (json!({"model": "m", "input": "a", "dimensions": -1}), "dimensions"),
        ] {
            assert_eq!(read(body.clone()).unwrap_err().param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn case_70_an_encoding_format_of_null_is_never_sent() {
        let body = json!({"model": "m", "input": "a", "encoding_format": null, "user": null, "x": null});
        let request = read(body).unwrap();
        assert_eq!(request.encoding_format, None);
        let sent = encode_request(&request, &Profile::plain("e-1")).unwrap();
        assert_eq!(String::from_utf8(sent.body).unwrap(), r#"{"model":"e-1","input":["a"]}"#);
    }

    #[test]
    fn vectors_survive_both_forms_bit_by_bit() {
        let response = EmbeddingResponse {
            model: "m".into(),
            vectors: vec![vec![0.1, -2.5e-8, 3.0], vec![]],
            usage: Some(Usage { input: 4, ..Usage::default() }),
        };
        for format in [EncodingFormat::Float, EncodingFormat::Base64] {
            assert_eq!(decode_response(&encode_response(&response, format, "x")), Ok(response.clone()));
        }
    }

    #[test]
    fn vectors_come_in_the_order_of_their_index() {
        let body = json!({"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]});
        let response = decode_response(body.to_string().as_bytes()).unwrap();
        assert_eq!(response.vectors, [[1.0], [2.0]]);
        assert!(decode_response(b"{\"data\":[{\"embedding\":\"AAA\"}]}").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_request(&bytes);
            let _ = decode_response(&bytes);
        }
    }
}
