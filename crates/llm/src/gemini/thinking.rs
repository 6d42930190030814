//! `thinkingConfig`: levels for Gemini 3, budgets for 2.5 (case 61).
//!
//! The rule for 2.5 is Google's own for its OpenAI endpoint (ai.google.dev/gemini-api/docs/openai, "Thinking"):
//! minimal and low are 1,024 tokens, medium 8,192, high 24,576; none is 0. What a model cannot do exactly becomes the
//! nearest thing that it can, and is named.

use serde_json::{Map, Value, json};

use super::model::{Generation, Model};
use crate::fault::BadRequest;
use crate::fields::Fields;
use crate::hub::ReasoningWish;
use crate::words::Words;

/// Reads `thinkingConfig`; what it does not know goes to `unmapped`.
pub(crate) fn decode(
    mut config: Fields,
    unmapped: &mut Vec<(String, Value)>,
) -> Result<ReasoningWish, BadRequest> {
    let mut wish = ReasoningWish { show: config.bool("includeThoughts")?, ..ReasoningWish::default() };
    match config.i64("thinkingBudget")? {
        None => {}
        Some(-1) => wish.dynamic = true,
        Some(0) => wish.effort = Some("none".to_owned()),
        Some(tokens) => match u64::try_from(tokens) {
            Ok(tokens) => wish.budget = Some(tokens),
            Err(_) => return Err(config.complain("thinkingBudget", "`thinkingBudget` must be at least -1")),
        },
    }
    if let Some(level) = config.string("thinkingLevel")? {
        let level = level.to_ascii_lowercase();
        wish.effort = (level != "thinking_level_unspecified").then_some(level);
    }
    unmapped.extend(config.leftovers());
    Ok(wish)
}

/// Writes `thinkingConfig` for a model; names in `dropped` what it cannot do exactly.
pub(crate) fn encode(
    wish: &ReasoningWish,
    model: &Model,
    words: Words<'_>,
    dropped: &mut Vec<String>,
) -> Option<Value> {
    let mut config = Map::new();
    match model.generation {
        Generation::Plain => {
            name_all(wish, words, dropped);
            return None;
        }
        Generation::TwoFive => {
            if let Some(budget) = budget(wish, model, words, dropped) {
                config.insert("thinkingBudget".to_owned(), budget.into());
            }
        }
        Generation::Three => {
            if let Some(level) = level(wish, model, words, dropped) {
                config.insert("thinkingLevel".to_owned(), level.to_ascii_uppercase().into());
            }
        }
    }
    if shows_thoughts(wish) {
        config.insert("includeThoughts".to_owned(), json!(true));
    }
    (!config.is_empty()).then_some(Value::Object(config))
}

/// Thoughts are shown where the caller asks for them, and where the caller asks for thinking and does not say.
fn shows_thoughts(wish: &ReasoningWish) -> bool {
    let thinks = wish.effort.as_deref().is_some_and(|effort| effort != "none")
        || wish.budget.is_some_and(|tokens| tokens > 0)
        || wish.dynamic
        || wish.summary.is_some();
    wish.show.unwrap_or(thinks)
}

/// A model that does not think: only the wish for no thoughts is met.
fn name_all(wish: &ReasoningWish, words: Words<'_>, dropped: &mut Vec<String>) {
    if wish.effort.as_deref().is_some_and(|effort| effort != "none") {
        dropped.push(words.field("reasoning_effort").to_owned());
    } else if wish.budget.is_some_and(|tokens| tokens > 0) || wish.dynamic {
        dropped.push(words.field("reasoning_budget").to_owned());
    }
}

fn budget(wish: &ReasoningWish, model: &Model, words: Words<'_>, dropped: &mut Vec<String>) -> Option<i64> {
    let (least, most, can_stop) = model.budget_range();
    let field = words.field("reasoning_effort");
    let tokens = match (wish.budget, wish.effort.as_deref()) {
        (Some(wanted), _) => {
            let tokens = if wanted == 0 && can_stop { 0 } else { wanted.clamp(least, most) };
            if tokens != wanted {
                dropped.push(format!("{} ({wanted} → {tokens})", words.field("reasoning_budget")));
            }
            tokens
        }
        (None, Some("none")) if can_stop => 0,
        (None, Some("none")) => {
            dropped.push(format!("{field} (none → {least} tokens)"));
            least
        }
        (None, Some("minimal" | "low")) => 1_024,
        (None, Some("medium")) => 8_192,
        (None, Some("high")) => 24_576,
        (None, Some(higher @ ("xhigh" | "max"))) => {
            dropped.push(format!("{field} ({higher} → {most} tokens)"));
            most
        }
        (None, Some(unknown)) => {
            dropped.push(format!("{field} ({unknown})"));
            return None;
        }
        (None, None) => return wish.dynamic.then_some(-1),
    };
    i64::try_from(tokens).ok()
}

fn level(
    wish: &ReasoningWish,
    model: &Model,
    words: Words<'_>,
    dropped: &mut Vec<String>,
) -> Option<&'static str> {
    const ORDER: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    let levels = model.thinking_levels();
    let Some(wanted) = wish.effort.as_deref() else {
        return wish.budget.map(|tokens| level_of_budget(tokens, levels));
    };
    let field = words.field("reasoning_effort");
    let rank_of = |label: &str| ORDER.iter().position(|known| *known == label);
    let Some(rank) = rank_of(wanted) else {
        dropped.push(format!("{field} ({wanted})"));
        return None;
    };
    // The lowest level that is at least what was asked for, or the highest there is.
    let enough = |level: &&str| rank_of(level) >= Some(rank);
    let level = levels.iter().copied().find(enough).or(levels.last().copied())?;
    if level != wanted {
        dropped.push(format!("{field} ({wanted} → {level})"));
    }
    Some(level)
}

/// The table of 2.5, read backwards; Gemini 3.5 and later refuse budgets.
fn level_of_budget(tokens: u64, levels: &[&'static str]) -> &'static str {
    match tokens {
        0 => levels.first().copied().unwrap_or("low"),
        1..=1_024 => "low",
        1_025..=8_192 if levels.contains(&"medium") => "medium",
        _ => "high",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::ChatRequest;

    fn run(effort: &str, model: &str) -> (Option<Value>, Vec<String>) {
        let wish = ReasoningWish { effort: Some(effort.to_owned()), ..ReasoningWish::default() };
        let mut dropped = Vec::new();
        let request = ChatRequest::default();
        let words = Words::of(&request);
        let config = encode(&wish, &Model::of(model), words, &mut dropped);
        (config, dropped)
    }

    #[test]
    fn case_61_labels_become_budgets_for_2_5() {
        let table = [("none", 0), ("minimal", 1_024), ("low", 1_024), ("medium", 8_192), ("high", 24_576)];
        for (effort, tokens) in table {
            let (config, dropped) = run(effort, "gemini-2.5-flash");
            assert_eq!(config.unwrap()["thinkingBudget"], tokens, "{effort}");
            assert!(dropped.is_empty(), "{effort}");
        }
    }

    #[test]
    fn case_61_labels_become_levels_for_3() {
        let (config, dropped) = run("minimal", "gemini-3-flash-preview");
        assert_eq!(config, Some(json!({"thinkingLevel": "MINIMAL", "includeThoughts": true})));
        assert!(dropped.is_empty());
        let (config, dropped) = run("low", "gemini-3.8-flash");
        assert_eq!((config.unwrap()["thinkingLevel"].as_str(), dropped.len()), (Some("LOW"), 0));
    }

    #[test]
    fn case_61_what_a_model_cannot_do_is_named() {
        for (effort, model, config, name) in [
            ("xhigh", "gemini-3.1-pro-preview", json!({"thinkingLevel": "HIGH"}), "(xhigh → high)"),
            ("max", "gemini-2.5-pro", json!({"thinkingBudget": 32_768}), "(max → 32768 tokens)"),
            ("none", "gemini-2.5-pro", json!({"thinkingBudget": 128}), "(none → 128 tokens)"),
            ("none", "gemini-3.8-flash", json!({"thinkingLevel": "LOW"}), "(none → low)"),
            ("medium", "gemini-3-pro-preview", json!({"thinkingLevel": "HIGH"}), "(medium → high)"),
        ] {
            let (got, dropped) = run(effort, model);
            let mut got = got.unwrap();
            got.as_object_mut().unwrap().remove("includeThoughts");
            assert_eq!(got, config, "{effort} {model}");
            assert_eq!(dropped, vec![format!("reasoning_effort {name}")]);
        }
        assert_eq!(run("high", "gemini-2.0-flash"), (None, vec!["reasoning_effort".to_owned()]));
        assert_eq!(run("none", "gemini-2.0-flash"), (None, Vec::new()));
    }
}
