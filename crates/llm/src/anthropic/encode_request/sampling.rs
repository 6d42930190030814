//! Writes the sampling numbers.

use super::Context;
use crate::anthropic::models::SamplingRule;

/// What is left of the caller's numbers.
#[derive(Default)]
pub(super) struct Numbers {
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_k: Option<u64>,
}

/// A temperature over 1 becomes 1 and is named. While thinking is on, and on models that refuse them altogether, all
/// three are left out and named (case 63); a number that equals the default is left out without a word. Where only one of
/// `temperature` and `top_p` is allowed, `temperature` stays.
pub(super) fn write(cx: &mut Context<'_>, is_thinking: bool) -> Numbers {
    let asked = &cx.request.sampling;
    let mut numbers = Numbers { temperature: asked.temperature, top_p: asked.top_p, top_k: asked.top_k };
    let is_default = |number: f64| number == 1.0;
    if is_thinking || cx.traits.sampling == SamplingRule::None {
        for (number, field) in [(asked.temperature, "temperature"), (asked.top_p, "top_p")] {
            if number.is_some_and(|number| !is_default(number)) {
                cx.drop_field(field);
            }
        }
        if asked.top_k.is_some() {
            cx.drop_field("top_k");
        }
        return Numbers::default();
    }
    if numbers.temperature.is_some_and(|number| number > 1.0) {
        cx.drop_field("temperature");
        numbers.temperature = Some(1.0);
    }
    let takes_both = cx.traits.sampling != SamplingRule::EitherOr || numbers.temperature.is_none();
    if !takes_both && numbers.top_p.take().is_some_and(|number| !is_default(number)) {
        cx.drop_field("top_p");
    }
    numbers
}
