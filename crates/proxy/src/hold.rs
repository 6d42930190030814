//! Stop 4, the limits: what a request may use at most is held before the call and settled after it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tidegate_llm::Dialect;
use tidegate_llm::Usage;
use tidegate_policy::limit::told::{self, Lines, Teller};
use tidegate_policy::limit::{Amounts, Claim, Decision, Facts, Rule, Unit, claims};

use crate::ask::Failure;
use crate::endpoint;
use crate::error::{GatewayError, Limited};
use crate::estimate;
use crate::exchange::Exchange;
use crate::policies::policy;
use crate::snapshot::Target;

/// How long something stays held when nobody settles it: only a process that was killed does not.
const LEASE: Duration = Duration::from_secs(60);

/// What is known of a request's size before it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The prompt's tokens, as the gateway estimates them.
    pub input: u64,
    /// The most output that the caller wants of one answer.
    pub max_tokens: Option<u64>,
    /// Answers asked for.
    pub answers: u64,
}

impl Size {
    /// Of a request without an answer in tokens.
    pub fn of_input(request_bytes: usize) -> Self {
        Self { input: estimate::input(request_bytes), max_tokens: Some(0), answers: 1 }
    }
}

/// What was held of an exchange and how its limits stand.
#[derive(Debug)]
pub struct Held {
    /// What is held.
    reservation: Option<tidegate_store::counters::Reservation>,
    /// The claims, for the headers.
    claims: Arc<[Claim]>,
    /// The answer to them.
    decision: Decision,
}

impl Held {
    /// How the limits stand, as headers in the words of that dialect, of the IETF draft (its `ratelimit-policy` apart), and for money of our own.
    pub fn tell(&self, dialect: Dialect, now: i64) -> (HeaderValue, Lines) {
        let teller = Teller::new(&self.claims, &self.decision);
        let mut lines = Lines::new();
        match dialect {
            Dialect::Anthropic => teller.anthropic(now, &mut lines),
            _ => teller.openai(&mut lines),
        }
        teller.standard(&mut lines);
        teller.budget(&mut lines);
        (policy(&teller), lines)
    }

    /// Whether the request was refused, and an SDK's retry would be as well.
    pub fn is_hopeless(&self) -> bool {
        self.decision.denial.as_ref().is_some_and(|denial| !told::waiting_helps(&self.claims, denial))
    }

    /// Gives back what was held and counts what was used.
    pub fn settle(&mut self, used: &Amounts) {
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(used);
        }
    }
}

/// Claims what the request for `model` may use at most of every limit that concerns it: all together, or none.
pub async fn hold(
    size: &Size,
    model: &str,
    targets: &[Arc<Target>],
    exchange: &mut Exchange,
) -> Result<(), Failure> {
    // What was held for another model is given back before this one claims anything.
    exchange.held = None;
    exchange.estimated_input = size.input;
    let claims = claims_of(size, model, targets, exchange);
    if claims.is_empty() {
        return Ok(());
    }
    let claims: Arc<[Claim]> = claims.into();
    let desk = exchange.desk.clone();
    let (decision, reservation) = desk.limiter.reserve(claims.clone(), LEASE).await;
    let refused = decision.denial.map(|denial| {
        let rule = claims[denial.claim].rule.clone();
        Failure { error: GatewayError::Limited(Limited { rule, wait: denial.wait }), asked: denial.wait }
    });
    exchange.held = Some(Held { reservation, claims, decision });
    refused.map_or(Ok(()), Err)
}

fn claims_of(size: &Size, model: &str, targets: &[Arc<Target>], exchange: &Exchange) -> Vec<Claim> {
    let key = exchange.caller.key.as_deref();
    let own = key.map_or(&[][..], |key| &key.limits);
    let team = key.and_then(|key| key.team.as_ref()).map_or(&[][..], |team| &team.limits);
    let rules = || exchange.snapshot.access.limits.iter().chain(own).chain(team);
    if rules().next().is_none() {
        return Vec::new();
    }
    let facts = Facts {
        route: endpoint::subject(exchange.endpoint),
        team: key.and_then(|key| key.team.as_ref()).map(|team| &team.id),
        key: key.map(|key| &key.id),
        user: exchange.user.as_deref(),
        ip: exchange.caller.address,
        model,
        provider: targets.first().map(|target| &target.provider.name),
        most: most(size, targets, rules(), exchange),
    };
    claims(rules(), &facts)
}

/// What the request will use at most at any of its targets.
fn most<'r>(
    size: &Size,
    targets: &[Arc<Target>],
    mut rules: impl Iterator<Item = &'r Arc<Rule>>,
    exchange: &Exchange,
) -> Amounts {
    let needs_money = rules.any(|rule| rule.unit == Unit::Money);
    let mut most = Amounts::default();
    for target in targets {
        let (input, output) =
            exchange.desk.expect.most(&target.label, size.input, size.max_tokens, size.answers);
        most.input = most.input.max(number(input));
        most.output = most.output.max(number(output));
        if needs_money {
            let usage = Usage { input, output, ..Usage::default() };
            let cost = exchange.snapshot.cost_of(target, &usage, exchange.arrived);
            most.money = most.money.max(cost.map_or(0, |cost| cost.0));
        }
    }
    most
}

/// Settles what an exchange has held, and learns from what it used.
pub fn settle(exchange: &mut Exchange, usage: Option<&Usage>, cost: Option<tidegate_core::NanoUsd>) {
    if let (Some(usage), Some(target)) = (usage.filter(|usage| !usage.estimated), &exchange.target) {
        exchange.desk.expect.learn(
            &target.label,
            exchange.estimated_input,
            usage.input,
            usage.output,
            exchange.is_output_bounded,
        );
    }
    let Some(mut held) = exchange.held.take() else { return };
    held.settle(&Amounts {
        input: usage.map_or(0, |usage| number(usage.input)),
        output: usage.map_or(0, |usage| number(usage.output)),
        money: cost.map_or(0, |cost| cost.0),
    });
}

fn number(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
