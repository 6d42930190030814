//! One request with all that happens to it. Passed by value or `&mut`, moved into the answer's body; when that ends *or is
//! dropped*, it is settled, once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tidegate_core::{NanoUsd, RequestId};
use tidegate_llm::Usage;
use tidegate_policy::balance;
use tidegate_policy::overload::Class;

use http::HeaderValue;

use crate::access_log::AccessLog;
use crate::book::Fruitless;
use crate::caller::Caller;
use crate::desk::Desk;
use crate::edge::Passage;
use crate::hold::{AtProvider, Held};
use crate::meters::Meters;
use crate::settle::settle;
use crate::snapshot::{Snapshot, Target};
use crate::traffic::Engaged;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller went away before the end.
    Cancelled,
    /// The answer is complete.
    Complete,
    /// The caller was told an error, as a status or inside the stream.
    Failed,
}

impl Outcome {
    /// The word for logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }
}

/// The state of one request.
#[derive(Debug)]
pub struct Exchange {
    /// Its id.
    pub id: RequestId,
    /// The configuration that it uses to its end.
    pub snapshot: Arc<Snapshot>,
    /// Where it is counted.
    pub meters: Meters,
    /// Where it is written down.
    pub log: Arc<AccessLog>,
    /// When it arrived.
    pub started: Instant,
    /// The same on the wall clock.
    pub arrived: SystemTime,
    /// Where it came from.
    pub peer: SocketAddr,
    /// Who sent it.
    pub caller: Caller,
    /// Keys, counters, ledger.
    pub desk: Arc<Desk>,
    /// The endpoint's word.
    pub endpoint: &'static str,
    /// The model as the caller named it.
    pub model: String,
    /// The end user, as the request names it.
    pub user: Option<String>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Bytes that it was charged with of the process's memory.
    pub charged: u64,
    /// Size of the request's body, for estimates.
    pub request_bytes: usize,
    /// How much it matters when there is not room for all.
    pub class: Class,
    /// The attempt under way, with its room at the target.
    pub engaged: Option<Engaged>,
    /// Who answered, or was tried last.
    pub target: Option<Arc<Target>>,
    /// Attempts so far.
    pub attempts: u32,
    /// When the last attempt began.
    pub attempt_begun: Instant,
    /// The last attempt, if it came to nothing and is not in the ledger yet.
    pub fruitless: Option<Fruitless>,
    /// The id that the provider gave to its answer.
    pub upstream_id: Option<HeaderValue>,
    /// Whether its last row may wait for those of others that end with it: somebody will see to it that they are written.
    pub row_may_wait: bool,
    /// What is held of its limits, and how they stand.
    pub held: Option<Held>,
    /// Where providers are limited: what the attempt under way holds of that.
    pub at_provider: Option<Box<AtProvider>>,
    /// The prompt's tokens, as they were estimated beforehand.
    pub estimated_input: u64,
    /// Whether the caller bounded the answer's tokens.
    pub is_output_bounded: bool,
    /// What the caller got instead of what he asked for, because a limit was reached.
    pub degraded: Option<&'static str>,
    /// Time spent waiting for providers, for the overhead header.
    pub waited: Duration,
    /// From arrival to the first content.
    pub first_token: Option<Duration>,
    /// The status told to the caller.
    pub status: u16,
    /// The error's code, if the caller was told one.
    pub error: Option<String>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Events inside the provider's stream that could not be read.
    pub malformed: u64,
    /// What the edge knows of it; `None`: there are no routes.
    pub edge: Option<Box<Passage>>,
    /// How it ended; `Cancelled` until something better is known.
    pub outcome: Outcome,
}

impl Exchange {
    /// When it arrived, in Unix microseconds.
    pub fn arrived_micros(&self) -> i64 {
        let since = self.arrived.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    /// The target's first token has come; of an answer that is not streamed, its head.
    pub fn heard(&mut self) {
        if let Some(engaged) = &mut self.engaged {
            engaged.heard();
        }
    }

    /// Charges bytes that are held for it and cannot be refused any more.
    pub fn charge(&mut self, bytes: u64) {
        self.charged += bytes;
        self.desk.memory.charge(bytes);
    }

    /// Gives the target's room back, and tells how the attempt ended if it was committed.
    pub fn disengage(&mut self) {
        let Some(engaged) = self.engaged.take() else { return };
        match self.outcome {
            Outcome::Complete => engaged.end(balance::Outcome::Success, false),
            Outcome::Failed => engaged.end(balance::Outcome::Failure, false),
            Outcome::Cancelled => drop(engaged),
        }
    }

    /// What the tokens cost; `None` for an unpriced model, an unknown usage, or no target.
    pub fn cost(&self) -> Option<NanoUsd> {
        self.cost_of(self.usage.as_ref()?)
    }

    /// What that usage costs at this exchange's target.
    pub fn cost_of(&self, usage: &Usage) -> Option<NanoUsd> {
        self.snapshot.cost_of(self.target.as_ref()?, usage, self.arrived)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        settle(self);
    }
}
