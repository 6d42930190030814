//! Arbitrary JSON with the keys that Gemini's decoders look for.

use proptest::prelude::*;
use serde_json::Value;

const KEYS: &[&str] = &[
    "allowedFunctionNames",
    "args",
    "candidates",
    "content",
    "contents",
    "data",
    "error",
    "finishReason",
    "functionCall",
    "functionCallingConfig",
    "functionDeclarations",
    "functionResponse",
    "generationConfig",
    "groundingMetadata",
    "groundingSupports",
    "id",
    "inlineData",
    "name",
    "parameters",
    "parts",
    "promptFeedback",
    "response",
    "role",
    "systemInstruction",
    "text",
    "thinkingConfig",
    "thought",
    "thought_signature",
    "toolConfig",
    "tools",
    "type",
    "usageMetadata",
];

/// Any JSON, nested up to six deep.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 5, |inner| {
        let pair = (proptest::sample::select(KEYS), inner.clone());
        let object = |pairs: Vec<(&str, Value)>| -> Value {
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        };
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            proptest::collection::vec(pair, 0..5).prop_map(object),
        ]
    })
}
