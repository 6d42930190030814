//! Which requests rest on state that only the provider has.

use serde_json::Value;

use crate::Dialect;
use crate::hub::{ChatRequest, Part};

/// The field of a responses request that only a provider of this dialect can serve, because it names something that the
/// provider keeps: `previous_response_id`, `conversation`, `prompt`, `background` (when true), or an `item_reference` in
/// `input`. `None` for every request that can be translated. A caller of this function refuses the request for targets of
/// other dialects, with the field's name.
pub fn stateful_field(request: &ChatRequest) -> Option<&'static str> {
    if request.unmapped.dialect != Some(Dialect::OpenaiResponses) {
        return None;
    }
    let fields = &request.unmapped.fields;
    for name in ["previous_response_id", "conversation", "prompt"] {
        if fields.iter().any(|(path, _)| path == name) {
            return Some(name);
        }
    }
    if fields.iter().any(|(path, value)| path == "background" && *value == Value::Bool(true)) {
        return Some("background");
    }
    let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
    parts.any(is_reference).then_some("input (item_reference)")
}

fn is_reference(part: &Part) -> bool {
    matches!(part, Part::Opaque { dialect: Dialect::OpenaiResponses, json, .. } if json["type"] == "item_reference")
}
