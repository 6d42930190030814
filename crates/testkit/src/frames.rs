//! From events and bodies to the bytes and pauses that make an answer.

use std::time::Duration;

use bytes::Bytes;

use crate::compress::Encoder;
use crate::render::{Event, Kind};
use crate::script::{Ending, Framing, How, Script};

/// One step of an answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    /// Lets what was sent leave the process before the next step.
    Flush,
    Pause(Duration),
    /// Sends the same bytes until the client is gone.
    Forever(Bytes, Option<Duration>),
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// The connection ends without the body's proper end.
    Cut,
    /// The connection ends with a TCP reset.
    Reset,
}

/// How a stream of events is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Sse,
    /// Gemini without `alt=sse`: one JSON array that grows.
    JsonArray,
}

const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";
/// Comments after the finish, where `heartbeat` ends at all.
const HEARTBEATS: usize = 5;
const HEARTBEAT_PAUSE: Duration = Duration::from_millis(20);
/// Size of the pieces in which a plain body is counted by `cut-N` and its like, in bytes.
const PIECE: usize = 16;
/// Time between the last bytes and a reset: a reset may overtake what was just sent.
const BEFORE_RESET: Duration = Duration::from_millis(10);

/// The steps of a stream.
pub(crate) fn of_events(script: &Script, events: &[Event], style: Style) -> Vec<Step> {
    let mut frames: Vec<Vec<u8>> = match style {
        Style::Sse => sse_frames(&script.framing, events),
        Style::JsonArray => array_frames(events),
    };
    let faults = &script.faults;
    let endless = script.shape.no_done || script.shape.no_finish;
    let tail = match (faults.ending, faults.huge_line, script.framing.heartbeat) {
        (_, true, _) => {
            frames.truncate(2);
            frames.push(b"data: ".to_vec());
            Some(Step::Forever(Bytes::from(vec![b'x'; 64 * 1024]), None))
        }
        (Some(Ending { after, how: How::Stall }), _, true) => {
            frames.truncate(after);
            Some(Step::Forever(Bytes::from_static(KEEP_ALIVE), Some(HEARTBEAT_PAUSE)))
        }
        (Some(ending), ..) => {
            frames.truncate(ending.after);
            Some(last_step(ending.how))
        }
        (None, _, true) if endless => {
            Some(Step::Forever(Bytes::from_static(KEEP_ALIVE), Some(HEARTBEAT_PAUSE)))
        }
        _ => None,
    };
    lay_out(script, frames, tail)
}

/// The steps of a plain body, and the length that its head claims.
pub(crate) fn of_body(script: &Script, body: Vec<u8>) -> (Vec<Step>, usize) {
    let framing = &script.framing;
    let body = Encoder::whole(framing.compression, &body).unwrap_or(body);
    let length = body.len() + if script.faults.truncated { 100 } else { 0 };
    let in_pieces = script.faults.ending.is_some() || framing.pace.is_some();
    if !in_pieces && !framing.split && framing.trickle.is_none() {
        return (vec![Step::Send(body.into())], length);
    }
    let mut frames: Vec<Vec<u8>> = body.chunks(PIECE).map(<[u8]>::to_vec).collect();
    let tail = script.faults.ending.map(|ending| {
        frames.truncate(ending.after);
        last_step(ending.how)
    });
    // The body is compressed already.
    let mut plain = script.clone();
    plain.framing.compression = None;
    (lay_out(&plain, frames, tail), length)
}

fn last_step(how: How) -> Step {
    match how {
        How::Stall => Step::Stall,
        How::Cut => Step::Cut,
        How::Reset => Step::Reset,
    }
}

fn lay_out(script: &Script, frames: Vec<Vec<u8>>, tail: Option<Step>) -> Vec<Step> {
    let framing = &script.framing;
    let mut encoder = Encoder::new(framing.compression);
    let mut steps = vec![Step::Flush];
    steps.extend(script.faults.first_delay.map(Step::Pause));
    for (at, frame) in frames.into_iter().enumerate() {
        if at > 0 {
            steps.push(framing.pace.map_or(Step::Flush, Step::Pause));
        }
        let frame = encoder.piece(&frame).unwrap_or(frame);
        send(framing, frame, &mut steps);
    }
    match tail {
        Some(tail) => {
            steps.push(if tail == Step::Reset { Step::Pause(BEFORE_RESET) } else { Step::Flush });
            steps.push(tail);
        }
        None => {
            steps.extend(encoder.finish().map(|rest| Step::Send(rest.into())));
            // The answer ends with its last byte: a client may leave then without having cancelled anything.
            while matches!(steps.last(), Some(Step::Flush | Step::Pause(_))) {
                steps.pop();
            }
        }
    }
    steps
}

/// One write per frame, or one per byte.
fn send(framing: &Framing, frame: Vec<u8>, steps: &mut Vec<Step>) {
    if !framing.split && framing.trickle.is_none() {
        return steps.push(Step::Send(frame.into()));
    }
    let frame = Bytes::from(frame);
    for at in 0..frame.len() {
        steps.push(Step::Send(frame.slice(at..=at)));
        steps.push(framing.trickle.map_or(Step::Flush, Step::Pause));
    }
}

fn sse_frames(framing: &Framing, events: &[Event]) -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = Vec::with_capacity(events.len());
    let mut joins = false;
    for (at, event) in events.iter().enumerate() {
        let frame = sse_frame(framing, at, event);
        if let (true, Some(last)) = (joins, frames.last_mut()) {
            // Takes the blank line away, so that both are one event with two `data` lines.
            last.truncate(last.len() - eol(framing).len());
            last.extend(frame);
        } else {
            frames.push(frame);
        }
        joins = framing.joined && event.kind == Kind::Finish;
        if framing.heartbeat && event.kind == Kind::Finish {
            frames.extend(std::iter::repeat_n(KEEP_ALIVE.to_vec(), HEARTBEATS));
        }
    }
    frames
}

fn eol(framing: &Framing) -> &'static str {
    match (framing.odd, framing.lone_cr) {
        (_, true) => "\r",
        (true, _) => "\r\n",
        _ => "\n",
    }
}

fn sse_frame(framing: &Framing, at: usize, event: &Event) -> Vec<u8> {
    let eol = eol(framing);
    let space = if framing.odd { "" } else { " " };
    let mut text = String::with_capacity(event.data.len() + 64);
    if framing.odd {
        text.push_str(&format!(": comment {at}{eol}id: {at}{eol}retry: 3000{eol}"));
    }
    if let Some(name) = event.name {
        text.push_str(&format!("event:{space}{name}{eol}"));
    }
    let data = if framing.multi_data { over_many_lines(&event.data) } else { event.data.clone() };
    for line in data.split('\n') {
        text.push_str(&format!("data:{space}{line}{eol}"));
    }
    text.push_str(eol);
    text.into_bytes()
}

fn over_many_lines(data: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(data);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| data.to_owned())
}

fn array_frames(events: &[Event]) -> Vec<Vec<u8>> {
    let before = |at: usize| if at == 0 { "[" } else { ",\r\n" };
    let after = |at: usize| if at + 1 == events.len() { "]" } else { "" };
    let frame =
        |(at, event): (usize, &Event)| format!("{}{}{}", before(at), event.data, after(at)).into_bytes();
    events.iter().enumerate().map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<Event> {
        let event = |kind, name, data: &str| Event { kind, name, data: data.to_owned() };
        vec![
            event(Kind::Delta, Some("delta"), "{\"a\":1}"),
            event(Kind::Finish, None, "{\"b\":2}"),
            event(Kind::End, None, "[DONE]"),
        ]
    }

    fn steps(model: &str) -> Vec<Step> {
        of_events(&Script::parse(model).unwrap(), &events(), Style::Sse)
    }

    fn text(steps: &[Step]) -> String {
        let sent = steps
            .iter()
            .filter_map(|step| if let Step::Send(bytes) = step { Some(&bytes[..]) } else { None });
        String::from_utf8(sent.collect::<Vec<_>>().concat()).unwrap()
    }

    #[test]
    fn plain_frames() {
        let expected = "event: delta\ndata: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n";
        assert_eq!(text(&steps("text")), expected);
        assert_eq!(text(&steps("text~split")), expected);
        assert!(steps("text~split").iter().all(|s| !matches!(s, Step::Send(bytes) if bytes.len() != 1)));
    }

    #[test]
    fn odd_frames() {
        let first = ": comment 0\r\nid: 0\r\nretry: 3000\r\nevent:delta\r\ndata:{\"a\":1}\r\n\r\n";
        assert!(text(&steps("text~crlf")).starts_with(first));
        assert!(text(&steps("text~cr")).starts_with("event: delta\rdata: {\"a\":1}\r\r"));
        assert!(
            text(&steps("text~multidata"))
                .starts_with("event: delta\ndata: {\ndata:   \"a\": 1\ndata: }\n\n")
        );
        assert!(text(&steps("text~joined")).ends_with("data: {\"b\":2}\ndata: [DONE]\n\n"));
    }

    #[test]
    fn endings() {
        assert_eq!(steps("text~cut-1").last(), Some(&Step::Cut));
        assert_eq!(text(&steps("text~cut-1")), "event: delta\ndata: {\"a\":1}\n\n");
        assert_eq!(steps("text~stallafter-2").last(), Some(&Step::Stall));
        assert_eq!(steps("text~reset-2").last(), Some(&Step::Reset));
        assert!(
            matches!(steps("text~hugeline").last(), Some(Step::Forever(bytes, None)) if !bytes.contains(&b'\n'))
        );
        assert!(matches!(steps("text~heartbeat~nodone").last(), Some(Step::Forever(_, Some(_)))));
        assert_eq!(text(&steps("text~heartbeat")).matches(": keep-alive").count(), 5);
    }

    #[test]
    fn a_plain_body_may_claim_too_much() {
        let script = Script::parse("text~truncated").unwrap();
        let (steps, length) = of_body(&script, b"{}".to_vec());
        assert_eq!((steps, length), (vec![Step::Send(Bytes::from_static(b"{}"))], 102));
    }
}
