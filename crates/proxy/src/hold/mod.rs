//! Stop 4, the limits: what a request may use at most is held before the call and settled after it.

mod provider;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tidegate_llm::Usage;
use tidegate_policy::limit::told::{self, Teller};
use tidegate_policy::limit::{Amounts, Claim, Decision, Denial, Facts, Rule, Unit, claims};
use tidegate_store::counters::{Limiter, Reservation};

use crate::ask::Failure;
use crate::endpoint;
use crate::error::{GatewayError, Limited};
use crate::estimate;
use crate::exchange::Exchange;
use crate::sheets::{self, Words};
use crate::snapshot::Target;

pub use provider::{AtProvider, enter, enter_second, take_over};

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
    reservation: Option<Reservation>,
    /// The claims, for the headers.
    claims: Arc<[Claim]>,
    /// How many of them, from the first on, are not of a provider's limits: callers are told of these.
    told: usize,
    /// The answer to them.
    decision: Decision,
}

impl Held {
    async fn ask(claims: Vec<Claim>, told: usize, limiter: &Arc<Limiter>) -> Self {
        let claims: Arc<[Claim]> = claims.into();
        let (decision, reservation) = limiter.reserve(claims.clone(), LEASE).await;
        Self { reservation, claims, told, decision }
    }

    /// How the limits stand at that time (microseconds since 1970), as headers in those words.
    pub fn tell(&self, words: Words, now: i64) -> HeaderMap {
        let claims = self.claims.get(..self.told).unwrap_or_default();
        sheets::told(&Teller::new(claims, &self.decision), words, now)
    }

    /// Gives back what is held of providers' limits.
    fn release_providers(&mut self) {
        if self.told < self.claims.len()
            && let Some(reservation) = &mut self.reservation
        {
            reservation.release_from(self.told);
            self.claims = self.claims[..self.told].into();
        }
    }

    /// Gives back what was held and counts what was used.
    pub fn settle(&mut self, used: &Amounts) {
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(used);
        }
    }
}

/// Whether a limit refused the request, and an SDK's retry would be refused as well.
pub fn is_hopeless(exchange: &Exchange) -> bool {
    let by_own = exchange.held.as_ref().is_some_and(|held| {
        let denial = held.decision.denial.as_ref();
        denial.is_some_and(|denial| !told::waiting_helps(&held.claims, denial))
    });
    by_own || exchange.at_provider.as_ref().is_some_and(|at| at.is_hopeless())
}

/// Claims what the request for `model` may use at most of every limit that concerns it: all together, or none. The limits of the provider
/// that is likely to be asked are among them; when they are reached, it is for [`enter`] to find another one.
pub async fn hold(
    size: &Size,
    model: &str,
    targets: &[Arc<Target>],
    exchange: &mut Exchange,
) -> Result<(), Failure> {
    // What was held for another model is given back before this one claims anything.
    exchange.held = None;
    exchange.estimated_input = size.input;
    let mut at_provider = AtProvider::new(size, model, targets, exchange);
    let mut claims = claims_of(size, model, targets, exchange);
    let own = claims.len();
    if let Some(at) = at_provider.as_mut().filter(|_| own > 0) {
        at.claim_early(targets, exchange, &mut claims);
    }
    if !claims.is_empty() {
        let desk = exchange.desk.clone();
        let mut held = Held::ask(claims, own, &desk.limiter).await;
        if held.decision.denial.is_some_and(|denial| denial.claim >= own) {
            held = Held::ask(held.claims[..own].to_vec(), own, &desk.limiter).await;
            at_provider.iter_mut().for_each(|at| at.forget_early());
        }
        exchange.held = Some(held);
    }
    exchange.at_provider = at_provider;
    match &exchange.held {
        Some(Held { claims, decision: Decision { denial: Some(denial), .. }, .. }) => {
            Err(refusal(claims[denial.claim].rule.clone(), denial))
        }
        _ => Ok(()),
    }
}

fn refusal(rule: Arc<Rule>, denial: &Denial) -> Failure {
    Failure { error: GatewayError::Limited(Limited { rule, wait: denial.wait }), asked: denial.wait }
}

/// The rules that may concern the request, apart from those of providers.
fn rules(exchange: &Exchange) -> impl Iterator<Item = &Arc<Rule>> + Clone {
    let key = exchange.caller.key.as_deref();
    let own = key.map_or(&[][..], |key| &key.limits);
    let team = key.and_then(|key| key.team.as_ref()).map_or(&[][..], |team| &team.limits);
    exchange.snapshot.access.limits.iter().chain(own).chain(team)
}

/// What is known of the request before a provider is chosen.
fn facts<'a>(model: &'a str, most: Amounts, exchange: &'a Exchange) -> Facts<'a> {
    let key = exchange.caller.key.as_deref();
    Facts {
        route: endpoint::subject(exchange.endpoint),
        team: key.and_then(|key| key.team.as_ref()).map(|team| &team.id),
        key: key.map(|key| &key.id),
        user: exchange.user.as_deref(),
        ip: exchange.caller.address,
        model,
        provider: None,
        most,
    }
}

fn claims_of(size: &Size, model: &str, targets: &[Arc<Target>], exchange: &Exchange) -> Vec<Claim> {
    if rules(exchange).next().is_none() {
        return Vec::new();
    }
    let most = most(size, targets, rules(exchange), exchange);
    claims(rules(exchange), &facts(model, most, exchange))
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
    let used = Amounts {
        input: usage.map_or(0, |usage| number(usage.input)),
        output: usage.map_or(0, |usage| number(usage.output)),
        money: cost.map_or(0, |cost| cost.0),
    };
    if let Some(mut held) = exchange.held.take() {
        held.settle(&used);
    }
    if let Some(held) = exchange.at_provider.take().and_then(|mut at| at.take_held()) {
        held.settle(&used);
    }
}

fn number(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
