//! The order in which targets are asked, and why.

use super::strategy::Strategy;
use crate::health::Out;

/// Targets in the order in which they are asked: the choice, then those for fail-over, then those that are out.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub(crate) ranked: Vec<Ranked>,
    pub(crate) usable: usize,
    pub(crate) strategy: Strategy,
    pub(crate) why: Why,
    pub(crate) panic: bool,
}

/// A target in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its place among the candidates.
    pub index: u32,
    /// How it stood.
    pub place: Place,
    /// Its tier.
    pub tier: u32,
    /// How near its region is: 0 is the own one.
    pub near: u32,
    /// What the strategy compared, less is better; its meaning is the strategy's.
    pub key: f32,
    pub(crate) tie: u32,
    pub(crate) weight: f32,
    pub(crate) share: f32,
    pub(crate) reserve: bool,
}

/// How a target stood when the order was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Usable.
    Ready,
    /// Its breaker waits for a trial.
    Trial,
    /// Its breaker is open, but in a panic it is used all the same.
    Panic,
    /// Not usable.
    Out(Out),
    /// The request does not fit there.
    Unfit,
}

/// Why the first target was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// No target can be used.
    Nobody,
    /// There was no other in the nearest tier and region that can be used.
    Only,
    /// The first by rank (priority).
    Rank,
    /// The cheapest.
    Cheapest,
    /// Drawn by weight.
    Drawn,
    /// Drawn by what is left of the rate limits.
    Headroom,
    /// Its turn.
    Turn,
    /// Fewest open requests for its weight.
    Fewest,
    /// The quicker of two drawn; the other's index.
    Quicker {
        /// The candidate that it was compared with.
        than: u32,
    },
    /// Least load by its own metrics.
    LeastLoad,
    /// Where the hash leads.
    Kept,
    /// Where the hash leads next, as this one was full.
    Spilled {
        /// The candidate that was full.
        from: u32,
    },
    /// A trial of a breaker.
    Trial,
    /// What comes before it is being given its traffic back gently.
    GivingBack,
}

impl Why {
    /// Its written word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Only => "only",
            Self::Rank => "rank",
            Self::Cheapest => "cheapest",
            Self::Drawn => "drawn",
            Self::Headroom => "headroom",
            Self::Turn => "turn",
            Self::Fewest => "fewest",
            Self::Quicker { .. } => "quicker",
            Self::LeastLoad => "least_load",
            Self::Kept => "kept",
            Self::Spilled { .. } => "spilled",
            Self::Trial => "trial",
            Self::GivingBack => "giving_back",
        }
    }
}

impl Order {
    /// The usable candidates' places, the choice first.
    pub fn usable(&self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + '_ {
        self.ranked[..self.usable].iter().map(|ranked| ranked.index as usize)
    }

    /// The choice.
    pub fn first(&self) -> Option<usize> {
        self.usable().next()
    }

    /// Everybody, those that are out at the end: for `explain`.
    pub fn all(&self) -> &[Ranked] {
        &self.ranked
    }

    /// Why the first is the first.
    pub fn why(&self) -> Why {
        self.why
    }

    /// The strategy by which it was made.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Too few were healthy, so open breakers were not heeded: [`super::Gauge::begin`] is told.
    pub fn is_panic(&self) -> bool {
        self.panic
    }

    /// When the first of those that are out for a time may be asked again; `None`: nobody knows. For `retry-after` when nobody is usable.
    pub fn soonest(&self) -> Option<i64> {
        let times = self.ranked[self.usable..].iter().filter_map(|ranked| match ranked.place {
            Place::Out(Out::Limited(until) | Out::Broken(until)) => Some(until),
            _ => None,
        });
        times.min()
    }
}
