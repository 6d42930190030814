//! What lasts beyond a snapshot and is asked by every request: keys, counters, the journal of the ledger, and what models
//! usually use.

use std::fmt::Write;
use std::sync::Arc;

use tidegate_policy::expect::Expect;
use tidegate_policy::overload::{Memory, Thresholds};
use tidegate_store::Database;
use tidegate_store::counters::{Clock, Limiter, RedisState};
use tidegate_store::keys::Directory;
use tidegate_store::ledger::Journal;

use crate::edge::cache::CacheStore;
use crate::snapshot::Snapshot;
use crate::traffic::{Decisions, LiveTable};

/// The desk of one process.
#[derive(Debug)]
pub struct Desk {
    /// Who has which key. `None`: nobody needs one.
    pub directory: Option<Arc<Directory>>,
    /// The counters of all limits.
    pub limiter: Arc<Limiter>,
    /// Where every attempt is written down. `None`: nowhere.
    pub journal: Option<Arc<Journal>>,
    /// Where the ledger is, for questions about usage.
    pub database: Option<Database>,
    /// What is known of each target by now.
    pub live: Arc<LiveTable>,
    /// Answers that routes keep.
    pub cache: Arc<CacheStore>,
    /// Bytes that bodies take in the whole process.
    pub memory: Memory,
    /// The last decisions between targets.
    pub decisions: Decisions,
    /// What requests will use at most, as far as it has been learnt.
    pub expect: Expect,
}

impl Desk {
    /// Bounds what is held in memory as that snapshot says.
    pub fn bound(&self, snapshot: &Snapshot) {
        self.memory.set_budget(snapshot.rules.memory);
        let bounds = snapshot.edge.as_ref().map(|site| site.cache.clone());
        self.cache.bound(&bounds.unwrap_or_default());
    }

    /// How keys, counters and ledger fare, as OpenMetrics text.
    pub fn render(&self, out: &mut String) {
        self.live.render(out);
        let about = "Bytes that bodies of requests and answers take in memory";
        gauge(out, "tidegate_bodies_bytes", about, self.memory.used());
        let (bytes, keys) = self.cache.used();
        gauge(out, "tidegate_cache_bytes", "Bytes that the answers take that routes keep in memory", bytes);
        gauge(out, "tidegate_cache_keys", "How many keys have answers or notes there", keys as u64);
        if let Some(disk) = self.cache.disk() {
            let (bytes, answers, errors) = disk.used();
            gauge(out, "tidegate_cache_disk_bytes", "Bytes of answers that routes keep on disk", bytes);
            gauge(out, "tidegate_cache_disk_answers", "How many answers are there", answers as u64);
            let about = "Files of kept answers that could not be written, read or removed";
            counter(out, "tidegate_cache_disk_errors", about, errors);
        }
        if let Some(journal) = &self.journal {
            gauge(
                out,
                "tidegate_ledger_behind_rows",
                "Rows in the journal that the database does not have yet",
                journal.behind_rows(),
            );
            gauge(out, "tidegate_ledger_behind_bytes", "The same in bytes", journal.behind_bytes());
            gauge(
                out,
                "tidegate_ledger_full",
                "Whether requests are refused because the journal is full",
                journal.is_full().into(),
            );
        }
        if let Some(directory) = &self.directory {
            let stats = directory.stats();
            counter(out, "tidegate_key_questions", "Keys that the database was asked for", stats.questions);
            counter(
                out,
                "tidegate_keys_slowed",
                "Keys that were not looked up because their network guesses",
                stats.slowed,
            );
        }
        let health = self.limiter.health();
        if health.redis != RedisState::Off {
            gauge(
                out,
                "tidegate_redis_up",
                "Whether Redis decides on limits",
                (health.redis == RedisState::Up).into(),
            );
            gauge(
                out,
                "tidegate_limit_instances",
                "Instances that share the limits, as far as this one knows",
                health.instances.into(),
            );
            counter(
                out,
                "tidegate_redis_failures",
                "Calls of Redis that failed or took too long",
                health.failures,
            );
            counter(
                out,
                "tidegate_limit_decisions_alone",
                "Requests decided on without Redis",
                health.fallback_decisions,
            );
        }
    }

    /// A desk without keys and ledger, which counts in memory.
    pub fn bare() -> Arc<Self> {
        Arc::new(Self {
            directory: None,
            limiter: Limiter::in_memory(Clock::system()),
            journal: None,
            database: None,
            live: Arc::default(),
            cache: Arc::default(),
            memory: unbounded(),
            decisions: Decisions::default(),
            expect: Expect::new(),
        })
    }
}

/// Memory without a bound; the gateway sets that of its config.
pub fn unbounded() -> Memory {
    Memory::new(u64::MAX, Thresholds::default())
}

fn gauge(out: &mut String, name: &str, help: &str, value: u64) {
    // Writing to a String cannot fail.
    let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} gauge\n{name} {value}\n");
}

fn counter(out: &mut String, name: &str, help: &str, value: u64) {
    let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} counter\n{name}_total {value}\n");
}
