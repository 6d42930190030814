//! Reads a provider's stream.

use crate::codec::MalformedEvent;
use crate::hub::Event;
use crate::sse::SseEvent;

/// The state of one stream being read.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// Appends what `event` means to `out`.
    pub fn decode(&mut self, _event: SseEvent<'_>, _out: &mut Vec<Event>) -> Result<(), MalformedEvent> {
        Ok(())
    }

    /// The body has ended.
    pub fn finish(&mut self, _out: &mut Vec<Event>) {}
}
