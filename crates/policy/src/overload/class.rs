//! How much it matters that a request is answered when not all can be.

use serde::{Deserialize, Serialize};

/// Priority of a request under overload. Four, because each has to be told apart from the next by what it is for, and more would only be argued
/// about: `critical` keeps the business alive (payments, safety checks; kept even when nearly all is shed), `high` has a human waiting,
/// `normal` is everything that nobody has classed, `low` can come again later (batches, evaluations, warming of caches).
///
/// A higher class always goes first, so that it must be given out sparingly: a flood of `critical` starves all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Can come again later; shed first.
    Low,
    /// What nobody has classed.
    #[default]
    Normal,
    /// A human waits for it.
    High,
    /// Shed last.
    Critical,
}

impl Class {
    /// All classes, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];

    /// Its name in the config, headers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The class of that name, in any case of letters.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }
}
