//! What happens to a target's health, and how it stands.

/// Why a breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Failures in a row.
    Consecutive,
    /// The share of failures.
    Rate,
    /// `max_fails` within `fail_timeout`.
    MaxFails,
    /// Slow first tokens in a row.
    Slow,
    /// Requests wait and nothing is heard.
    Silent,
    /// Active probes.
    Probe,
    /// A trial failed.
    Trial,
    /// By hand.
    Hand,
}

impl Cause {
    /// Its written word, for logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Consecutive => "consecutive",
            Self::Rate => "rate",
            Self::MaxFails => "max_fails",
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Probe => "probe",
            Self::Trial => "trial",
            Self::Hand => "hand",
        }
    }
}

/// A change of state, to be logged and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The breaker opened; trials may begin at `until` (`i64::MAX`: when it is closed by hand).
    Opened {
        /// Why.
        cause: Cause,
        /// When trials may begin.
        until: i64,
    },
    /// The first trial goes out.
    HalfOpened,
    /// The target is back; slow start begins.
    Closed,
    /// The provider has no room until then.
    Limited {
        /// When it has.
        until: i64,
    },
    /// The provider does not take the credential any more.
    CredentialOut,
    /// The credential is to be used again.
    CredentialBack,
    /// Another instance's breaker opened: until then, less is borne here.
    Suspicious {
        /// When the usual is borne again.
        until: i64,
    },
}

/// How a target stands now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// May be asked, with this share of its weight (slow start): over 0, up to 1.
    Ready(f32),
    /// Its breaker lets one trial through.
    Trial,
    /// Not to be asked.
    Out(Out),
}

/// Why a target is not to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out {
    /// Its breaker is open until then, or its one trial is under way.
    Broken(i64),
    /// Opened by hand.
    Held,
    /// Its provider has no room until then.
    Limited(i64),
    /// Its credential is not taken.
    Credential,
}
