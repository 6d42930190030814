//! What the drill's providers and callers say, as bytes on the wire.

use super::config::{MODEL, key};

/// A caller's prompt in bytes: some thousand tokens, as of a chat with a history.
const PROMPT: usize = 8 * 1024;

/// A request of a tenant.
pub(crate) fn request(tenant: &str, high: bool, streams: bool) -> String {
    let prompt = "what became of the night train ".repeat(PROMPT / 31);
    let body = format!(
        "{{\"model\":\"{MODEL}\",\"stream\":{streams},\"messages\":[{{\"role\":\"user\",\"content\":\"{prompt}\"}}]}}"
    );
    let priority = if high { "x-tidegate-priority: high\r\n" } else { "" };
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: tidegate\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\n{priority}content-length: {}\r\n\r\n{body}",
        key(tenant, high),
        body.len()
    )
}

/// What a proper answer has in its last bytes.
pub(crate) fn proper_end(streams: bool) -> &'static [u8] {
    if streams { b"[DONE]" } else { b"\"total_tokens\":20}}" }
}

/// An answer that is not streamed.
pub(crate) fn plain() -> String {
    response(
        "200 OK",
        "{\"id\":\"chatcmpl-drill\",\"object\":\"chat.completion\",\"created\":1760000000,\"model\":\"drill\",\"choices\":\
         [{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"It arrived.\"},\"finish_reason\":\"stop\"}],\
         \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":10,\"total_tokens\":20}}",
    )
}

/// A provider that gives up.
pub(crate) fn overloaded() -> String {
    error("503 Service Unavailable", "The server is overloaded.")
}

/// A provider's error.
pub(crate) fn error(status: &str, message: &str) -> String {
    response(status, &format!("{{\"error\":{{\"message\":\"{message}\",\"type\":\"server_error\"}}}}"))
}

/// A whole response with a body that calls itself JSON.
pub(crate) fn response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Event `place` of a stream of `count`, with the head before the first and the end behind the last.
pub(crate) fn event(place: usize, count: usize) -> String {
    let chunk = |delta: &str, finish: &str| {
        let data = format!(
            "data: {{\"id\":\"chatcmpl-drill\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\
             \"model\":\"drill\",\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"finish_reason\":{finish}}}]}}\n\n"
        );
        framed(&data)
    };
    let mut text = String::new();
    if place == 0 {
        text.push_str(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        );
    }
    text.push_str(&chunk("\"role\":\"assistant\",\"content\":\"clack \"", "null"));
    if place + 1 == count {
        text.push_str(&chunk("", "\"stop\""));
        text.push_str(&framed("data: [DONE]\n\n"));
        text.push_str("0\r\n\r\n");
    }
    text
}

fn framed(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}
