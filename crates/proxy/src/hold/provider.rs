//! Limits of providers: what an attempt may use is held of its own provider's, and given back when another one is tried.

use std::sync::Arc;

use tidegate_policy::health::Standing;
use tidegate_policy::limit::{Claim, Denial, Facts, Rule, Scope, claims, told};
use tidegate_store::counters::Reservation;

use super::{LEASE, Size, facts, most, refusal, rules};
use crate::ask::Failure;
use crate::clock::micros;
use crate::exchange::Exchange;
use crate::snapshot::Target;

/// What it takes to claim at a provider, and what is held there. Only requests have it that such a limit may concern.
#[derive(Debug)]
pub struct AtProvider {
    size: Size,
    model: String,
    /// The target for which was claimed together with everything else, until an attempt begins.
    early: Option<Arc<str>>,
    /// What the attempt under way holds.
    held: Option<Reservation>,
    /// Whether the last provider refused, and an SDK's retry would be refused as well.
    is_hopeless: bool,
}

impl AtProvider {
    /// `None` where no limit counts by provider.
    pub(super) fn new(
        size: &Size,
        model: &str,
        targets: &[Arc<Target>],
        exchange: &Exchange,
    ) -> Option<Box<Self>> {
        let is_limited = rules(exchange).any(|rule| rule.scope == Scope::Provider)
            || targets.iter().any(|target| !target.provider.rules.is_empty());
        is_limited.then(|| {
            Box::new(Self {
                size: *size,
                model: model.to_owned(),
                early: None,
                held: None,
                is_hopeless: false,
            })
        })
    }

    /// Adds the claims of the target that will be asked first, as far as can be seen: so that one question is enough.
    pub(super) fn claim_early(
        &mut self,
        targets: &[Arc<Target>],
        exchange: &Exchange,
        claims: &mut Vec<Claim>,
    ) {
        let now = micros();
        let can_be_had = |target: &&Arc<Target>| {
            let live = &target.live;
            !matches!(live.gauge.health().standing(now), Standing::Out(_)) && live.gate.has_room()
        };
        let Some(target) = targets.iter().find(can_be_had) else { return };
        claims.extend(self.claims(target, exchange));
        self.early = Some(target.label.clone());
    }

    /// What was claimed early was refused: each attempt claims by itself.
    pub(super) fn forget_early(&mut self) {
        self.early = None;
    }

    /// Whether a provider refused, and an SDK's retry would be refused as well.
    pub(super) fn is_hopeless(&self) -> bool {
        self.is_hopeless
    }

    pub(super) fn take_held(&mut self) -> Option<Reservation> {
        self.held.take()
    }

    fn claims(&self, target: &Arc<Target>, exchange: &Exchange) -> Vec<Claim> {
        let by_provider = rules(exchange).filter(|rule| rule.scope == Scope::Provider);
        let all = || by_provider.clone().chain(&target.provider.rules);
        let most = most(&self.size, std::slice::from_ref(target), all(), exchange);
        let facts = Facts { provider: Some(&target.provider.name), ..facts(&self.model, most, exchange) };
        claims(all(), &facts)
    }

    /// Holds what an attempt at the target may use.
    async fn claim(
        &self,
        target: &Arc<Target>,
        exchange: &Exchange,
    ) -> Result<Option<Reservation>, (Arc<Rule>, Denial, bool)> {
        let claims: Arc<[Claim]> = self.claims(target, exchange).into();
        if claims.is_empty() {
            return Ok(None);
        }
        let (decision, held) = exchange.desk.limiter.reserve(claims.clone(), LEASE).await;
        match decision.denial {
            None => Ok(held),
            Some(denial) => {
                let is_hopeless = !told::waiting_helps(&claims, &denial);
                Err((claims[denial.claim].rule.clone(), denial, is_hopeless))
            }
        }
    }

    async fn enter(&mut self, target: &Arc<Target>, exchange: &mut Exchange) -> Result<(), Failure> {
        self.held = None;
        if self.early.take().is_some_and(|label| label == target.label) {
            return Ok(());
        }
        release_early(exchange);
        match self.claim(target, exchange).await {
            Ok(held) => {
                self.held = held;
                Ok(())
            }
            Err((rule, denial, is_hopeless)) => {
                self.is_hopeless = is_hopeless;
                exchange.meters.count_limited(&rule.name, "passed_over");
                Err(refusal(rule, &denial))
            }
        }
    }
}

/// Holds what an attempt at the target may use of its provider's limits; what an attempt before it held is given back.
pub async fn enter(target: &Arc<Target>, exchange: &mut Exchange) -> Result<(), Failure> {
    let Some(mut at) = exchange.at_provider.take() else { return Ok(()) };
    // In a box, so that requests do not carry room for it that do without.
    let entered = Box::pin(at.enter(target, exchange)).await;
    exchange.at_provider = Some(at);
    entered
}

/// Holds for a second target while the first one is still asked; `Err`: one of its limits is reached.
pub async fn enter_second(target: &Arc<Target>, exchange: &Exchange) -> Result<Option<Reservation>, ()> {
    let Some(at) = &exchange.at_provider else { return Ok(None) };
    Box::pin(at.claim(target, exchange)).await.map_err(|_| ())
}

/// The second target answers: what the first one's attempt held is given back.
pub fn take_over(held: Option<Reservation>, exchange: &mut Exchange) {
    if let Some(at) = &mut exchange.at_provider {
        at.held = held;
        release_early(exchange);
    }
}

fn release_early(exchange: &mut Exchange) {
    if let Some(held) = &mut exchange.held {
        held.release_providers();
    }
}
