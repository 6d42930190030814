//! A reader of server-sent events, written for tests and after the WHATWG's rules.

/// One event as it was dispatched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty if there was none.
    pub name: String,
    /// The `data` lines, joined by line feeds.
    pub data: String,
    /// The `id` field; empty if there was none.
    pub id: String,
}

impl Event {
    /// The data as JSON; `Null` if they are none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// Takes bytes in any portions and gives events. A last event without its blank line is never given.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
    comments: usize,
}

impl Reader {
    /// The events that these bytes complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if self.after_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ => self.line.push(byte),
            }
            self.after_cr = byte == b'\r';
        }
        events
    }

    /// How many comment lines have come.
    pub fn comments(&self) -> usize {
        self.comments
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => self.comments += 1,
            "event" => self.event.name = value.to_owned(),
            "id" => self.event.id = value.to_owned(),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

/// All events of a whole body.
pub fn read_all(body: &[u8]) -> Vec<Event> {
    Reader::default().push(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_line_ends_and_portions() {
        let text = ": hi\nevent: a\ndata: 1\ndata:2\n\ndata: 東\nid: 7\n\nretry: 3\n\ndata: lost";
        for eol in ["\n", "\r\n", "\r"] {
            let bytes = text.replace('\n', eol).into_bytes();
            let mut reader = Reader::default();
            let events: Vec<Event> = bytes.iter().flat_map(|byte| reader.push(&[*byte])).collect();
            let first = Event { name: "a".into(), data: "1\n2".into(), id: String::new() };
            let second = Event { name: String::new(), data: "東".into(), id: "7".into() };
            assert_eq!(events, [first, second], "{eol:?}");
            assert_eq!(reader.comments(), 1);
        }
    }
}
