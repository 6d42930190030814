//! What the gateway asks providers by itself: their load, and whether they are well.

use http::HeaderValue;
use tidegate_net::Origin;
use tidegate_proxy::snapshot::Line;
use tidegate_proxy::traffic::{MetricsSource, ProbeRules};

use super::Building;
use crate::config::problem::Problem;
use crate::config::written::{Config, ProviderEntry};

/// How its targets are probed: its own words, else those of the top.
pub(super) fn probe(entry: &ProviderEntry, config: &Config) -> Option<ProbeRules> {
    let probe = entry.health.probe.as_ref().or(config.health.probe.as_ref())?;
    let path = probe.path.clone();
    Some(ProbeRules { path, every: probe.every.0, limit: probe.time_limit.0 })
}

impl Building<'_> {
    /// Where its metrics are.
    pub(super) fn metrics(
        &mut self,
        name: &str,
        entry: &ProviderEntry,
        line: Option<&Line>,
    ) -> Vec<MetricsSource> {
        let Some(line) = line else { return Vec::new() };
        let here = |path: &str| MetricsSource {
            lanes: line.lanes.clone(),
            host: line.host.clone(),
            path: path.to_owned(),
            with_key: true,
        };
        if entry.metrics.is_empty() {
            return vec![here("/metrics")];
        }
        let mut sources = Vec::new();
        for (at, written) in entry.metrics.iter().enumerate() {
            if written.starts_with('/') {
                sources.push(here(written));
                continue;
            }
            let elsewhere = Origin::parse(written).ok().and_then(|(origin, path)| {
                Some((HeaderValue::from_str(&origin.host_header()).ok()?, origin, path))
            });
            let Some((host, origin, path)) = elsewhere else {
                let place = self.loaded.tree.place_of(&["providers", name, "metrics", &at.to_string()]);
                let words = format!("`{written}` is neither a path nor a URL");
                self.problems.push(
                    Problem::error(words, place).help("write `/metrics`, or `http://10.0.0.5:9400/metrics`"),
                );
                continue;
            };
            let path = if path.is_empty() { "/metrics".to_owned() } else { path };
            let lanes = self.lasting.connector.pool(&origin);
            let with_key = origin == *line.lanes.origin();
            sources.push(MetricsSource { lanes, host, path, with_key });
        }
        sources
    }
}
