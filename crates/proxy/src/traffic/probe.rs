//! Targets are asked by the gateway itself, so that an idle one is known to be well, and a dead one is found before callers find it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use tidegate_llm::passage::{Endpoint, read_answer};
use tidegate_llm::quirks::Profile;
use tidegate_llm::translate::prepare;
use tidegate_llm::{Dialect, Usage, codec};
use tidegate_policy::TimeLimits;
use tidegate_store::ledger::{Row, Tokens};

use super::Conduct;
use super::fetch::{Fetch, fetch};
use crate::body::read_bounded;
use crate::chance::request_id;
use crate::clock::micros;
use crate::encode::path_of;
use crate::entry::Gateway;
use crate::error::GatewayError;
use crate::snapshot::{Line, Snapshot, Target};
use crate::upstream::{Outbound, Way, send};

/// Most bytes of an answer that are read.
const ANSWER: usize = 1 << 20;

/// How a provider's targets are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRules {
    /// A path to GET at the provider's host; `None`: a completion of one token is asked for.
    pub path: Option<String>,
    /// How often.
    pub every: Duration,
    /// Longest wait for the answer.
    pub limit: Duration,
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
enum Says {
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
            Some(path) => self.get(line, path).await,
            None => self.complete(line, gateway).await,
        };
        let live = &self.target.live;
        if says == Says::Well && self.rules.path.is_some() {
            live.gauge.told_round_trip(began.elapsed(), micros());
        }
        if says == Says::Nothing {
            return;
        }
        let rules = &self.conduct.balancer.rules().health;
        tracing::trace!(target = &*live.label, ?says, "probed");
        if let Some(event) = live.gauge.health().probed(rules, says == Says::Well, micros()) {
            live.note(event);
        }
    }

    async fn get(&self, line: &Line, path: &str) -> Says {
        let provider = &self.target.provider;
        let auth = self.auth(line);
        let asked = Fetch { lanes: &line.lanes, host: &line.host, path, auth, headers: &provider.headers };
        match fetch(asked, self.rules.limit, ANSWER).await {
            Ok((429, _)) => Says::Nothing,
            Ok((status, _)) if status < 400 => Says::Well,
            _ => Says::Ill,
        }
    }

    fn auth<'l>(&self, line: &'l Line) -> Option<&'l crate::snapshot::Auth> {
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
        let outbound =
            Outbound::json(path_of(line.dialect, &target.model, false), prepared.encoded.body.into());
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
            gateway.meters().count_lost_row();
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
