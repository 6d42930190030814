//! Writes one JSON object on one line, straight into bytes: a third of the instructions that serde takes for it.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tidegate_core::NanoUsd;
use tidegate_core::digits::{push_address, push_number};
use tidegate_core::json::push_escaped;

use crate::clock::{push_millis, push_rfc3339};

/// A line that is being written. Names are our own: they need no escapes.
#[derive(Debug)]
pub struct JsonLine<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> JsonLine<'a> {
    /// Begins a line at the end of `out`.
    pub fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out }
    }

    /// Ends the line.
    pub fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    /// Any text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.out.push(b'"');
        push_escaped(self.out, text);
        self.out.push(b'"');
    }

    /// A whole number.
    pub fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        push_number(self.out, number, 1);
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str, is_set: bool) {
        self.name(name);
        self.out.extend_from_slice(if is_set { b"true" } else { b"false" });
    }

    /// A moment as RFC 3339 text.
    pub fn time(&mut self, name: &str, time: SystemTime) {
        self.name(name);
        self.out.push(b'"');
        push_rfc3339(self.out, time);
        self.out.push(b'"');
    }

    /// Milliseconds.
    pub fn millis(&mut self, name: &str, duration: Duration) {
        self.name(name);
        push_millis(self.out, duration);
    }

    /// US dollars.
    pub fn dollars(&mut self, name: &str, amount: NanoUsd) {
        self.name(name);
        amount.push_to(self.out);
    }

    /// Address and port as text.
    pub fn address(&mut self, name: &str, address: SocketAddr) {
        self.name(name);
        self.out.push(b'"');
        match address {
            SocketAddr::V4(address) => {
                push_address(self.out, (*address.ip()).into());
                self.out.push(b':');
                push_number(self.out, address.port().into(), 1);
            }
            // Writing to memory cannot fail.
            SocketAddr::V6(address) => drop(write!(self.out, "{address}")),
        }
        self.out.push(b'"');
    }

    fn name(&mut self, name: &str) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut JsonLine<'_>)) -> serde_json::Value {
        let mut out = Vec::new();
        let mut line = JsonLine::begin(&mut out);
        write(&mut line);
        line.end();
        assert_eq!(out.iter().position(|byte| *byte == b'\n'), Some(out.len() - 1));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_kind_of_value_is_json() {
        let value = written(|line| {
            line.number("number", u64::MAX);
            line.flag("flag", false);
            line.millis("millis", Duration::from_micros(1_005));
            line.dollars("dollars", NanoUsd(-1_500_000));
            line.address("four", "10.0.200.1:443".parse().unwrap());
            line.address("six", "[::1]:80".parse().unwrap());
            line.time("time", SystemTime::UNIX_EPOCH);
        });
        assert_eq!(
            value.to_string(),
            r#"{"number":18446744073709551615,"flag":false,"millis":1.005,"dollars":-0.0015,"four":"10.0.200.1:443","six":"[::1]:80","time":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(written(|_| {}), serde_json::json!({}));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(text in any::<String>(), controls in "[\u{0}-\u{1f}\"\\\\\u{7f}a{]{0,20}") {
            for text in [text, controls] {
                prop_assert_eq!(&written(|line| line.text("text", &text))["text"], &serde_json::json!(text));
            }
        }
    }
}
