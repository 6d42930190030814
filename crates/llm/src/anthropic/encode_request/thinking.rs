//! Writes how much the model should think.

use serde_json::{Map, Value, json};

use super::Context;
use super::wire::{Block, Message};
use crate::anthropic::models::{OffForm, ThinkingForm};
use crate::hub::ReasoningWish;

/// The limit where neither the caller nor the price list names one (case 65).
const DEFAULT_MAX_TOKENS: u64 = 8192;

/// Anthropic takes no smaller budget.
const LEAST_BUDGET: u64 = 1024;

/// The efforts of other dialects as budgets, for models that take nothing else. Read backwards, the least effort whose
/// budget is enough.
const BUDGETS: &[(&str, u64)] = &[
    ("minimal", 1024),
    ("low", 2048),
    ("medium", 8192),
    ("high", 16_384),
    ("xhigh", 32_768),
    ("max", 60_000),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thinking {
    Unset,
    Disabled,
    BetweenTools,
    Budget(u64),
    Adaptive,
}

/// What goes into `thinking`, `output_config.effort` and `max_tokens`.
#[derive(Debug)]
pub(super) struct Plan {
    thinking: Thinking,
    effort: Option<String>,
    show: Option<bool>,
    pub(super) max_tokens: u64,
}

impl Plan {
    /// Whether the request turns thinking on.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.thinking, Thinking::Budget(_) | Thinking::Adaptive)
    }

    /// The value of `thinking`.
    pub(super) fn thinking(&self) -> Option<Map<String, Value>> {
        let (kind, budget) = match self.thinking {
            Thinking::Unset => return None,
            Thinking::Disabled => ("disabled", None),
            Thinking::BetweenTools => ("between_tools", None),
            Thinking::Budget(tokens) => ("enabled", Some(tokens)),
            Thinking::Adaptive => ("adaptive", None),
        };
        let mut value = Map::from_iter([("type".to_owned(), json!(kind))]);
        if let Some(tokens) = budget {
            value.insert("budget_tokens".to_owned(), json!(tokens));
        }
        // With a budget thoughts are shown anyway, and old models do not know the word.
        match self.show {
            Some(true) if self.thinking == Thinking::Adaptive => {
                value.insert("display".to_owned(), json!("summarized"));
            }
            Some(false) if self.is_on() => {
                value.insert("display".to_owned(), json!("omitted"));
            }
            _ => {}
        }
        Some(value)
    }

    /// The value of `output_config`, with the form of the answer.
    pub(super) fn output_config(&self, format: Option<Value>) -> Option<Map<String, Value>> {
        let mut config = Map::new();
        if let Some(effort) = &self.effort {
            config.insert("effort".to_owned(), Value::String(effort.clone()));
        }
        if let Some(format) = format {
            config.insert("format".to_owned(), format);
        }
        (!config.is_empty()).then_some(config)
    }
}

/// Decides. Rules, by the table of [`crate::anthropic::models`]:
/// - an effort is written as `output_config.effort` with adaptive thinking where the model knows it, else as a budget:
///   minimal 1024, low 2048, medium 8192, high 16384, xhigh 32768, max 60000 tokens. `minimal` is written `low`, `xhigh`
///   is `max` on models that do not know it: never less than asked (case 61);
/// - a budget is kept where the model takes one (at least 1024), else it becomes the least effort that covers it; one that
///   does not fit into the limit shrinks to three quarters of it, and is left out and named where those are under 1024;
/// - `none` is `disabled`, `between_tools`, or nothing, as the model wants it; on a model that always thinks it is the
///   effort `low`, and named;
/// - on models that think by default, thinking is left out for callers of other dialects who do not ask to see it;
/// - a budget is not sent when the conversation stands between a tool call without its thoughts and the results:
///   Anthropic refuses that, and the wish is named.
pub(super) fn plan(cx: &mut Context<'_>, messages: &[Message<'_>]) -> Plan {
    let request = cx.request;
    let fixed = request.max_output_tokens.or(cx.target.max_output_tokens);
    let limit = fixed.unwrap_or(DEFAULT_MAX_TOKENS);
    let mut plan = Plan { thinking: Thinking::Unset, effort: None, show: None, max_tokens: limit };
    let Some(wish) = &request.reasoning else { return plan };
    if wish.effort.as_deref() == Some("none") || wish.budget == Some(0) {
        turn_off(cx, &mut plan);
        return plan;
    }
    plan.show = wish.show.or(wish.summary.as_ref().map(|_| true));
    (plan.thinking, plan.effort) = if cx.is_own { literal(wish) } else { interpreted(wish, plan.show) };
    fit_form(cx, &mut plan);
    fit_effort(cx, &mut plan);
    if let Thinking::Budget(budget) = plan.thinking {
        let fitted = fit_budget(budget, plan.max_tokens, fixed.is_some());
        match fitted.filter(|_| !lacks_thoughts(messages)) {
            Some((budget, max_tokens)) => {
                plan.thinking = Thinking::Budget(budget);
                plan.max_tokens = max_tokens;
            }
            None => {
                plan.thinking = Thinking::Unset;
                cx.drop_field("reasoning");
            }
        }
    }
    plan
}

fn turn_off(cx: &mut Context<'_>, plan: &mut Plan) {
    match cx.traits.off {
        OffForm::Disabled => plan.thinking = Thinking::Disabled,
        OffForm::BetweenTools => plan.thinking = Thinking::BetweenTools,
        OffForm::Unset => {}
        OffForm::Never => {
            plan.effort = Some("low".to_owned());
            cx.drop_field("reasoning");
        }
    }
}

/// The wish of a caller of this dialect, word for word.
fn literal(wish: &ReasoningWish) -> (Thinking, Option<String>) {
    let thinking = match (wish.budget, wish.dynamic) {
        (Some(budget), _) => Thinking::Budget(budget),
        (None, true) => Thinking::Adaptive,
        (None, false) => Thinking::Unset,
    };
    (thinking, wish.effort.clone())
}

/// The wish of another caller.
fn interpreted(wish: &ReasoningWish, show: Option<bool>) -> (Thinking, Option<String>) {
    match (wish.budget, &wish.effort) {
        (Some(budget), _) => (Thinking::Budget(budget), None),
        (None, Some(effort)) => (Thinking::Adaptive, Some(effort.clone())),
        (None, None) if wish.dynamic || show == Some(true) => (Thinking::Adaptive, None),
        (None, None) => (Thinking::Unset, None),
    }
}

/// Writes the wish in the form that the model takes.
fn fit_form(cx: &mut Context<'_>, plan: &mut Plan) {
    match (plan.thinking, cx.traits.thinking) {
        (Thinking::Budget(budget), ThinkingForm::Adaptive) => {
            plan.thinking = Thinking::Adaptive;
            plan.effort.get_or_insert_with(|| effort_of(budget).to_owned());
        }
        (Thinking::Adaptive, ThinkingForm::Budget) => {
            let effort = plan.effort.take();
            let asked = effort.as_deref().unwrap_or("medium");
            match BUDGETS.iter().find(|(name, _)| *name == asked) {
                Some((_, budget)) => plan.thinking = Thinking::Budget(*budget),
                None => {
                    plan.thinking = Thinking::Unset;
                    cx.drop_field("reasoning");
                }
            }
        }
        _ => {}
    }
    let needs_word = cx.is_own || plan.show.is_some() || !cx.traits.thinks_by_default;
    if plan.thinking == Thinking::Adaptive && !needs_word {
        plan.thinking = Thinking::Unset;
    }
}

fn effort_of(budget: u64) -> &'static str {
    let enough = BUDGETS.iter().find(|(name, tokens)| *name != "minimal" && *tokens >= budget);
    enough.map_or("max", |(name, _)| name)
}

/// Writes the effort in the words that the model takes; a word that nobody here knows is passed on.
fn fit_effort(cx: &mut Context<'_>, plan: &mut Plan) {
    let Some(effort) = plan.effort.take() else { return };
    let takes = |word: &str| cx.traits.efforts.contains(&word);
    let is_known = BUDGETS.iter().any(|(name, _)| *name == effort);
    plan.effort = match effort.as_str() {
        "minimal" if takes("low") => Some("low".to_owned()),
        "xhigh" if !takes("xhigh") && takes("max") => Some("max".to_owned()),
        word if takes(word) => Some(effort),
        _ if !is_known && !cx.traits.efforts.is_empty() => Some(effort),
        _ => None,
    };
    if plan.effort.is_none() {
        cx.drop_field("reasoning_effort");
    }
}

/// The budget counts towards `max_tokens` and must be smaller. A limit that the caller or the model sets is kept, and the
/// budget shrinks: no loss, for other vendors count thoughts towards the limit too. A limit that we made up grows.
fn fit_budget(budget: u64, limit: u64, is_fixed: bool) -> Option<(u64, u64)> {
    let budget = budget.max(LEAST_BUDGET);
    if budget < limit {
        return Some((budget, limit));
    }
    if !is_fixed {
        return Some((budget, limit.saturating_add(budget)));
    }
    let budget = room(limit);
    (budget < limit).then_some((budget, limit))
}

/// The thoughts that fit into a limit: a quarter of it is left for the answer.
fn room(limit: u64) -> u64 {
    (limit - limit / 4).max(LEAST_BUDGET)
}

/// Whether the conversation ends with tool results whose call came without thoughts.
fn lacks_thoughts(messages: &[Message<'_>]) -> bool {
    let [.., call, results] = messages else { return false };
    let is_thought =
        |block: &Block<'_>| matches!(block, Block::Thinking { .. } | Block::RedactedThinking { .. });
    results.content.iter().any(|block| matches!(block, Block::ToolResult { .. }))
        && call.role == "assistant"
        && !call.content.first().is_some_and(is_thought)
}
