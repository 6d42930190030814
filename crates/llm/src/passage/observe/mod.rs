//! Reads a stream that passes through, from a copy and cheaply: most events are only searched, few are parsed.

mod anthropic;
mod chat;
mod gemini;
mod line;
mod responses;

use serde::Deserialize;

use super::Endpoint;
use crate::anthropic::usage::Counts;
use crate::progress::{Progress, Verdict};
use crate::sse::SseEvent;

/// The observer of one stream.
#[derive(Debug)]
pub struct Observer {
    endpoint: Endpoint,
    hide_usage: bool,
    progress: Progress,
    anthropic_usage: Counts,
}

impl Observer {
    /// An observer of a stream at `endpoint`. With `hide_usage` the usage report is one that the gateway asked for and
    /// the caller did not: it is marked to be withheld (case 5).
    pub fn new(endpoint: Endpoint, hide_usage: bool) -> Self {
        Self { endpoint, hide_usage, progress: Progress::default(), anthropic_usage: Default::default() }
    }

    /// Takes in one frame as [`crate::frames::Frames`] cuts them: an event with its blank line, or comments.
    pub fn observe_frame(&mut self, frame: &[u8]) -> Verdict {
        line::read(frame, |event| self.observe(event)).unwrap_or_else(|| neutral(&self.progress))
    }

    /// Takes in one event.
    pub fn observe(&mut self, event: SseEvent<'_>) -> Verdict {
        let progress = &mut self.progress;
        if event.data == b"[DONE]" {
            progress.ended = !progress.failed;
            return Verdict::Neutral;
        }
        let seen = match self.endpoint {
            Endpoint::Chat | Endpoint::Completions => {
                chat::observe(self.endpoint, event, progress, self.hide_usage)
            }
            Endpoint::Responses => responses::observe(event, progress),
            Endpoint::Messages => anthropic::observe(event, progress, &mut self.anthropic_usage),
            Endpoint::Generate => gemini::observe(event, progress),
            _ => Some(Verdict::Good),
        };
        let verdict = seen.unwrap_or(Verdict::Malformed);
        match &verdict {
            Verdict::Good => progress.good = true,
            Verdict::Error(_) => progress.failed = true,
            Verdict::Malformed => progress.malformed += 1,
            Verdict::Neutral | Verdict::Withhold => {}
        }
        verdict
    }

    /// The body has ended. A stream that told why it ended is complete even without its dialect's mark: Gemini has
    /// none (case 16) and some speakers of OpenAI chat send none (case 17). Only in responses the end carries the reason.
    pub fn finish(&mut self) {
        let progress = &mut self.progress;
        progress.ended |= match self.endpoint {
            Endpoint::Chat | Endpoint::Completions | Endpoint::Generate | Endpoint::Messages => {
                progress.finished && !progress.failed
            }
            Endpoint::Responses => false,
            _ => !progress.failed,
        };
    }

    /// What is known so far.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Gives out what is known.
    pub fn into_progress(self) -> Progress {
        self.progress
    }
}

/// The type of an event: its SSE name, or the `type` inside where there is no name.
fn kind<'a>(event: SseEvent<'a>, unnamed: &'a mut String) -> Option<&'a str> {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    if !event.name.is_empty() {
        return is_object(event.data).then_some(event.name);
    }
    *unnamed = serde_json::from_slice::<Typed>(event.data).ok()?.r#type;
    Some(unnamed)
}

/// Whether the data can be a JSON object at all.
fn is_object(data: &[u8]) -> bool {
    let data = data.trim_ascii();
    data.first() == Some(&b'{') && data.last() == Some(&b'}')
}

/// The verdict on an event that says nothing by itself.
fn neutral(progress: &Progress) -> Verdict {
    if progress.good { Verdict::Good } else { Verdict::Neutral }
}

#[cfg(test)]
mod tests;
