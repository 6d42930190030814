//! Ids of answers and of tool calls.

use crate::codec::Reply;

/// The id of an answer as OpenAI writes it: `chatcmpl-…`. A foreign id gets the prefix; without one the exchange's id is used.
pub(super) fn answer_id(provider: &str, reply: &Reply) -> String {
    match provider {
        "" => format!("chatcmpl-{}", reply.id),
        own if own.starts_with("chatcmpl") => own.to_owned(),
        foreign => format!("chatcmpl-{foreign}"),
    }
}

/// An id for a tool call whose provider gave none: made from the answer's id, so that it stays unique in a conversation.
pub(super) fn call_id(answer: &str, number: usize) -> String {
    let mut tail: Vec<char> = answer.chars().rev().filter(char::is_ascii_alphanumeric).take(24).collect();
    tail.reverse();
    format!("call_{}_{number}", tail.into_iter().collect::<String>())
}
