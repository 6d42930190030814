//! Stop 4: reads a chat request, makes the plan and asks the limits; stop 5 carries it out.

use http::Request;
use tidegate_llm::{BadRequest, Dialect};
use tidegate_net::Incoming;

use crate::admit::admit_model;
use crate::ask::Failure;
use crate::attempt::{self, Committed};
use crate::body::expect_json;
use crate::degrade::{Granted, is_down, when_down, when_full, within_limits};
use crate::endpoint::Surface;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::forward::default_target;
use crate::plan::Plan;
use crate::prompt::Prompt;
use crate::snapshot::cut_name;
use crate::take_in::take_in;
use crate::traffic::Wish;

/// Answers a chat request.
pub async fn answer(
    surface: Surface,
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    let (head, body) = request.into_parts();
    let body = take_in(&head.headers, body, exchange).await?;
    expect_json(&head.headers)?;
    let prompt = Prompt::read(surface, body, head.headers, &exchange.snapshot.rules)?;
    exchange.model = cut_name(prompt.model()).to_owned();
    exchange.stream = prompt.stream();
    exchange.user.clone_from(&prompt.peek.end_user);
    let plan = plan(&prompt, exchange)?;
    admit_model(plan.only_label(), exchange)?;
    match within_limits(&prompt, plan, exchange).await? {
        Granted::Plan(plan) => match attempt::answer(&prompt, &plan, exchange).await {
            // In a box: it seldom comes to that.
            Err(failure) if is_down(&failure) => Box::pin(when_down(&prompt, failure, exchange)).await,
            Err(failure @ Failure { error: GatewayError::Limited(_), .. }) => {
                Box::pin(when_full(&prompt, failure, exchange)).await
            }
            answered => answered,
        },
        Granted::Answer(committed) => Ok(*committed),
    }
}

/// The targets of the named model; of a request that may name none, the default provider.
fn plan(prompt: &Prompt, exchange: &Exchange) -> Result<Plan, GatewayError> {
    let snapshot = &exchange.snapshot;
    if prompt.surface == Surface::Responses && prompt.peek.model.is_none() {
        let target = default_target(&prompt.headers, exchange)?;
        if target.provider.line(Dialect::OpenaiResponses).is_none() {
            return Err(BadRequest::field("model", "`model` is required").into());
        }
        return Ok(Plan::of(target));
    }
    Plan::make(&snapshot.models, prompt.model(), &Wish::of(prompt, exchange))
}
