//! The ways of choosing a target.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a pool chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The first that is healthy, in the written order.
    Priority,
    /// By chance, in proportion to the weights.
    #[default]
    Weighted,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest open requests for its weight.
    LeastConnections,
    /// Of two drawn by chance the one with the smaller peak-EWMA of time to first token × open requests.
    Latency,
    /// The cheapest.
    Cost,
    /// By chance, in proportion to what is left of the providers' rate limits.
    Headroom,
    /// The same for the same session, user or prompt prefix, while it has room (consistent hash with bounded load).
    Sticky,
    /// The one whose own metrics show the least load.
    Load,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Priority,
        Self::Weighted,
        Self::RoundRobin,
        Self::LeastConnections,
        Self::Latency,
        Self::Cost,
        Self::Headroom,
        Self::Sticky,
        Self::Load,
    ];

    /// Its written word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::RoundRobin => "round_robin",
            Self::LeastConnections => "least_connections",
            Self::Latency => "latency",
            Self::Cost => "cost",
            Self::Headroom => "headroom",
            Self::Sticky => "sticky",
            Self::Load => "load",
        }
    }

    /// Whether the candidates have a fixed rank, so that whoever ranks low is not tried for the sake of trying.
    pub(crate) fn has_ranks(self) -> bool {
        matches!(self, Self::Priority | Self::Cost)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// No strategy has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownStrategy;

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a strategy is one of")?;
        for (i, strategy) in Strategy::ALL.into_iter().enumerate() {
            write!(f, "{} {strategy}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownStrategy {}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    /// Takes the written words, with `-` for `_` as well.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_it = |strategy: &Self| strategy.word().bytes().eq(text.bytes().map(underscored));
        Self::ALL.into_iter().find(is_it).ok_or(UnknownStrategy)
    }
}

fn underscored(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}
