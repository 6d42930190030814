//! Conditions on headers and parts of the query.

use regex::Regex;

/// One condition on a named value.
#[derive(Clone, Debug)]
pub struct Condition<N> {
    /// Which header, or which part of the query.
    pub name: N,
    /// What must hold of it.
    pub test: Test,
}

/// What must hold of a value.
#[derive(Clone, Debug)]
pub enum Test {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// It is exactly this.
    Is(String),
    /// It begins with this.
    Begins(String),
    /// It fits; write `^…$` to bind both ends.
    Fits(Regex),
}

impl Test {
    /// Whether it holds of any of the values.
    pub(super) fn holds<'a>(&self, mut values: impl Iterator<Item = &'a [u8]>) -> bool {
        match self {
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
            Self::Is(text) => values.any(|value| value == text.as_bytes()),
            Self::Begins(text) => values.any(|value| value.starts_with(text.as_bytes())),
            Self::Fits(regex) => {
                values.any(|value| std::str::from_utf8(value).is_ok_and(|value| regex.is_match(value)))
            }
        }
    }
}
