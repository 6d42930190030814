//! Tokens, counted once and in one convention for all vendors.

/// Token counts of one answer. Totals include their parts (wire cases 1 and 9):
/// `input` includes cached, cache-written, audio and image tokens; `output` includes reasoning and audio tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All prompt tokens.
    pub input: u64,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: u64,
    /// Prompt tokens written to the provider's cache, of any lifetime.
    pub cache_write: u64,
    /// The part of `cache_write` that lives for an hour.
    pub cache_write_1h: u64,
    /// Prompt tokens that were audio.
    pub input_audio: u64,
    /// Prompt tokens that were images.
    pub input_image: u64,
    /// All tokens of the answer.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
    /// The part of `output` that was audio.
    pub output_audio: u64,
    /// Web searches that the provider ran for this answer, as it counted them: what is on offer in `tools` says nothing
    /// about it (case 10).
    pub web_searches: u64,
    /// The tier that the provider says it served (`priority`, `flex`, `fast`, …); it changes the price (case 11).
    pub service_tier: Option<String>,
    /// What it cost, set by the gateway where the caller asked to be told (`usage.cost`).
    pub cost: Option<tidegate_core::NanoUsd>,
    /// True when counted by the gateway because the provider's count never came.
    pub estimated: bool,
}

impl Usage {
    /// Takes in a later, cumulative report: a later non-zero count replaces an earlier one (cases 2, 4, 6); counts are
    /// never added up. A part that the later report does not know keeps its earlier count.
    pub fn replace_with(&mut self, later: &Usage) {
        for (mine, theirs) in [
            (&mut self.input, later.input),
            (&mut self.cache_read, later.cache_read),
            (&mut self.cache_write, later.cache_write),
            (&mut self.cache_write_1h, later.cache_write_1h),
            (&mut self.input_audio, later.input_audio),
            (&mut self.input_image, later.input_image),
            (&mut self.output, later.output),
            (&mut self.reasoning, later.reasoning),
            (&mut self.output_audio, later.output_audio),
            (&mut self.web_searches, later.web_searches),
        ] {
            if theirs != 0 {
                *mine = theirs;
            }
        }
        if later.service_tier.is_some() {
            self.service_tier.clone_from(&later.service_tier);
        }
        self.estimated = later.estimated;
    }

    /// Most tokens that are believed of one request, or of its answer (fault 43).
    pub const MOST: u64 = 1_000_000_000;

    /// Whether these can be the tokens of one exchange.
    pub fn is_possible(&self) -> bool {
        self.input <= Self::MOST && self.output <= Self::MOST
    }

    /// `input` + `output`.
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_02_cumulative_usage_replaces_and_never_adds() {
        let mut usage = Usage { input: 10, output: 3, ..Usage::default() };
        usage.replace_with(&Usage { output: 7, ..Usage::default() });
        assert_eq!((usage.input, usage.output), (10, 7));
    }

    #[test]
    fn case_04_cache_counts_that_come_late_are_kept() {
        let mut usage = Usage { input: 10, ..Usage::default() };
        usage.replace_with(&Usage { input: 110, cache_read: 100, output: 5, ..Usage::default() });
        assert_eq!((usage.input, usage.cache_read, usage.output), (110, 100, 5));
    }
}
