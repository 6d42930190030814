//! The endpoints that generate no text: embeddings, models, token counts, images, audio and so on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::{INPUT_TOKENS, fnv};
use crate::ask::{list, text_of};
use crate::endpoint::{Endpoint, GeminiVerb};
use crate::render::CREATED;
use crate::script::Script;
use crate::vendor_error::Vendor;

/// The names that `/v1/models` lists.
const MODELS: [&str; 9] =
    ["text", "tool", "tools2", "reasoning", "refusal", "json", "long", "empty", "text-embedding-3-small"];

/// One transparent pixel as PNG.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// Length of an embedding whose request names none.
const DIMENSIONS: u64 = 8;

/// The answer of an endpoint that generates no text; `Null` for those that do. `upload` is the raw body.
pub(crate) fn json(endpoint: &Endpoint, script: &Script, model: &str, body: &Value, upload: &[u8]) -> Value {
    let tokens = script.tokens.input.unwrap_or(INPUT_TOKENS);
    match endpoint {
        Endpoint::CountTokens => json!({"input_tokens": tokens}),
        Endpoint::Embeddings => embeddings(model, body, tokens),
        Endpoint::Images => images(body),
        Endpoint::Moderations => moderations(model, body),
        Endpoint::Rerank => rerank(model, body, tokens),
        Endpoint::Transcription => json!({
            "text": format!("You said {} bytes.", file_size(upload)),
            "usage": {"type": "tokens", "input_tokens": tokens, "output_tokens": 5, "total_tokens": tokens + 5,
                "input_token_details": {"text_tokens": 0, "audio_tokens": tokens}},
        }),
        Endpoint::Models(vendor) => models(*vendor),
        Endpoint::Model(vendor, name) => self::model(*vendor, name),
        Endpoint::Gemini { verb: GeminiVerb::CountTokens, .. } => {
            json!({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]})
        }
        Endpoint::Gemini { verb: GeminiVerb::Embed, .. } => json!({"embedding": gemini_embedding(body)}),
        Endpoint::Gemini { verb: GeminiVerb::BatchEmbed, .. } => {
            json!({"embeddings": list(body, "requests").iter().map(gemini_embedding).collect::<Vec<_>>()})
        }
        _ => Value::Null,
    }
}

fn embeddings(model: &str, body: &Value, tokens: u64) -> Value {
    let inputs: Vec<String> = match &body["input"] {
        Value::Array(inputs) if inputs.first().is_some_and(Value::is_number) => {
            vec![body["input"].to_string()]
        }
        Value::Array(inputs) => inputs.iter().map(Value::to_string).collect(),
        other => vec![other.to_string()],
    };
    let length = body["dimensions"].as_u64().unwrap_or(DIMENSIONS);
    let as_base64 = body["encoding_format"] == "base64";
    let embedding = |text: &String| {
        let numbers = vector(text, length);
        if !as_base64 {
            return json!(numbers);
        }
        STANDARD.encode(numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()).into()
    };
    let data = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": embedding(text)}));
    json!({"object": "list", "data": data.collect::<Vec<_>>(), "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
}

/// Numbers in [-1, 1] that depend on the text; multiples of 1/1024, so that they survive any number format.
fn vector(text: &str, length: u64) -> Vec<f32> {
    (0..length).map(|nth| ((fnv(&[text, &nth.to_string()]) % 2048) as f32 - 1024.0) / 1024.0).collect()
}

fn gemini_embedding(request: &Value) -> Value {
    let length = request["outputDimensionality"].as_u64().unwrap_or(DIMENSIONS);
    json!({"values": vector(&text_of(&request["content"]["parts"]), length)})
}

fn images(body: &Value) -> Value {
    let count = body["n"].as_u64().unwrap_or(1).min(10);
    let image = if body["response_format"] == "url" {
        json!({"url": "http://127.0.0.1/image.png"})
    } else {
        json!({"b64_json": PIXEL})
    };
    let usage = json!({"input_tokens": INPUT_TOKENS, "output_tokens": 100, "total_tokens": INPUT_TOKENS + 100,
        "input_tokens_details": {"text_tokens": INPUT_TOKENS, "image_tokens": 0}});
    json!({"created": CREATED, "data": vec![image; count as usize], "usage": usage})
}

fn moderations(model: &str, body: &Value) -> Value {
    let categories = ["harassment", "hate", "illicit", "self-harm", "sexual", "violence"];
    let flagged = text_of(&body["input"]).contains("violence");
    let each = |value: &dyn Fn(&str) -> Value| -> Value {
        Value::Object(categories.iter().map(|name| ((*name).to_owned(), value(name))).collect())
    };
    let result = json!({
        "flagged": flagged,
        "categories": each(&|name| json!(flagged && name == "violence")),
        "category_scores": each(&|name| json!(if flagged && name == "violence" { 0.9 } else { 0.01 })),
        "category_applied_input_types": each(&|_| json!(["text"])),
    });
    json!({"id": "modr-testkit", "model": model, "results": [result]})
}

/// As Cohere and Jina answer: the documents in the order given, with falling scores.
fn rerank(model: &str, body: &Value, tokens: u64) -> Value {
    let count = list(body, "documents").len();
    let top = body["top_n"].as_u64().map_or(count, |top| count.min(top as usize));
    let results = (0..top).map(|index| json!({"index": index, "relevance_score": 1.0 / (index + 1) as f64}));
    json!({"id": "rerank-testkit", "model": model, "results": results.collect::<Vec<_>>(),
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        "usage": {"total_tokens": tokens}})
}

fn models(vendor: Vendor) -> Value {
    let all: Vec<Value> = MODELS.iter().map(|name| model(vendor, name)).collect();
    match vendor {
        Vendor::OpenAi => json!({"object": "list", "data": all}),
        Vendor::Anthropic => {
            json!({"data": all, "has_more": false, "first_id": MODELS[0], "last_id": MODELS[8]})
        }
        Vendor::Gemini => json!({"models": all}),
    }
}

fn model(vendor: Vendor, name: &str) -> Value {
    match vendor {
        Vendor::OpenAi => json!({"id": name, "object": "model", "created": CREATED, "owned_by": "testkit"}),
        Vendor::Anthropic => {
            json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"})
        }
        Vendor::Gemini => json!({
            "name": format!("models/{name}"), "version": "001", "displayName": name,
            "inputTokenLimit": 131_072, "outputTokenLimit": 8192,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }),
    }
}

/// The value of a plain field of a multipart body.
pub(crate) fn form_field(upload: &[u8], name: &str) -> Option<String> {
    let part = part_of(upload, &format!("name=\"{name}\""))?;
    String::from_utf8(part.to_vec()).ok()
}

fn file_size(upload: &[u8]) -> usize {
    part_of(upload, "filename=").map_or(0, <[u8]>::len)
}

/// What stands between the head of the part whose head holds `mark` and the next boundary.
fn part_of<'a>(upload: &'a [u8], mark: &str) -> Option<&'a [u8]> {
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let part = &upload[find(upload, mark.as_bytes())?..];
    let content = &part[find(part, b"\r\n\r\n")? + 4..];
    Some(&content[..find(content, b"\r\n--")?])
}
