//! One event as it stands in a stream, taken apart without copying.

use crate::sse::{SseDecoder, SseEvent};

/// Calls `on_event` with the event that `frame` holds: its lines and the blank line behind them. Comments give none.
pub(super) fn read<T>(frame: &[u8], mut on_event: impl FnMut(SseEvent<'_>) -> T) -> Option<T> {
    if let Some(event) = simple(frame) {
        return event.map(on_event);
    }
    let mut seen = None;
    let mut decoder = SseDecoder::with_limit(frame.len() + 1);
    let mut on = |event: SseEvent<'_>| seen = Some(on_event(event));
    // The limit is the frame's own length: it cannot be too long.
    let _ = decoder.feed(frame, &mut on);
    decoder.finish(&mut on);
    seen
}

/// The event of a frame with at most one line of data. `None`: needs the whole decoder. `Some(None)`: no event.
fn simple(frame: &[u8]) -> Option<Option<SseEvent<'_>>> {
    if memchr::memchr(b'\r', frame).is_some() || frame.starts_with("\u{feff}".as_bytes()) {
        return None;
    }
    let (mut name, mut data) = ("", None);
    for line in frame.split(|byte| *byte == b'\n') {
        if let Some(value) = value_of(line, b"data") {
            if data.replace(value).is_some() {
                return None;
            }
        } else if let Some(value) = value_of(line, b"event") {
            name = std::str::from_utf8(value).ok()?;
        }
    }
    Some(data.map(|data| SseEvent { name, data }))
}

fn value_of<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(field)?;
    let value = if rest.is_empty() { rest } else { rest.strip_prefix(b":")? };
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(frame: &[u8]) -> Option<(String, Vec<u8>)> {
        read(frame, |event| (event.name.to_owned(), event.data.to_vec()))
    }

    #[test]
    fn fault_38_every_way_of_writing_an_event_is_read() {
        let expected = Some(("a".to_owned(), b"{}".to_vec()));
        for frame in
            ["event: a\ndata: {}\n\n", "data:{}\nid: 1\nevent:a\n\n", ": c\r\nevent: a\r\ndata: {}\r\n\r\n"]
        {
            assert_eq!(seen(frame.as_bytes()), expected, "{frame:?}");
        }
        assert_eq!(seen(b"data: a\ndata: b\n\n"), Some((String::new(), b"a\nb".to_vec())));
        assert_eq!(seen(b": keep-alive\n\n"), None);
    }

    proptest! {
        #[test]
        fn the_short_way_gives_what_the_decoder_gives(lines in proptest::collection::vec(
            "(data|event|id|x|)(: ?)?[a-z:]{0,4}", 0..5)
        ) {
            let frame = format!("{}\n\n", lines.iter().filter(|line| !line.is_empty()).cloned().collect::<Vec<_>>().join("\n"));
            let mut whole = None;
            let mut decoder = SseDecoder::default();
            decoder.feed(frame.as_bytes(), &mut |event| whole = Some((event.name.to_owned(), event.data.to_vec()))).unwrap();
            prop_assert_eq!(seen(frame.as_bytes()), whole);
        }
    }
}
