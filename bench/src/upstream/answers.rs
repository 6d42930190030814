//! What the fake provider says: whole HTTP responses, cut into the writes that send them.

use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;

/// Size of a plain answer's body in bytes.
const BODY_SIZE: usize = 600;

/// Where in a body the model's name is looked for: near one of its ends, as in a 200 KB prompt the middle is text.
const LOOK: usize = 2048;

/// A response that has been made once and is only copied from then on.
pub(crate) struct Answer {
    pub(crate) writes: Vec<Bytes>,
    /// Between two writes.
    pub(crate) pace: Option<Duration>,
}

/// The part of a request on which its answer depends: whether it streams (`s` or `p`), whether it wants usage (`u` or
/// `-`), and the model's name.
pub(crate) fn key(body: &[u8]) -> Vec<u8> {
    let (start, end) =
        if body.len() > 2 * LOOK { (&body[..LOOK], &body[body.len() - LOOK..]) } else { (body, &[][..]) };
    let says = |what: &[u8]| memmem::find(start, what).is_some() || memmem::find(end, what).is_some();
    let mut key = Vec::with_capacity(32);
    key.push(if says(b"\"stream\":true") { b's' } else { b'p' });
    key.push(if says(b"\"include_usage\":true") { b'u' } else { b'-' });
    key.extend_from_slice(model(start).or_else(|| model(end)).unwrap_or(b"bench"));
    key
}

fn model(part: &[u8]) -> Option<&[u8]> {
    let mark = b"\"model\":\"";
    let name = &part[memmem::find(part, mark)? + mark.len()..];
    Some(&name[..memchr::memchr(b'"', name)?])
}

impl Answer {
    /// Makes what [`key`] asks for.
    pub(crate) fn make(key: &[u8]) -> Self {
        let model = String::from_utf8_lossy(key.get(2..).unwrap_or_default()).into_owned();
        let number = |mark: &str| {
            model.split('~').find_map(|word| word.strip_prefix(mark)).and_then(|text| text.parse().ok())
        };
        let pace = number("pace-").map(Duration::from_millis);
        if key.first() != Some(&b's') {
            return Self { writes: vec![plain(&model).into()], pace: None };
        }
        let pieces = number("n-").unwrap_or(64);
        let writes = stream(&model, pieces, key.get(1) == Some(&b'u'));
        Self { writes: writes.into_iter().map(Bytes::from).collect(), pace }
    }
}

fn plain(model: &str) -> String {
    let body = |text: &str| {
        format!(
            "{{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"{model}\",\
             \"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\",\"refusal\":null}},\
             \"logprobs\":null,\"finish_reason\":\"stop\"}}],{},\"service_tier\":\"default\"}}",
            usage(64)
        )
    };
    let text = "all work and no play ".repeat(BODY_SIZE / 21 + 1);
    let body = body(&text[..BODY_SIZE.saturating_sub(body("").len())]);
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: req_bench\r\n\r\n{body}",
        body.len()
    )
}

fn usage(pieces: u64) -> String {
    format!(
        "\"usage\":{{\"prompt_tokens\":200,\"completion_tokens\":{pieces},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":0}}}}",
        200 + pieces
    )
}

/// One write per event; the head goes with the first, the end with the last.
fn stream(model: &str, pieces: u64, include_usage: bool) -> Vec<String> {
    let start = format!(
        "\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"{model}\",\
         \"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\""
    );
    let choice = |delta: &str, finish: &str| {
        format!(
            "{{{start},\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":{finish}}}]}}"
        )
    };
    let mut events = vec![choice("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null", "null")];
    events.extend((0..pieces).map(|piece| choice(&format!("\"content\":\" word{piece:04}\""), "null")));
    events.push(choice("", "\"stop\""));
    if include_usage {
        events.push(format!("{{{start},\"choices\":[],{}}}", usage(pieces)));
    }
    events.push("[DONE]".to_owned());
    let mut writes: Vec<String> = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .map(|event| format!("{:x}\r\n{event}\r\n", event.len()))
        .collect();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n\
                transfer-encoding: chunked\r\nx-request-id: req_bench\r\n\r\n";
    if let Some(first) = writes.first_mut() {
        first.insert_str(0, head);
    }
    if let Some(last) = writes.last_mut() {
        last.push_str("0\r\n\r\n");
    }
    writes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_at_both_ends() {
        let long = "x".repeat(100_000);
        let first = format!("{{\"model\":\"bench~n-3\",\"stream\":true,\"text\":\"{long}\"}}");
        assert_eq!(key(first.as_bytes()), b"s-bench~n-3");
        let last = format!("{{\"text\":\"{long}\",\"model\":\"bench\"}}");
        assert_eq!(key(last.as_bytes()), b"p-bench");
    }

    #[test]
    fn a_plain_answer_is_json_of_600_bytes() {
        let answer = plain("bench");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), BODY_SIZE);
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }

    #[test]
    fn a_stream_is_one_write_per_event() {
        let answer = Answer::make(b"subench~n-64~pace-10");
        assert_eq!(answer.writes.len(), 64 + 4);
        assert_eq!(answer.pace, Some(Duration::from_millis(10)));
        let first = std::str::from_utf8(&answer.writes[0]).unwrap();
        let data = first.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        serde_json::from_str::<serde_json::Value>(data).unwrap();
        assert!(answer.writes[67].ends_with(b"data: [DONE]\n\n\r\n0\r\n\r\n"));
    }
}
