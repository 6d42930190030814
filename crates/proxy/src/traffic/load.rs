//! What back ends tell of their load: their metrics are fetched and read.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tidegate_net::LanePool;
use tidegate_policy::balance::{Report, Strategy};

use super::Live;
use super::fetch::{Fetch, fetch};
use crate::clock::micros;
use crate::snapshot::{Provider, Snapshot};

/// Most bytes of metrics that are read.
const METRICS: usize = 4 << 20;
/// Longest wait for them.
const WAIT: Duration = Duration::from_secs(1);

/// Where metrics of a provider's load are.
#[derive(Clone, Debug)]
pub struct MetricsSource {
    /// The lanes there.
    pub lanes: Arc<LanePool>,
    /// Value of the `Host` header.
    pub host: HeaderValue,
    /// The path.
    pub path: String,
    /// Whether it is the provider itself, which may want its key. Nobody else is shown it.
    pub with_key: bool,
}

/// A provider's metrics, and whose load they tell.
#[derive(Clone, Debug)]
pub struct LoadJob {
    /// The provider.
    pub provider: Arc<Provider>,
    /// Its targets.
    pub targets: Vec<Arc<Live>>,
}

impl LoadJob {
    /// Providers with targets in pools with the strategy `load`.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        let mut jobs: Vec<Self> = Vec::new();
        let models = &snapshot.models;
        let pools = models.pool_names().into_iter().filter_map(|name| models.pool(name));
        for pool in pools.filter(|pool| pool.conduct.balancer.rules().strategy == Strategy::Load) {
            for member in pool.members.iter().filter(|member| !member.target.provider.is_demo()) {
                let (provider, live) = (&member.target.provider, &member.target.live);
                match jobs.iter_mut().find(|job| job.provider.name == provider.name) {
                    Some(job) if job.targets.iter().any(|known| known.id == live.id) => {}
                    Some(job) => job.targets.push(live.clone()),
                    None => jobs.push(Self { provider: provider.clone(), targets: vec![live.clone()] }),
                }
            }
        }
        jobs
    }

    /// Fetches the metrics once and tells the targets. What cannot be had changes nothing: the last report is believed for a while.
    pub async fn run(&self) {
        let mut sum = Report::default();
        for source in &self.provider.metrics {
            let auth = self.provider.lines.first().filter(|_| source.with_key);
            let asked = Fetch {
                lanes: &source.lanes,
                host: &source.host,
                path: &source.path,
                auth: auth.and_then(|line| line.auth.first()),
                headers: if source.with_key { &self.provider.headers } else { &[] },
            };
            match fetch(asked, WAIT, METRICS).await {
                Ok((200, body)) => add(&mut sum, &read_metrics(&body)),
                Ok((status, _)) => {
                    tracing::debug!(provider = &*self.provider.name, status, "no metrics of the load");
                }
                Err(error) => {
                    tracing::debug!(provider = &*self.provider.name, %error, "no metrics of the load");
                }
            }
        }
        // The GPU alone says nothing of requests.
        if sum.queue.is_some() || sum.running.is_some() {
            for live in &self.targets {
                live.gauge.told_load(&sum, micros());
            }
        }
    }
}

fn add(sum: &mut Report, more: &Report) {
    let Report { queue, running, kv_cache, gpu } = *more;
    sum.queue = queue.map_or(sum.queue, |n| Some(sum.queue.unwrap_or(0).saturating_add(n)));
    sum.running = running.map_or(sum.running, |n| Some(sum.running.unwrap_or(0).saturating_add(n)));
    sum.kv_cache = kv_cache.or(sum.kv_cache);
    sum.gpu = gpu.or(sum.gpu);
}

/// What a number means.
#[derive(Clone, Copy)]
enum Means {
    Queue,
    Running,
    KvCache,
    GpuPercent,
}

fn means(name: &[u8]) -> Option<Means> {
    Some(match name {
        b"vllm:num_requests_waiting" | b"sglang:num_queue_reqs" | b"llamacpp:requests_deferred" => {
            Means::Queue
        }
        b"tgi_queue_size" => Means::Queue,
        b"vllm:num_requests_running" | b"sglang:num_running_reqs" => Means::Running,
        b"llamacpp:requests_processing" | b"tgi_batch_current_size" => Means::Running,
        // The second and the fourth are older names.
        b"vllm:kv_cache_usage_perc" | b"vllm:gpu_cache_usage_perc" => Means::KvCache,
        b"sglang:token_usage" | b"llamacpp:kv_cache_usage_ratio" => Means::KvCache,
        b"DCGM_FI_DEV_GPU_UTIL" => Means::GpuPercent,
        _ => return None,
    })
}

/// Reads metrics in Prometheus's text format. Several series of one name (engines, GPUs) are added up where they count requests; of caches the
/// fullest counts, of GPUs the mean.
pub fn read_metrics(text: &[u8]) -> Report {
    let mut report = Report::default();
    let (mut gpus, mut busy) = (0u32, 0.0);
    for line in text.split(|byte| *byte == b'\n') {
        let Some((means, value)) = read_line(line) else { continue };
        // `as` keeps within the bounds.
        let count = |known: Option<u32>| Some(known.unwrap_or(0).saturating_add(value as u32));
        match means {
            Means::Queue => report.queue = count(report.queue),
            Means::Running => report.running = count(report.running),
            Means::KvCache => {
                let share = (value as f32).min(1.0);
                report.kv_cache = Some(report.kv_cache.map_or(share, |known| known.max(share)));
            }
            Means::GpuPercent => {
                gpus = gpus.saturating_add(1);
                busy += value.min(100.0);
            }
        }
    }
    if gpus > 0 {
        report.gpu = Some((busy / f64::from(gpus) / 100.0) as f32);
    }
    report
}

/// `name{labels} value [timestamp]`: what it means, and a value that is finite and not negative.
fn read_line(line: &[u8]) -> Option<(Means, f64)> {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|byte| matches!(byte, b'{' | b' ' | b'\t'))?;
    let means = means(&line[..end])?;
    let rest = &line[end..];
    let rest = if rest[0] == b'{' { &rest[end_of_labels(rest)?..] } else { rest };
    let word = rest.trim_ascii().split(|byte| byte.is_ascii_whitespace()).next()?;
    let value: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some((means, value))
}

/// The place behind the `}`; quoted values may hold one.
fn end_of_labels(text: &[u8]) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'}' if !is_quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
