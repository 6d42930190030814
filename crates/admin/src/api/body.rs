//! Bodies of requests: JSON, not larger than needed, not slower than needed, every wrong field named.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tidegate_store::keys::FieldError;

use super::problem::{Kind, Problem, wrong};

/// Largest body, in bytes.
pub(crate) const LARGEST: usize = 64 << 10;
/// Longest time that a body may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Reads a JSON object. Without a body: an empty one, unless a body is required.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    is_required: bool,
) -> Result<Map<String, Value>, Problem> {
    let too_large = || Problem::new(Kind::TooLarge, format!("a body may have {LARGEST} bytes at most"));
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|length| length > LARGEST as u64) {
        return Err(too_large());
    }
    let bytes = match tokio::time::timeout(LONGEST, Limited::new(body, LARGEST).collect()).await {
        Err(_) => return Err(Problem::new(Kind::Slow, format!("a body has {} s", LONGEST.as_secs()))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(Problem::new(Kind::Invalid, "the body ended before its end")),
        Ok(Ok(whole)) => whole.to_bytes(),
    };
    if bytes.is_empty() {
        return if is_required {
            Err(Problem::new(Kind::Invalid, "there is no body"))
        } else {
            Ok(Map::new())
        };
    }
    if !is_json(headers) {
        return Err(Problem::new(Kind::MediaType, "send it with `content-type: application/json`"));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::new(Kind::Invalid, "the body must be a JSON object")),
        Err(error) => Err(Problem::new(Kind::Invalid, format!("the body is no JSON: {error}"))),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(media_type)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/merge-patch+json"].iter().any(|json| essence.eq_ignore_ascii_case(json))
}

/// A written shape whose fields can be tried one by one, so that all that are wrong are named and not only the first.
pub(crate) trait Written: DeserializeOwned {
    /// Lists of objects in it, each with a good object to try an element's fields with.
    fn lists() -> Vec<(&'static str, Trial)>;
}

/// Tries an object's fields.
pub(crate) type Trial = fn(&Value) -> Vec<FieldError>;

/// Makes an object a written shape, or names every field that has the wrong type or is unknown.
pub(crate) fn shape<T: Written>(object: Map<String, Value>) -> Result<T, Problem> {
    let whole = Value::Object(object);
    let error = match serde_json::from_value::<T>(whole.clone()) {
        Ok(written) => return Ok(written),
        Err(error) => error,
    };
    let lists = T::lists();
    let mut errors = Vec::new();
    for (field, value) in whole.as_object().into_iter().flatten() {
        match lists.iter().find(|(list, _)| list == field) {
            Some((_, trial)) if value.is_array() => {
                for (place, element) in value.as_array().into_iter().flatten().enumerate() {
                    let inner = trial(element).into_iter();
                    errors.extend(inner.map(|error| within(&format!("{field}[{place}]"), error)));
                }
            }
            _ => errors.extend(try_alone::<T>(field, value, &Map::new())),
        }
    }
    if errors.is_empty() {
        errors.push(wrong("body", sentence(&error)));
    }
    Err(Problem::fields(errors))
}

fn within(place: &str, error: FieldError) -> FieldError {
    let field = if error.field.is_empty() { place.to_owned() } else { format!("{place}.{}", error.field) };
    FieldError { field, ..error }
}

/// Tries one field beside those of `good`, which are enough for the shape.
pub(crate) fn try_alone<T: DeserializeOwned>(
    field: &str,
    value: &Value,
    good: &Map<String, Value>,
) -> Option<FieldError> {
    let mut object = good.clone();
    object.insert(field.to_owned(), value.clone());
    let error = serde_json::from_value::<T>(Value::Object(object)).err()?;
    Some(wrong(field.chars().take(200).collect::<String>(), sentence(&error)))
}

/// serde's words as the end of a sentence about the field. They may repeat what was sent, so they are cut.
pub(crate) fn sentence(error: &serde_json::Error) -> String {
    let text: String = error.to_string().chars().take(300).collect();
    let text = text.split(" at line ").next().unwrap_or_default();
    if let Some(rest) = text.strip_prefix("unknown field ") {
        let known = rest.split_once(", expected ").map_or("", |(_, known)| known);
        return if known.is_empty() {
            "is unknown".to_owned()
        } else {
            format!("is unknown; there are {known}")
        };
    }
    if let Some(rest) = text.strip_prefix("unknown variant ") {
        let known = rest.split_once(", expected ").map_or("", |(_, known)| known);
        return format!("must be {known}");
    }
    match text.strip_prefix("missing field ") {
        Some(field) => format!("must have {field}"),
        None => format!("is wrong: {text}"),
    }
}

/// A JSON merge patch (RFC 7396): `null` takes a field away, objects are merged, everything else replaces.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (field, value) in patch {
        if value.is_null() {
            target.remove(field);
        } else {
            merge(target.entry(field.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_merge_as_in_the_appendix_of_rfc_7396() {
        for (mut target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            merge(&mut target, &patch);
            assert_eq!(target, result, "{patch}");
        }
    }
}
