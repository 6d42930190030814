//! The grammar of model names: what to answer, and how to misbehave while doing it.

mod modifiers;

use modifiers::Arg;
pub(crate) use modifiers::{Compression, Ending, Faults, Framing, How, Shape, Tokens, UsageMode};

/// What one model name asks for. Built by [`Script::parse`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) content: Content,
    /// `n-N`: how many pieces `long` and `bench` have.
    pub(crate) pieces: Option<usize>,
    pub(crate) faults: Faults,
    pub(crate) framing: Framing,
    pub(crate) shape: Shape,
    pub(crate) tokens: Tokens,
}

/// The kinds of answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    #[default]
    Text,
    Tool,
    Tools2,
    Reasoning,
    Redacted,
    Refusal,
    Json,
    Long,
    Empty,
    Bench,
    Missing,
}

/// A segment of a model name that the grammar does not know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownSegment(pub(crate) String);

impl Script {
    /// Reads a model name such as `gpt-5~tool~pace-10`. What stands before the last `/` of the first segment is
    /// ignored, and so is a first segment that is no content: it only makes the name look like a vendor's.
    pub(crate) fn parse(model: &str) -> Result<Self, UnknownSegment> {
        let mut script = Self::default();
        for (at, segment) in model.split('~').enumerate() {
            let segment = if at == 0 { segment.rsplit('/').next().unwrap_or(segment) } else { segment };
            if let Some(content) = Content::from_word(segment) {
                script.content = content;
            } else if at > 0 && script.modify(segment).is_none() {
                return Err(UnknownSegment(segment.to_owned()));
            }
        }
        if script.framing.split {
            script.shape.utf8 = true;
        }
        Ok(script)
    }

    /// Takes one modifier; `None` if it is not known or its number is not one.
    fn modify(&mut self, segment: &str) -> Option<()> {
        let (word, arg) = match segment.split_once('-') {
            Some((word, arg)) => (word, Arg(Some(arg))),
            None => (segment, Arg(None)),
        };
        if word == "n" {
            self.pieces = Some(arg.number(0)?);
            return Some(());
        }
        self.faults
            .http(word, arg)
            .or_else(|| self.faults.stream(word, arg))
            .or_else(|| self.framing.modify(word, arg))
            .or_else(|| self.shape.modify(word, arg))
            .or_else(|| self.tokens.modify(word, arg))
    }
}

impl Content {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "tool" => Self::Tool,
            "tools2" => Self::Tools2,
            "reasoning" => Self::Reasoning,
            "redacted" => Self::Redacted,
            "refusal" => Self::Refusal,
            "json" => Self::Json,
            "long" => Self::Long,
            "empty" => Self::Empty,
            "bench" => Self::Bench,
            "missing" => Self::Missing,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn content_then_modifiers() {
        let script = Script::parse("tool~pace-10~cut-5~out-300").unwrap();
        assert_eq!(script.content, Content::Tool);
        assert_eq!(script.framing.pace, Some(Duration::from_millis(10)));
        assert_eq!(script.faults.ending, Some(Ending { after: 5, how: How::Cut }));
        assert_eq!(script.tokens.output, Some(300));
    }

    #[test]
    fn a_vendors_name_or_prefix_may_come_first() {
        assert_eq!(Script::parse("claude-sonnet-4-5~tools2").unwrap().content, Content::Tools2);
        assert_eq!(Script::parse("openai/reasoning").unwrap().content, Content::Reasoning);
        assert_eq!(Script::parse("text-embedding-3-small").unwrap().content, Content::Text);
    }

    #[test]
    fn typing_errors_are_not_swallowed() {
        assert_eq!(Script::parse("text~stal").unwrap_err(), UnknownSegment("stal".into()));
        assert_eq!(Script::parse("text~cut-many").unwrap_err(), UnknownSegment("cut-many".into()));
        assert_eq!(Script::parse("text~out").unwrap_err(), UnknownSegment("out".into()));
    }

    #[test]
    fn retry_after_keeps_any_text() {
        for text in ["2", "1.5", "-1", "1e9", "garbage", "date-5"] {
            let script = Script::parse(&format!("text~status-429~retryafter-{text}")).unwrap();
            assert_eq!(script.faults.retry_after.as_deref(), Some(text));
        }
    }

    #[test]
    fn split_brings_characters_worth_splitting() {
        assert!(Script::parse("text~split").unwrap().shape.utf8);
    }
}
