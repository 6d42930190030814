//! JSON schemas of targets' states and of decisions.

use serde_json::{Value, json};
use tidegate_policy::balance::Strategy;

use super::super::standing;
use super::{list_of, object, reference, text, unix_seconds, with};

/// Schemas by name.
pub(super) fn all() -> Value {
    json!({
        "TargetState": state(),
        "TargetName": object(
            json!({"target": with(text(500), json!({"description": "`provider/model`."}))}),
            &["target"],
        ),
        "TargetSwitched": object(
            json!({"label": {"type": "string"}, "state": reference("TargetState")}),
            &["label", "state"],
        ),
        "Decision": decision(),
        "Decisions": object(json!({"items": list_of("Decision")}), &["items"]),
    })
}

fn state() -> Value {
    let or_null = |kind: &str, about: &str| json!({"type": [kind, "null"], "description": about});
    let count = |about: &str| json!({"type": "integer", "minimum": 0, "description": about});
    let number = |about: &str| json!({"type": "number", "description": about});
    let until = unix_seconds("Until when it is broken or limited, where that is known");
    let state = json!({
        "standing": {
            "type": "string", "enum": standing::WORDS,
            "description": "`ready`; `trial`: the next request is a trial; `broken`: its breaker is open, or a trial is under way; \
                `held`: opened by hand; `limited`: its provider has no room; `credential`: its provider refuses the credential.",
        },
        "share": number("The share of its weight that it gets: less than 1 while it is coming back, 0 while it is out."),
        "until": with(until, json!({"type": ["integer", "null"]})),
        "in_flight": count("Attempts under way."),
        "waiting": count("Requests that wait for it."),
        "concurrency_limit": or_null("integer", "Attempts that it may have at once; null: not bounded."),
        "first_token_ms": or_null("number", "Peak EWMA of its time to first token; null while unknown."),
        "opened": count("How often its breaker opened since the start."),
        "headroom": number("The share of its provider's rate limits that is left, 0 to 1; 1 where the provider does not say."),
        "load": number("Its load in requests: by its own metrics where they are read, otherwise what is under way."),
    });
    let required: Vec<String> =
        state.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let required: Vec<&str> = required.iter().map(String::as_str).collect();
    object(state, &required)
}

fn decision() -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let count = |about: &str| json!({"type": "integer", "minimum": 0, "description": about});
    let decision = json!({
        "at": {"type": "number", "description": "When, in Unix seconds with milliseconds behind the point."},
        "request_id": text("For which request."),
        "pool": text("The name of the config."),
        "strategy": {"type": "string", "enum": Strategy::ALL.map(Strategy::word)},
        "target": {"type": ["string", "null"], "description": "The target that came first; null: none could be used."},
        "reason": text("Why it, as one word."),
        "words": text("Why it, in words."),
        "usable": count("How many targets could be used."),
        "of": count("How many there are."),
        "panic": {"type": "boolean", "description": "Whether open breakers were not heeded, as too few targets were well."},
    });
    let required =
        ["at", "request_id", "pool", "strategy", "target", "reason", "words", "usable", "of", "panic"];
    object(decision, &required)
}
