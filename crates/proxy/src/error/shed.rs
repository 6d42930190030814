//! Requests that the gateway does not let through, because there is more than can be carried.

use tidegate_policy::overload::Why;

/// Why a request was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// Its turn would not come in time.
    #[error("too many requests are waiting for the model; its turn would not come in time")]
    TooLong,
    /// As many wait as may.
    #[error("too many requests are waiting for the model")]
    Full,
    /// Others that matter more, or of callers with fewer waiting, took its place.
    #[error(
        "the request gave up its place in the queue to others with a higher priority or fewer requests waiting"
    )]
    PushedOut,
    /// Its time was over before its turn came.
    #[error("the request's turn did not come in time")]
    Expired,
    /// Bodies take nearly all the memory that they may.
    #[error("the gateway has no memory left for further requests")]
    Memory,
    /// The provider limits all of its keys.
    #[error("the provider has reached the rate limits of all its keys")]
    KeysLimited,
    /// Nobody can be asked.
    #[error("all targets of the model are out of service at the moment")]
    TargetsOut,
}

impl Shed {
    /// Its word in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Full => "full",
            Self::PushedOut => "pushed_out",
            Self::Expired => "expired",
            Self::Memory => "memory",
            Self::KeysLimited => "keys_limited",
            Self::TargetsOut => "targets_out",
        }
    }

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::KeysLimited => "provider_keys_limited",
            Self::TargetsOut => "targets_out_of_service",
            _ => "overloaded",
        }
    }
}

impl From<Why> for Shed {
    fn from(why: Why) -> Self {
        match why {
            Why::TooLong => Self::TooLong,
            Why::Full => Self::Full,
            Why::PushedOut => Self::PushedOut,
            Why::Expired => Self::Expired,
        }
    }
}
