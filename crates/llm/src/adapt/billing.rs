//! Claude Code puts a line into its system prompt that changes with each turn and is meant for Anthropic alone: elsewhere it
//! leaks into the prompt and spoils the prompt cache (case 67).

use crate::Dialect;
use crate::hub::{ChatRequest, Part, Role};

const MARK: &str = "x-anthropic-billing-header";

/// Removes system texts that are such a line. The caller's dialect is Anthropic's, the target's is not.
pub(super) fn strip(request: &mut ChatRequest, caller: Dialect) {
    if caller != Dialect::Anthropic {
        return;
    }
    for turn in request.turns.iter_mut().filter(|turn| turn.role == Role::System) {
        turn.parts
            .retain(|part| !matches!(part, Part::Text { text, .. } if text.trim_start().starts_with(MARK)));
    }
    request.turns.retain(|turn| turn.role != Role::System || !turn.parts.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Turn;

    fn system(texts: &[&str]) -> Turn {
        Turn { role: Role::System, parts: texts.iter().map(|text| Part::text(*text)).collect(), name: None }
    }

    #[test]
    fn case_67_the_billing_line_stays_with_anthropic() {
        let line = "x-anthropic-billing-header: cc_version=2.1; cch=1a2b3;";
        let before = vec![system(&[line]), system(&[line, "Be kind."])];
        let mut request = ChatRequest { turns: before.clone(), ..ChatRequest::default() };
        strip(&mut request, Dialect::OpenaiChat);
        assert_eq!(request.turns, before);
        strip(&mut request, Dialect::Anthropic);
        assert_eq!(request.turns, [system(&["Be kind."])]);
    }
}
