//! Finds the model in a `multipart/form-data` body (RFC 7578), without taking the body apart.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use tidegate_llm::BadRequest;

/// Most parts that are looked at.
const PARTS: usize = 100;

/// The field `model` and where its value stands.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelField {
    /// The value.
    pub value: String,
    range: Range<usize>,
}

impl ModelField {
    /// The body with another value.
    pub fn replace(&self, body: &Bytes, value: &str) -> Bytes {
        if value == self.value {
            return body.clone();
        }
        let mut out = BytesMut::with_capacity(body.len() + value.len());
        out.extend_from_slice(&body[..self.range.start]);
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(&body[self.range.end..]);
        out.freeze()
    }
}

/// Finds the field `model`; `None` when the form has none.
pub fn model(content_type: &str, body: &[u8]) -> Result<Option<ModelField>, BadRequest> {
    let boundary = boundary(content_type)
        .ok_or_else(|| BadRequest::body("multipart/form-data needs a boundary in its content-type"))?;
    let mark = format!("--{boundary}");
    let mut found = None;
    let mut parts = 0;
    let starts: Vec<usize> = memmem::find_iter(body, mark.as_bytes()).take(PARTS + 1).collect();
    for pair in starts.windows(2) {
        parts += 1;
        if parts >= PARTS {
            return Err(BadRequest::body(format!("the form has more than {PARTS} parts")));
        }
        let part = pair[0] + mark.len()..pair[1];
        let Some(gap) = memmem::find(&body[part.clone()], b"\r\n\r\n") else {
            return Err(BadRequest::body("a part of the form has no end of its headers"));
        };
        let head = String::from_utf8_lossy(&body[part.start..part.start + gap]).to_ascii_lowercase();
        if !head.contains("name=\"model\"") && !head.contains("name=model") {
            continue;
        }
        let range = part.start + gap + 4..part.end - usize::from(body[..part.end].ends_with(b"\r\n")) * 2;
        let value = body.get(range.clone()).and_then(|value| std::str::from_utf8(value).ok());
        let value = value.ok_or_else(|| BadRequest::field("model", "`model` must be text"))?.to_owned();
        if found.replace(ModelField { value, range }).is_some() {
            return Err(BadRequest::field("model", "`model` is there twice"));
        }
    }
    Ok(found)
}

fn boundary(content_type: &str) -> Option<&str> {
    let value = content_type.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let value = value.trim_matches('"');
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TYPE: &str = "multipart/form-data; boundary=xyz";
    const BODY: &[u8] =
        b"--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--xyz\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"../../a\"\r\n\r\n\x00\x01\r\n--xyz--\r\n";

    #[test]
    fn the_model_is_found_and_replaced() {
        let field = model(TYPE, BODY).unwrap().unwrap();
        assert_eq!(field.value, "whisper-1");
        let changed = field.replace(&Bytes::from_static(BODY), "large");
        assert_eq!(model(TYPE, &changed).unwrap().unwrap().value, "large");
        assert_eq!(changed.len(), BODY.len() - 4);
    }

    #[test]
    fn fault_35_a_form_without_boundary_or_with_thousands_of_parts_is_refused() {
        assert!(model("multipart/form-data", BODY).is_err());
        let many = b"--xyz\r\nA: b\r\n\r\nc\r\n".repeat(10_000);
        assert!(model(TYPE, &many).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut body = b"--xyz".to_vec();
            body.extend(bytes);
            body.extend(b"--xyz");
            let _ = model(TYPE, &body);
        }
    }
}
