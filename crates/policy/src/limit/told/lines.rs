//! Header lines about limits, their values in one buffer.

/// A header: its place in [`NAMES`].
pub type Name = usize;

/// The names of all headers about limits that change with each request, in lower case. Those that belong together (limit, remaining, reset) follow each other.
pub const NAMES: [&str; 22] = [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-output-tokens-limit",
    "anthropic-ratelimit-output-tokens-remaining",
    "anthropic-ratelimit-output-tokens-reset",
    "x-tidegate-budget-limit",
    "x-tidegate-budget-remaining",
    "x-tidegate-budget-reset",
    "ratelimit",
];

pub(super) const OPENAI_REQUESTS: Name = 0;
pub(super) const OPENAI_TOKENS: Name = 3;
pub(super) const ANTHROPIC_REQUESTS: Name = 6;
pub(super) const ANTHROPIC_TOKENS: Name = 9;
pub(super) const ANTHROPIC_INPUT: Name = 12;
pub(super) const ANTHROPIC_OUTPUT: Name = 15;
pub(super) const BUDGET: Name = 18;
pub(super) const LIMIT: Name = 21;

/// Headers in the making.
#[derive(Debug)]
pub struct Lines {
    text: Vec<u8>,
    /// Of each the name, and where its value ends.
    lines: Vec<(Name, usize)>,
    /// Whether values are wanted that follow from the rules alone.
    has_fixed: bool,
}

impl Lines {
    /// No line yet; all will be taken.
    pub fn all() -> Self {
        // Room for what a handful of limits needs.
        Self { text: Vec::with_capacity(512), lines: Vec::with_capacity(16), has_fixed: true }
    }

    /// No line yet; those are left out whose values follow from the rules alone.
    pub fn changing() -> Self {
        Self { has_fixed: false, ..Self::all() }
    }

    /// The values, printable ASCII one after the other, and of each line the name and where its value ends.
    pub fn into_parts(self) -> (Vec<u8>, Vec<(Name, usize)>) {
        (self.text, self.lines)
    }

    pub(super) fn add(&mut self, name: Name, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        self.lines.push((name, self.text.len()));
    }

    /// Adds a line whose value follows from the rule alone.
    pub(super) fn add_fixed(&mut self, name: Name, write: impl FnOnce(&mut Vec<u8>)) {
        if self.has_fixed {
            self.add(name, write);
        }
    }
}
