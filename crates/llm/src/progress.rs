//! What is known of an answer while it comes in; the same for streams that pass and streams that are translated.

use crate::fault::UpstreamFault;
use crate::usage::Usage;

/// What is known of one answer so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The model as the provider named it.
    pub model: Option<String>,
    /// The last report of tokens, if any came.
    pub usage: Option<Usage>,
    /// Bytes of text, thoughts and tool arguments so far: the ground for an estimate when no report comes.
    pub text_bytes: u64,
    /// Whether anything came that only a working answer has; from then on no other target can take over.
    pub good: bool,
    /// Whether the provider told why the answer ended.
    pub finished: bool,
    /// Whether the stream ended as its dialect wants it. If not when the body ends, it was cut.
    pub ended: bool,
    /// Whether the provider reported an error inside the stream.
    pub failed: bool,
    /// Events that were not what the dialect promises and were skipped (case 26).
    pub malformed: u32,
}

impl Progress {
    /// Bytes of text that one token stands for when tokens must be guessed: about four in English prose.
    pub const BYTES_PER_TOKEN: u64 = 4;

    /// Takes in a report of tokens: a later one replaces an earlier one (case 2).
    pub fn note_usage(&mut self, later: &Usage) {
        match &mut self.usage {
            Some(usage) => usage.replace_with(later),
            None => self.usage = Some(later.clone()),
        }
    }

    /// Tokens of the answer guessed from its text.
    pub fn guessed_output(&self) -> u64 {
        self.text_bytes.div_ceil(Self::BYTES_PER_TOKEN)
    }
}

/// What one event of a stream means to whoever relays it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The answer has begun for good: commit.
    Good,
    /// Says nothing about the answer (a preamble, a ping): hold it back until something good comes.
    Neutral,
    /// A usage report that the caller did not ask for: do not pass it on (case 5, fault 44).
    Withhold,
    /// The provider reported an error. Before the commit, try another target.
    Error(UpstreamFault),
    /// Not what the dialect promises (case 26).
    Malformed,
}
