//! What has been measured, kept in a file, so that the report can be made of several runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// The last result of each kind of run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) load: Option<LoadResult>,
    pub(crate) streams: Option<StreamsResult>,
    pub(crate) soak: Option<SoakResult>,
    pub(crate) edge: Option<EdgeResult>,
}

/// The gateways side by side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoadResult {
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    /// Length of one measurement.
    pub(crate) seconds: f64,
    pub(crate) pinned: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Vec<Memory>,
}

/// One gateway doing one work; medians of all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) gateway: String,
    /// Answers per second at saturation; none for a paced work.
    pub(crate) per_second: Option<f64>,
    /// CPU seconds per 1,000 answers (or milliseconds per answer), and the kernel's part of them. Zero for `direct`.
    pub(crate) cpu: f64,
    pub(crate) cpu_kernel: f64,
    /// CPU compared with nginx in the same round.
    pub(crate) times_nginx: Option<f64>,
    /// The share of its core that the gateway used, 0 to 1.
    pub(crate) busy: f64,
    pub(crate) fixed: Added,
    /// At half of its own saturation.
    pub(crate) half: Option<Added>,
}

/// Latency added at a rate: the gateway's percentile less that of `direct` at the same rate. For `direct` itself, the
/// latency.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Added {
    /// Requests per second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

/// Resident memory in MiB.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) gateway: String,
    pub(crate) version: String,
    pub(crate) idle: f64,
    pub(crate) after: f64,
}

/// Many streams held at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StreamsResult {
    pub(crate) machine: Machine,
    pub(crate) count: usize,
    pub(crate) seconds: u64,
    pub(crate) pace_ms: u64,
    pub(crate) rows: Vec<StreamsRow>,
}

/// One gateway holding streams.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StreamsRow {
    pub(crate) gateway: String,
    /// The most that were open at once.
    pub(crate) peak: usize,
    /// Streams that did not come to their end with all their chunks.
    pub(crate) lost: usize,
    /// What went wrong with the first of them.
    pub(crate) why: Option<String>,
    /// Resident memory in KiB per stream: the most during the hold, less that before it.
    pub(crate) kib_per_stream: f64,
    pub(crate) mib_before: f64,
    pub(crate) mib_most: f64,
    /// CPU microseconds per chunk.
    pub(crate) cpu_per_chunk: f64,
}

/// Many requests in a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SoakResult {
    pub(crate) machine: Machine,
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Resident memory in MiB, evenly through the run, its start and end included.
    pub(crate) mib: Vec<f64>,
    /// From the second fifth of the run to its last.
    pub(crate) grown_mib: f64,
    pub(crate) flat: bool,
}

/// The edge: nginx and Tidegate side by side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EdgeResult {
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    /// Length of one measurement.
    pub(crate) seconds: f64,
    pub(crate) pinned: bool,
    /// Of the gateways.
    pub(crate) versions: Vec<String>,
    pub(crate) rows: Vec<EdgeRow>,
    /// Connections that were held open.
    pub(crate) connections: usize,
    pub(crate) held: Vec<HeldRow>,
}

/// One gateway doing one work of the edge at saturation; medians of all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EdgeRow {
    pub(crate) work: String,
    pub(crate) gateway: String,
    /// Answers, handshakes or messages per second.
    pub(crate) per_second: f64,
    /// CPU seconds per 1,000 of them (or milliseconds for each), and the kernel's part.
    pub(crate) cpu: f64,
    pub(crate) cpu_kernel: f64,
    /// CPU compared with nginx in the same round.
    pub(crate) times_nginx: Option<f64>,
    /// The share of its core that the gateway used, 0 to 1.
    pub(crate) busy: f64,
    /// Milliseconds to the last byte, 99th percentile.
    pub(crate) p99: f64,
}

/// One gateway with thousands of open connections; medians of all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HeldRow {
    pub(crate) gateway: String,
    /// Connections that it closed, in any round.
    pub(crate) lost: usize,
    /// Resident memory in MiB: without connections, with all open, after a request over each, after the load.
    pub(crate) mib_before: f64,
    pub(crate) mib_open: f64,
    pub(crate) mib_asked: f64,
    pub(crate) mib_loaded: f64,
    /// Requests under way at any moment of the load.
    pub(crate) at_once: usize,
    pub(crate) per_second: f64,
    /// Milliseconds.
    pub(crate) mean: f64,
    pub(crate) p99: f64,
    /// CPU seconds per 1,000 requests.
    pub(crate) cpu: f64,
}

impl Results {
    fn file(folder: &Path) -> PathBuf {
        folder.join("results.json")
    }

    /// What earlier runs have left; nothing where it cannot be read.
    pub(crate) fn load(folder: &Path) -> Self {
        let text = fs::read_to_string(Self::file(folder)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps them for later runs.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let file = Self::file(folder);
        fs::write(&file, serde_json::to_string_pretty(self)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }
}
