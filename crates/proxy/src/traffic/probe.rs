//! Targets are asked by the gateway itself, so that an idle one is known to be well, and a dead one is found before callers find it.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use tidegate_llm::passage::{Endpoint, read_answer};
use tidegate_llm::quirks::Profile;
use tidegate_llm::translate::prepare;
use tidegate_llm::{Dialect, Usage, codec};
use tidegate_net::LanePool;
use tidegate_policy::TimeLimits;
use tidegate_policy::health::HealthRules;
use tidegate_store::ledger::{Row, Tokens};

use super::fetch::{Fetch, fetch};
use super::{Conduct, Live};
use crate::body::read_bounded;
use crate::chance::request_id;
use crate::clock::micros;
use crate::encode::path_of;
use crate::entry::Gateway;
use crate::error::GatewayError;
use crate::snapshot::{Auth, Line, Snapshot, Target};
use crate::upstream::{Outbound, Way, send};

/// Most bytes of an answer that are read.
const ANSWER: usize = 1 << 20;

/// How a provider's targets, or an upstream's servers, are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRules {
    /// A path to GET at the provider's host; `None`: a completion of one token is asked for.
    pub path: Option<String>,
    /// Which answers to that are good.
    pub expected: Expected,
    /// How often.
    pub every: Duration,
    /// Longest wait for the answer.
    pub limit: Duration,
    /// So many in a row that fail take the target out.
    pub fall: u32,
    /// So many in a row that go well bring it back.
    pub rise: u32,
}

impl Default for ProbeRules {
    fn default() -> Self {
        let HealthRules { probe_fall: fall, probe_rise: rise, .. } = HealthRules::default();
        let seconds = Duration::from_secs;
        Self { path: None, expected: Expected::default(), every: seconds(10), limit: seconds(5), fall, rise }
    }
}

/// Statuses that are good answers to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected(Vec<RangeInclusive<u16>>);

impl Default for Expected {
    /// All that are no errors.
    fn default() -> Self {
        Self(vec![100..=399])
    }
}

impl Expected {
    /// Statuses as they are written: `200`, `2xx`, `200-204`.
    pub fn from_words<'w>(words: impl Iterator<Item = &'w str>) -> Result<Self, String> {
        words.map(statuses).collect::<Result<_, _>>().map(Self)
    }

    fn has(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

fn statuses(word: &str) -> Result<RangeInclusive<u16>, String> {
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..600).contains(status));
    let range = match word.strip_suffix("xx") {
        Some(class) => number(&format!("{class}00")).map(|first| first..=first + 99),
        None => match word.split_once('-') {
            Some((first, last)) => number(first).zip(number(last)).map(|(first, last)| first..=last),
            None => number(word).map(|one| one..=one),
        },
    };
    range
        .filter(|range| !range.is_empty())
        .ok_or_else(|| format!("`{word}` is no status; write `200`, `2xx` or `200-204`"))
}

/// Who is asked.
pub(crate) struct ProbeTarget<'t> {
    pub(crate) lanes: &'t Arc<LanePool>,
    pub(crate) host: &'t HeaderValue,
    pub(crate) auth: Option<&'t Auth>,
    pub(crate) headers: &'t [(HeaderName, HeaderValue)],
}

impl ProbeRules {
    /// GETs the path; tells what the answer says.
    pub(crate) async fn get(&self, target: ProbeTarget<'_>) -> Says {
        let ProbeTarget { lanes, host, auth, headers } = target;
        let path = self.path.as_deref().unwrap_or("/");
        match fetch(Fetch { lanes, host, path, auth, headers }, self.limit, ANSWER).await {
            Ok((status, _)) if self.expected.has(status) => Says::Well,
            Ok((429, _)) => Says::Nothing,
            _ => Says::Ill,
        }
    }

    /// Tells a target's health.
    pub(crate) fn tell(&self, says: Says, live: &Live, conduct: &Conduct) {
        if says == Says::Nothing {
            return;
        }
        let rules = HealthRules {
            probe_fall: self.fall,
            probe_rise: self.rise,
            ..conduct.balancer.rules().health.clone()
        };
        tracing::trace!(target = &*live.label, ?says, "probed");
        if let Some(event) = live.gauge.health().probed(&rules, says == Says::Well, micros()) {
            live.note(event);
        }
    }
}

/// A target that is to be asked from time to time.
#[derive(Clone, Debug)]
pub struct ProbeJob {
    /// The target.
    pub target: Arc<Target>,
    /// By which rules it is judged: those of the first pool by name that has it.
    pub conduct: Arc<Conduct>,
    /// How it is asked.
    pub rules: ProbeRules,
}

/// What a probe says of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Well,
    Ill,
    /// It lives, but will not be asked: a limit, a request that it does not take.
    Nothing,
}

impl ProbeJob {
    /// The pools' targets whose providers are to be probed, each once.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        let mut jobs: Vec<Self> = Vec::new();
        let models = &snapshot.models;
        for pool in models.pool_names().into_iter().filter_map(|name| models.pool(name)) {
            for member in &pool.members {
                let target = &member.target;
                let Some(rules) = target.provider.probe.clone() else { continue };
                if !target.provider.is_demo() && !jobs.iter().any(|job| job.target.label == target.label) {
                    jobs.push(Self { target: target.clone(), conduct: pool.conduct.clone(), rules });
                }
            }
        }
        jobs
    }

    /// Asks once and tells the target's health.
    pub async fn run(&self, gateway: &Gateway) {
        let Some(line) = self.target.provider.lines.first() else { return };
        let began = Instant::now();
        let says = match &self.rules.path {
            Some(_) => self.get(line).await,
            None => self.complete(line, gateway).await,
        };
        let live = &self.target.live;
        if says == Says::Well && self.rules.path.is_some() {
            live.gauge.told_round_trip(began.elapsed(), micros());
        }
        self.rules.tell(says, live, &self.conduct);
    }

    async fn get(&self, line: &Line) -> Says {
        let headers = &self.target.provider.headers;
        let auth = self.auth(line);
        self.rules.get(ProbeTarget { lanes: &line.lanes, host: &line.host, auth, headers }).await
    }

    fn auth<'l>(&self, line: &'l Line) -> Option<&'l Auth> {
        let place = self.target.provider.keys.as_ref().and_then(|keys| keys.next(micros()).ok());
        line.auth.get(place.unwrap_or(0))
    }

    async fn complete(&self, line: &Line, gateway: &Gateway) -> Says {
        let began = Instant::now();
        let asked = tokio::time::timeout(self.rules.limit, self.ask(line)).await;
        let answer = asked.unwrap_or(Err(GatewayError::Timeout { stage: "end", limit: self.rules.limit }));
        let (says, status, usage) = match answer {
            Ok((status, usage)) => (judge(status), status, usage),
            Err(_) => (Says::Ill, 0, None),
        };
        if status != 0 {
            self.write_down(status, usage, began.elapsed(), gateway);
        }
        says
    }

    /// Asks for one token; gives the status and, of a good answer, what it used.
    async fn ask(&self, line: &Line) -> Result<(u16, Option<Usage>), GatewayError> {
        // OpenAI's responses have at least 16 tokens.
        let most = if line.dialect == Dialect::OpenaiResponses { 16 } else { 1 };
        let target = &self.target;
        let body = serde_json::json!({
            "model": target.model, "max_completion_tokens": most,
            "messages": [{ "role": "user", "content": "Hi" }],
        });
        let request = codec::decode_request(Dialect::OpenaiChat, body.to_string().as_bytes())?;
        let profile = Profile {
            model: &target.model,
            quirks: target.provider.quirks,
            max_output_tokens: target.max_output_tokens,
        };
        let prepared = prepare(Dialect::OpenaiChat, &request, line.dialect, &profile, false)?;
        let outbound = Outbound::json(path_of(line.dialect, &target.model, false), prepared.encoded.body);
        let way = Way { line, auth: self.auth(line) };
        let limit = self.rules.limit;
        let limits = TimeLimits { connect: limit, first_byte: limit, ..target.limits };
        let answer = send(&target.provider, Some(way), outbound, &HeaderMap::new(), &limits).await?;
        let status = answer.status().as_u16();
        let body = read_bounded(answer.into_body(), ANSWER).await.map_err(|_| GatewayError::Broken)?;
        if status != 200 {
            return Ok((status, None));
        }
        Ok((status, read_answer(endpoint(line.dialect), &body)?.usage))
    }

    /// A row of the ledger with the endpoint `probe`, so that the costs add up. Nobody's key, nobody's limit.
    fn write_down(&self, status: u16, usage: Option<Usage>, took: Duration, gateway: &Gateway) {
        let (desk, snapshot, target) = (gateway.desk(), gateway.snapshot(), &self.target);
        let Some(journal) = &desk.journal else { return };
        let number = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        let now = SystemTime::now();
        let cost = usage.as_ref().and_then(|usage| snapshot.cost_of(target, usage, now));
        let usage = usage.unwrap_or_default();
        let row = Row {
            request_id: request_id(now).to_string().into(),
            attempt: 1,
            last: true,
            ended: micros(),
            endpoint: "probe".into(),
            model: (&*target.label).into(),
            provider: (&*target.provider.name).into(),
            target_model: target.model.as_str().into(),
            outcome: if status == 200 { "complete" } else { "failed" }.into(),
            status,
            tokens: Tokens {
                input: number(usage.input),
                output: number(usage.output),
                cache_read: number(usage.cache_read),
                cache_write: number(usage.cache_write),
                reasoning: number(usage.reasoning),
                ..Tokens::default()
            },
            cost: cost.map(|cost| cost.0),
            duration: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            ..Row::default()
        };
        if let Err(error) = journal.append(&row) {
            gateway.meters().count_lost_rows(error.rows());
            tracing::error!(%error, "the ledger's row of a probe could not be written");
        }
    }
}

fn judge(status: u16) -> Says {
    match status {
        200 => Says::Well,
        400 | 404 | 405 | 413 | 422 | 429 => Says::Nothing,
        _ => Says::Ill,
    }
}

fn endpoint(dialect: Dialect) -> Endpoint {
    match dialect {
        Dialect::OpenaiChat => Endpoint::Chat,
        Dialect::OpenaiResponses => Endpoint::Responses,
        Dialect::Anthropic => Endpoint::Messages,
        Dialect::Gemini => Endpoint::Generate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_statuses_are_read_and_heeded() {
        let expected = Expected::from_words(["200", "3xx", "401-403"].into_iter()).unwrap();
        let is: Vec<u16> = (100..600).filter(|status| expected.has(*status)).collect();
        assert_eq!((is.len(), is[0], is[1], is[100], is[103]), (104, 200, 300, 399, 403));
        for word in ["", "2x", "99", "600", "404-401", "ok", "2xx-3xx"] {
            assert!(Expected::from_words([word].into_iter()).is_err(), "{word}");
        }
    }
}
