//! Server-sent events: an incremental decoder that gives the same events for any chunking, and a writer.
//! Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream".

use memchr::memchr2;

/// One event. Both fields borrow from the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// The `event:` field; empty when there was none.
    pub name: &'a str,
    /// The `data:` lines, joined by newlines.
    pub data: &'a [u8],
}

/// A line or event over the limit (fault 41): the stream cannot be trusted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of over {0} bytes")]
pub struct SseTooLong(pub usize);

/// Decodes a byte stream into events. Comments, `id:` and `retry:` are skipped; CR, LF and CRLF all end a line.
#[derive(Debug)]
pub struct SseDecoder {
    line: Vec<u8>,
    name: String,
    data: Vec<u8>,
    has_data: bool,
    after_cr: bool,
    at_start: bool,
    limit: usize,
}

impl Default for SseDecoder {
    fn default() -> Self {
        Self::with_limit(Self::LIMIT)
    }
}

impl SseDecoder {
    /// Largest line or event that is taken, 16 MiB: providers send a whole image in base64 as one event, which is some
    /// megabytes.
    pub const LIMIT: usize = 16 << 20;
    /// Room that is kept from one event to the next; one large event must not hold memory to the stream's end.
    const KEPT: usize = 64 << 10;

    /// A decoder that refuses events of over `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            name: String::new(),
            data: Vec::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
            limit,
        }
    }

    /// Takes the next bytes and calls `on_event` for every event that they complete.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        on_event: &mut dyn FnMut(SseEvent<'_>),
    ) -> Result<(), SseTooLong> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                self.check(self.line.len() + bytes.len())?;
                self.line.extend_from_slice(bytes);
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            self.check(self.line.len() + end)?;
            if self.line.is_empty() {
                self.take_line(&bytes[..end], on_event)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.take_line(&line, on_event)?;
                line.clear();
                line.shrink_to(Self::KEPT);
                self.line = line;
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// The body has ended. An event whose lines are complete but whose blank line never came is given out: many
    /// servers leave it away. A half line is dropped, as the specification says.
    pub fn finish(&mut self, on_event: &mut dyn FnMut(SseEvent<'_>)) {
        self.dispatch(on_event);
    }

    /// Whether bytes of an unfinished line or event are waiting.
    pub fn is_mid_event(&self) -> bool {
        !self.line.is_empty() || self.has_data
    }

    fn check(&self, length: usize) -> Result<(), SseTooLong> {
        if length > self.limit { Err(SseTooLong(self.limit)) } else { Ok(()) }
    }

    fn take_line(
        &mut self,
        mut line: &[u8],
        on_event: &mut dyn FnMut(SseEvent<'_>),
    ) -> Result<(), SseTooLong> {
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(on_event);
            return Ok(());
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                self.check(self.data.len() + value.len() + 1)?;
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.push_str(&String::from_utf8_lossy(value));
            }
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, on_event: &mut dyn FnMut(SseEvent<'_>)) {
        if self.has_data {
            on_event(SseEvent { name: &self.name, data: &self.data });
        }
        self.name.clear();
        self.data.clear();
        self.data.shrink_to(Self::KEPT);
        self.has_data = false;
    }
}

/// Writes one event. `name` empty: no `event:` line. `data` must not contain line ends (JSON never does).
pub fn write_event(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

/// Writes one event whose data is `json`.
pub fn write_json(out: &mut Vec<u8>, name: &str, json: &impl serde::Serialize) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    let before = out.len();
    if serde_json::to_writer(&mut *out, json).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"{}");
    }
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut events = Vec::new();
        let mut decoder = SseDecoder::default();
        let mut keep = |event: SseEvent<'_>| {
            events.push((event.name.to_owned(), String::from_utf8_lossy(event.data).into_owned()));
        };
        for chunk in chunks {
            decoder.feed(chunk, &mut keep).unwrap();
        }
        decoder.finish(&mut keep);
        events
    }

    const MIXED: &str = "\u{feff}: hello\r\nevent: a\r\ndata: {\"x\":\r\ndata:1}\r\n\r\nid: 7\nretry: 5\ndata: grüße 🌊\n\n\rdata\r\rdata: last";

    #[test]
    fn fault_38_reads_every_line_end_comment_and_field() {
        let expected = vec![
            ("a".into(), "{\"x\":\n1}".into()),
            (String::new(), "grüße 🌊".into()),
            (String::new(), String::new()),
        ];
        assert_eq!(decode(&[MIXED.as_bytes()]), expected);
    }

    #[test]
    fn an_event_without_its_blank_line_is_given_at_the_end() {
        assert_eq!(decode(&[b"data: [DONE]\n"]), vec![(String::new(), "[DONE]".into())]);
    }

    #[test]
    fn fault_41_an_endless_line_is_refused() {
        let mut decoder = SseDecoder::with_limit(10);
        assert_eq!(decoder.feed(b"data: 12345678", &mut |_| {}), Err(SseTooLong(10)));
    }

    #[test]
    fn an_image_in_one_event_is_taken_and_its_room_given_back() {
        let event = [b"data: ".as_slice(), &vec![b'x'; 3 << 20], b"\n\n"].concat();
        let (mut decoder, mut lengths) = (SseDecoder::default(), Vec::new());
        for piece in event.chunks(100_000) {
            decoder.feed(piece, &mut |event| lengths.push(event.data.len())).unwrap();
        }
        assert_eq!(lengths, [3 << 20]);
        assert!(decoder.line.capacity() + decoder.data.capacity() <= 2 * SseDecoder::KEPT);
    }

    #[test]
    fn fault_37_cut_at_every_byte_gives_the_same_events() {
        let whole = decode(&[MIXED.as_bytes()]);
        for cut in 0..MIXED.len() {
            let (a, b) = MIXED.as_bytes().split_at(cut);
            assert_eq!(decode(&[a, b]), whole, "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(cuts in proptest::collection::vec(0usize..MIXED.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&MIXED.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&MIXED.as_bytes()[from..]);
            prop_assert_eq!(decode(&chunks), decode(&[MIXED.as_bytes()]));
        }

        #[test]
        fn any_bytes_are_taken_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            decode(&[&bytes]);
        }
    }
}
