//! Where a turn of the hub and its parts stood in the caller's body.

use crate::Dialect;
use crate::hub::{Part, Role, Turn};

/// The turn's path.
pub(super) fn of_turn(dialect: Option<Dialect>, turns: &[Turn], turn: usize) -> String {
    match dialect {
        None => format!("messages[{turn}]"),
        Some(dialect) => match top_field(dialect).filter(|_| turn == 0 && lead(turns) == 1) {
            Some(field) => field.to_owned(),
            None => format!("{}[{}]", list(dialect), index_of(dialect, turns, turn)),
        },
    }
}

/// The part's path.
pub(super) fn of_part(dialect: Option<Dialect>, turns: &[Turn], turn: usize, part: usize) -> String {
    let base = of_turn(dialect, turns, turn);
    let parts = turns.get(turn).map_or(&[][..], |turn| turn.parts.get(..=part).unwrap_or(&turn.parts));
    match dialect {
        None => format!("{base}.content[{part}]"),
        Some(Dialect::Gemini) => format!("{base}.parts[{part}]"),
        Some(Dialect::Anthropic) if base == "system" => format!("system[{part}]"),
        Some(Dialect::Anthropic) => format!("{base}.content[{part}]"),
        Some(Dialect::OpenaiChat) => in_messages(index_of(Dialect::OpenaiChat, turns, turn), parts),
        Some(Dialect::OpenaiResponses) if base == "instructions" => base,
        Some(Dialect::OpenaiResponses) => in_items(index_of(Dialect::OpenaiResponses, turns, turn), parts),
    }
}

const fn list(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat | Dialect::Anthropic => "messages",
        Dialect::OpenaiResponses => "input",
        Dialect::Gemini => "contents",
    }
}

/// The field that a leading system turn came from.
const fn top_field(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::OpenaiChat => None,
        Dialect::OpenaiResponses => Some("instructions"),
        Dialect::Anthropic => Some("system"),
        Dialect::Gemini => Some("systemInstruction"),
    }
}

/// 1 if the first turn is one of instructions.
fn lead(turns: &[Turn]) -> usize {
    usize::from(turns.first().is_some_and(|turn| turn.role == Role::System))
}

/// The index of a turn, or of its first message or item, in the caller's list.
fn index_of(dialect: Dialect, turns: &[Turn], turn: usize) -> usize {
    let earlier = turns.get(..turn).unwrap_or_default();
    match dialect {
        Dialect::OpenaiChat => earlier.iter().map(messages).sum(),
        Dialect::OpenaiResponses => {
            earlier.iter().skip(lead(turns)).map(|turn| items(&turn.parts).max(1)).sum()
        }
        Dialect::Anthropic | Dialect::Gemini => turn.saturating_sub(lead(turns)),
    }
}

fn is_result(part: &Part) -> bool {
    matches!(part, Part::ToolResult(_))
}

/// How many messages of OpenAI chat a turn was: each result is one.
fn messages(turn: &Turn) -> usize {
    let results = turn.parts.iter().filter(|part| is_result(part)).count();
    if results == 0 { 1 } else { results + usize::from(results < turn.parts.len()) }
}

/// The path of the last of `parts`, whose turn begins with message `first`.
fn in_messages(first: usize, parts: &[Part]) -> String {
    let results = parts.iter().filter(|part| is_result(part)).count();
    let calls = parts.iter().filter(|part| matches!(part, Part::ToolCall(_))).count();
    let is_content =
        |part: &&Part| !matches!(part, Part::ToolResult(_) | Part::ToolCall(_) | Part::Reasoning(_));
    let contents = parts.iter().filter(is_content).count();
    match parts.last() {
        Some(Part::ToolResult(_)) => format!("messages[{}]", first + results - 1),
        Some(Part::ToolCall(_)) => format!("messages[{first}].tool_calls[{}]", calls - 1),
        Some(Part::Reasoning(_)) => format!("messages[{first}].reasoning_content"),
        _ => format!("messages[{}].content[{}]", first + results, contents.saturating_sub(1)),
    }
}

/// How many items of OpenAI responses the parts were: neighbours in a message are one.
fn items(parts: &[Part]) -> usize {
    let mut items = 0;
    let mut is_open = false;
    for part in parts {
        let is_block = is_block(part);
        items += usize::from(!(is_block && is_open));
        is_open = is_block;
    }
    items
}

/// Whether a part stands inside a message, not as an item of its own.
fn is_block(part: &Part) -> bool {
    match part {
        Part::Text { .. } | Part::Media(_) | Part::Refusal(_) => true,
        Part::Opaque { name, .. } => name.contains(".content["),
        Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => false,
    }
}

/// The path of the last of `parts`, whose turn begins with item `first`.
fn in_items(first: usize, parts: &[Part]) -> String {
    let item = first + items(parts).saturating_sub(1);
    match parts.iter().rev().take_while(|part| is_block(part)).count() {
        0 => format!("input[{item}]"),
        blocks => format!("input[{item}].content[{}]", blocks - 1),
    }
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::codec::decode_request;
    use crate::words::Words;

    /// The paths of all parts of a body.
    fn paths(dialect: Dialect, body: &str) -> Vec<String> {
        let request = decode_request(dialect, body.as_bytes()).unwrap();
        let words = Words::of(&request);
        let turns = request.turns.iter().enumerate();
        turns.flat_map(|(t, turn)| (0..turn.parts.len()).map(move |p| words.part(t, p))).collect()
    }

    #[test]
    fn parts_of_chat_are_found_behind_results_and_calls() {
        let body = r#"{"model":"m","messages":[
            {"role":"system","content":"s"},
            {"role":"assistant","reasoning_content":"hm","content":"t","tool_calls":[
                {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
                {"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"a","content":"1"},
            {"role":"tool","tool_call_id":"b","content":"2"},
            {"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]}]}"#;
        let expected = [
            "messages[0].content[0]",
            "messages[1].reasoning_content",
            "messages[1].content[0]",
            "messages[1].tool_calls[0]",
            "messages[1].tool_calls[1]",
            "messages[2]",
            "messages[3]",
            "messages[4].content[0]",
            "messages[4].content[1]",
        ];
        assert_eq!(paths(Dialect::OpenaiChat, body), expected);
    }

    #[test]
    fn items_of_responses_are_counted_one_by_one() {
        let body = r#"{"model":"m","instructions":"s","input":[
            {"role":"user","content":[{"type":"input_text","text":"x"},{"type":"input_text","text":"y"}]},
            {"type":"reasoning","summary":[],"encrypted_content":"e"},
            {"type":"function_call","call_id":"a","name":"f","arguments":"{}"},
            {"type":"function_call","call_id":"b","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"a","output":"1"},
            {"type":"function_call_output","call_id":"b","output":"2"},
            {"role":"user","content":"z"}]}"#;
        let expected = [
            "instructions",
            "input[0].content[0]",
            "input[0].content[1]",
            "input[1]",
            "input[2]",
            "input[3]",
            "input[4]",
            "input[5]",
            "input[6].content[0]",
        ];
        assert_eq!(paths(Dialect::OpenaiResponses, body), expected);
    }

    #[test]
    fn instructions_beside_the_list_do_not_count() {
        let body = r#"{"model":"m","max_tokens":5,"system":"s","messages":[{"role":"user","content":"x"}]}"#;
        assert_eq!(paths(Dialect::Anthropic, body), ["system[0]", "messages[0].content[0]"]);
        let body = r#"{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"parts":[{"text":"x"}]}]}"#;
        assert_eq!(paths(Dialect::Gemini, body), ["systemInstruction.parts[0]", "contents[0].parts[0]"]);
    }
}
