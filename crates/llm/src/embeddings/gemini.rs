//! Embeddings in Gemini's dialect: `:embedContent` for one text, `:batchEmbedContents` for many. Source: the Gemini
//! API reference, "Embeddings", and google-genai 3.4, which always uses the batch.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tidegate_core::FaultKind;

use super::{EmbeddingRequest, EmbeddingResponse};
use crate::Dialect;
use crate::codec::Encoded;
use crate::fault::{BadRequest, UpstreamFault};
use crate::fields::Fields;
use crate::gemini::{error, proto, usage};
use crate::quirks::Profile;

/// Reads a caller's `:embedContent` body. The model is in the path; the caller of this function sets it.
pub fn decode_request(body: &[u8]) -> Result<EmbeddingRequest, BadRequest> {
    let mut request = EmbeddingRequest::default();
    read_one(parse(body)?, &mut request, true)?;
    request.unmapped.dialect = Some(Dialect::Gemini);
    Ok(request)
}

/// Reads a caller's `:batchEmbedContents` body. All its requests must want the same kind of vectors.
pub fn decode_batch(body: &[u8]) -> Result<EmbeddingRequest, BadRequest> {
    let mut body = parse(body)?;
    let requests = proto::objects(&mut body, "requests")?;
    if requests.is_empty() {
        return Err(body.complain("requests", "`requests` must have at least one request"));
    }
    let mut request = EmbeddingRequest::default();
    for (index, one) in requests.into_iter().enumerate() {
        read_one(one, &mut request, index == 0)?;
    }
    request.unmapped.fields.extend(body.leftovers());
    request.unmapped.dialect = Some(Dialect::Gemini);
    Ok(request)
}

fn parse(body: &[u8]) -> Result<Fields, BadRequest> {
    let value = serde_json::from_slice(body)
        .map_err(|error| BadRequest::body(format!("the body is not valid JSON: {error}")))?;
    proto::fields("", value)
}

/// Reads an `EmbedContentRequest` into `request`; later ones of a batch must agree with the first.
fn read_one(mut one: Fields, request: &mut EmbeddingRequest, is_first: bool) -> Result<(), BadRequest> {
    let text = read_text(&mut one)?;
    request.inputs.push(text);
    let model = one.string("model")?.unwrap_or_default();
    let model = model.strip_prefix("models/").unwrap_or(&model).to_owned();
    let mut task = one.string("taskType")?;
    let mut title = one.string("title")?;
    let mut dimensions = one.u64("outputDimensionality")?;
    // Newer bodies hold the wishes in an object of their own.
    if let Some(mut inner) = proto::object(&mut one, "embedContentConfig")? {
        task = inner.string("taskType")?.or(task);
        title = inner.string("title")?.or(title);
        dimensions = inner.u64("outputDimensionality")?.or(dimensions);
        request.unmapped.fields.extend(inner.leftovers());
    }
    if is_first {
        (request.model, request.task, request.title, request.dimensions) = (model, task, title, dimensions);
    } else if request.model != model {
        return Err(one.complain("model", "all requests of a batch must name the same model"));
    } else if request.task != task || request.title != title {
        return Err(one.complain("taskType", "all requests of a batch must have the same task and title"));
    } else if request.dimensions != dimensions {
        let message = "all requests of a batch must want vectors of the same length";
        return Err(one.complain("outputDimensionality", message));
    }
    request.unmapped.fields.extend(one.leftovers());
    Ok(())
}

/// The texts of `content`, which give one vector together.
fn read_text(one: &mut Fields) -> Result<String, BadRequest> {
    let Some(mut content) = proto::object(one, "content")? else {
        return Err(one.complain("content", "`content` is required"));
    };
    let mut texts = Vec::new();
    for mut part in proto::objects(&mut content, "parts")? {
        texts.push(part.required_string("text")?);
    }
    if texts.is_empty() {
        return Err(content.complain("parts", "`parts` must have at least one text"));
    }
    Ok(texts.join("\n"))
}

/// Writes a `:batchEmbedContents` body for a provider, for one text as for many. Token numbers are refused: they mean
/// nothing without their tokenizer.
pub fn encode_request(request: &EmbeddingRequest, target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    if !request.tokens.is_empty() {
        let message = "`input` as token numbers cannot be translated for this model; send text";
        return Err(BadRequest::field("input", message));
    }
    let model = format!("models/{}", target.model.strip_prefix("models/").unwrap_or(target.model));
    let requests: Vec<Value> = request.inputs.iter().map(|text| one_request(request, &model, text)).collect();
    let body = json!({ "requests": requests }).to_string().into_bytes();
    let user = request.user.is_some().then(|| "user".to_owned());
    let unmapped = request.unmapped.fields.iter().map(|(path, _)| path.clone());
    Ok(Encoded { body, dropped: user.into_iter().chain(unmapped).collect() })
}

fn one_request(request: &EmbeddingRequest, model: &str, text: &str) -> Value {
    let mut one = Map::new();
    one.insert("model".to_owned(), model.into());
    one.insert("content".to_owned(), json!({ "parts": [{ "text": text }] }));
    for (name, value) in [
        ("taskType", request.task.as_deref().map(Value::from)),
        ("title", request.title.as_deref().map(Value::from)),
        ("outputDimensionality", request.dimensions.map(Value::from)),
    ] {
        one.extend(value.map(|value| (name.to_owned(), value)));
    }
    Value::Object(one)
}

/// Reads a provider's answer (status 200), of one text or a batch.
pub fn decode_response(body: &[u8]) -> Result<EmbeddingResponse, UpstreamFault> {
    let broken = |how: &str| UpstreamFault::new(FaultKind::Upstream, format!("the provider's answer {how}"));
    let value: Value = serde_json::from_slice(body).map_err(|_| broken("is not JSON"))?;
    if let Some(reported) = error::error_of(&value) {
        return Err(error::from_status(reported, None));
    }
    let vectors = match (value.get("embeddings"), value.get("embedding")) {
        (Some(Value::Array(items)), _) => items.iter().map(read_vector).collect(),
        (_, Some(one)) => read_vector(one).map(|vector| vec![vector]),
        _ => return Err(broken("has no `embeddings`")),
    };
    Ok(EmbeddingResponse {
        model: String::new(),
        vectors: vectors.ok_or_else(|| broken("has a vector that cannot be read"))?,
        usage: value.get("usageMetadata").and_then(usage::decode),
    })
}

fn read_vector(item: &Value) -> Option<Vec<f32>> {
    let numbers = item.get("values")?.as_array()?;
    numbers.iter().map(|number| number.as_f64().map(|number| number as f32)).collect()
}

#[derive(Serialize)]
struct Vector<'a> {
    values: &'a [f32],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vector<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embeddings: Option<Vec<Vector<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<Tokens>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    prompt_token_count: u64,
    total_token_count: u64,
}

/// Writes an answer to `:embedContent`.
pub fn encode_response(response: &EmbeddingResponse) -> Vec<u8> {
    let values = response.vectors.first().map(Vec::as_slice).unwrap_or_default();
    let usage_metadata = tokens(response);
    write(&Answer { embedding: Some(Vector { values }), embeddings: None, usage_metadata })
}

/// Writes an answer to `:batchEmbedContents`.
pub fn encode_batch(response: &EmbeddingResponse) -> Vec<u8> {
    let vectors = response.vectors.iter().map(|values| Vector { values }).collect();
    write(&Answer { embedding: None, embeddings: Some(vectors), usage_metadata: tokens(response) })
}

fn tokens(response: &EmbeddingResponse) -> Option<Tokens> {
    let usage = response.usage.as_ref()?;
    Some(Tokens { prompt_token_count: usage.input, total_token_count: usage.total() })
}

fn write(answer: &Answer<'_>) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embeddings::{EncodingFormat, openai};
    use crate::usage::Usage;
    use proptest::prelude::*;

    fn content(text: &str) -> Value {
        json!({ "parts": [{ "text": text }] })
    }

    #[test]
    fn an_openai_request_becomes_a_batch() {
        let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 3, "user": "u",
            "encoding_format": "base64"});
        let request = openai::decode_request(body.to_string().as_bytes()).unwrap();
        let sent = encode_request(&request, &Profile::plain("gemini-embedding-001")).unwrap();
        let one = |text| json!({"model": "models/gemini-embedding-001", "content": content(text), "outputDimensionality": 3});
        let got: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(got, json!({"requests": [one("a"), one("b")]}));
        assert_eq!(sent.dropped, ["user"]);
        let answer = br#"{"embeddings":[{"values":[0.5,1]},{"values":[2,-1.25]}]}"#;
        let answer = decode_response(answer).unwrap();
        let told = openai::encode_response(&answer, EncodingFormat::Base64, "m");
        assert_eq!(openai::decode_response(&told).unwrap().vectors, [[0.5, 1.0], [2.0, -1.25]]);
    }

    #[test]
    fn token_numbers_are_refused_by_name() {
        let request = EmbeddingRequest { tokens: vec![vec![1]], ..EmbeddingRequest::default() };
        let refused = encode_request(&request, &Profile::plain("m")).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("input"));
    }

    #[test]
    fn one_and_many_are_read() {
        let one =
            json!({"content": content("a"), "task_type": "RETRIEVAL_QUERY", "output_dimensionality": 8});
        let request = decode_request(one.to_string().as_bytes()).unwrap();
        assert_eq!((request.inputs.len(), request.dimensions), (1, Some(8)));
        let sent = openai::encode_request(&request, &Profile::plain("e")).unwrap();
        assert_eq!(sent.dropped, ["taskType"]);
        let many = json!({"requests": [{"model": "models/e", "content": content("a")},
            {"model": "models/e", "content": content("b")}]});
        let request = decode_batch(many.to_string().as_bytes()).unwrap();
        assert_eq!(request.model, "e");
        assert_eq!(request.inputs, ["a", "b"]);
    }

    #[test]
    fn complaints_name_the_field() {
        let read = |value: Value| decode_batch(value.to_string().as_bytes()).unwrap_err().param.unwrap();
        assert_eq!(read(json!({})), "requests");
        assert_eq!(read(json!({"requests": [{}]})), "requests[0].content");
        assert_eq!(read(json!({"requests": [{"content": {"parts": []}}]})), "requests[0].content.parts");
        let differ = json!({"requests": [{"content": content("a")},
            {"content": content("b"), "outputDimensionality": 3}]});
        assert_eq!(read(differ), "requests[1].outputDimensionality");
    }

    #[test]
    fn answers_come_back_as_they_were() {
        let response = EmbeddingResponse {
            model: String::new(),
            vectors: vec![vec![0.1, 2.0]],
            usage: Some(Usage { input: 3, ..Usage::default() }),
        };
        assert_eq!(decode_response(&encode_response(&response)), Ok(response.clone()));
        assert_eq!(decode_response(&encode_batch(&response)), Ok(response));
        assert!(decode_response(b"[{\"error\":{\"code\":500}}]").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_request(&bytes);
            let _ = decode_batch(&bytes);
            let _ = decode_response(&bytes);
        }
    }
}
