//! Writes a stream for a caller.

use crate::codec::Reply;
use crate::hub::Event;

/// The state of one stream being written.
#[derive(Debug)]
pub struct Encoder {
    _reply: Reply,
}

impl Encoder {
    /// A stream that has not begun.
    pub fn new(reply: Reply) -> Self {
        Self { _reply: reply }
    }

    /// Appends the bytes that tell `event`.
    pub fn encode(&mut self, _event: &Event, _out: &mut Vec<u8>) {}
}
