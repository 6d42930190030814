//! What the gateway asks providers by itself: their load, and whether they are well.

use http::HeaderValue;
use tidegate_net::Origin;
use tidegate_proxy::snapshot::Line;
use tidegate_proxy::traffic::{Expected, MetricsSource, ProbeRules};

use super::Building;
use crate::config::problem::Problem;
use crate::config::written::{ProbeEntry, ProviderEntry};

/// What a probe's words come to.
pub(crate) fn probe_rules(written: &ProbeEntry) -> Result<ProbeRules, String> {
    let usual = ProbeRules::default();
    let expected = match &written.status {
        Some(words) => Expected::from_words(words.words().iter().map(String::as_str))?,
        None => usual.expected,
    };
    Ok(ProbeRules {
        path: written.path.clone(),
        expected,
        every: written.every.0,
        limit: written.time_limit.0,
        fall: written.fall.unwrap_or(usual.fall),
        rise: written.rise.unwrap_or(usual.rise),
    })
}

impl Building<'_> {
    /// How its targets are probed: its own words, else those of the top.
    pub(super) fn probe(&mut self, name: &str, entry: &ProviderEntry) -> Option<ProbeRules> {
        let own = entry.health.probe.as_ref().map(|probe| (probe, vec!["providers", name]));
        let (written, place) =
            own.or(self.loaded.config.health.probe.as_ref().map(|probe| (probe, Vec::new())))?;
        let place = [&place[..], &["health", "probe", "status"]].concat();
        let place = self.loaded.tree.place_of(&place);
        probe_rules(written).map_err(|wrong| self.problems.push(Problem::error(wrong, place))).ok()
    }

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
