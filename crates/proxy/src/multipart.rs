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
    let starts = memmem::find_iter(body, mark.as_bytes()).filter(|at| is_delimiter(body, *at, mark.len()));
    let starts: Vec<usize> = starts.take(PARTS + 1).collect();
    for pair in starts.windows(2) {
        parts += 1;
        if parts >= PARTS {
            return Err(BadRequest::body(format!("the form has more than {PARTS} parts")));
        }
        let part = pair[0] + mark.len()..pair[1];
        let Some(gap) = memmem::find(&body[part.clone()], b"\r\n\r\n") else {
            return Err(BadRequest::body("a part of the form has no end of its headers"));
        };
        if name(&String::from_utf8_lossy(&body[part.start..part.start + gap])) != Some("model") {
            continue;
        }
        // The line end before the next delimiter belongs to that.
        let range = part.start + gap + 4..part.end - 2;
        let value = body.get(range.clone()).and_then(|value| std::str::from_utf8(value).ok());
        let value = value.ok_or_else(|| BadRequest::field("model", "`model` must be text"))?.to_owned();
        if found.replace(ModelField { value, range }).is_some() {
            return Err(BadRequest::field("model", "`model` is there twice"));
        }
    }
    Ok(found)
}

/// Whether the mark at `at` stands at a line's start and is followed by the line's end or by `--`; else it is content.
fn is_delimiter(body: &[u8], at: usize, length: usize) -> bool {
    let after = &body[at + length..];
    (at == 0 || body[..at].ends_with(b"\r\n")) && (after.starts_with(b"\r\n") || after.starts_with(b"--"))
}

/// The field's name, out of a part's headers.
fn name(head: &str) -> Option<&str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let (_, disposition) = headers.find(|(key, _)| key.trim().eq_ignore_ascii_case("content-disposition"))?;
    parameter(disposition, "name")
}

fn boundary(content_type: &str) -> Option<&str> {
    let value = parameter(content_type, "boundary")?;
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

/// The value of `key=value` or `key="value"` behind the first semicolon. Semicolons inside quotes part nothing.
fn parameter<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (mut quoted, mut escaped) = (false, false);
    let mut parts = header.split(move |c| {
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        c == ';' && !quoted
    });
    parts.find_map(|part| {
        let (found, value) = part.split_once('=')?;
        found.trim().eq_ignore_ascii_case(key).then(|| value.trim().trim_matches('"'))
    })
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

    fn model_of(kind: &str, body: &str) -> Option<String> {
        model(kind, body.as_bytes()).unwrap().map(|field| field.value)
    }

    #[test]
    fn only_the_field_of_that_name_is_the_model() {
        let with = |disposition: &str| {
            model_of(TYPE, &format!("--xyz\r\nA: name=model\r\n{disposition}\r\n\r\nm\r\n--xyz--\r\n"))
        };
        for good in [
            "Content-Disposition: form-data; name=\"model\"",
            "content-disposition:form-data;NAME=model ; x=y",
            "Content-Disposition: form-data; filename=\"a;\\\";b\"; name=\"model\"",
        ] {
            assert_eq!(with(good).as_deref(), Some("m"), "{good}");
        }
        for other in [
            "Content-Disposition: form-data; name=\"file\"; filename=\"model\"",
            "Content-Disposition: form-data; filename=\"a; name=model; b\"; name=\"file\"",
            "Content-Disposition: form-data; name=\"models\"",
            "X: form-data; name=\"model\"",
        ] {
            assert_eq!(with(other), None, "{other}");
        }
    }

    #[test]
    fn a_boundary_counts_only_as_a_line_of_its_own() {
        let inside = "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na--xyz\r\nb\r\n--xyzz\r\n--xyz--\r\n";
        assert_eq!(model_of(TYPE, inside).as_deref(), Some("a--xyz\r\nb\r\n--xyzz"));
        let kind = "Multipart/Form-Data; charset=utf-8; BOUNDARY=\"xyz\"";
        assert_eq!(model_of(kind, inside), model_of(TYPE, inside));
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
