//! How an answer is told to the caller: byte for byte, or in another dialect.

use bytes::Bytes;
use tidegate_llm::frames::Frames;
use tidegate_llm::passage::Observer;
use tidegate_llm::progress::{Progress, Verdict};
use tidegate_llm::sse::SseDecoder;
use tidegate_llm::translate::Translator;
use tidegate_llm::{Dialect, UpstreamFault};

/// What taking a piece led to.
#[derive(Debug, Default)]
pub struct Taken {
    /// Bytes for the caller.
    pub bytes: Vec<Bytes>,
    /// Whether a whole event came: a sign of life.
    pub alive: bool,
    /// The error that the provider reported inside the stream.
    pub fault: Option<UpstreamFault>,
    /// The stream cannot be read any further.
    pub unreadable: Option<String>,
}

/// How an answer is told.
#[derive(Debug)]
pub enum Voice {
    /// The same dialect: whole events pass as they are.
    Pass {
        /// Cuts the stream into events.
        frames: Frames,
        /// What we learn from them.
        observer: Box<Observer>,
        /// The caller's dialect.
        dialect: Dialect,
    },
    /// Another dialect.
    Translate {
        /// Reads the provider's events.
        decoder: SseDecoder,
        /// Says them anew.
        translator: Box<Translator>,
    },
    /// Bytes that nobody looks into (images, audio, files).
    Raw(Progress),
}

impl Voice {
    /// Events pass as they are.
    pub fn pass(observer: Observer, dialect: Dialect) -> Self {
        let observer = Box::new(observer);
        Self::Pass { frames: Frames::default(), observer, dialect }
    }

    /// Events are translated.
    pub fn translate(translator: Translator) -> Self {
        Self::Translate { decoder: SseDecoder::default(), translator: Box::new(translator) }
    }

    /// Bytes pass unread.
    pub fn raw() -> Self {
        Self::Raw(Progress { good: true, ..Progress::default() })
    }

    /// What is known of the answer so far.
    pub fn progress(&self) -> &Progress {
        match self {
            Self::Pass { observer, .. } => observer.progress(),
            Self::Translate { translator, .. } => translator.progress(),
            Self::Raw(progress) => progress,
        }
    }

    /// Takes a piece of the provider's body.
    pub fn take(&mut self, piece: Bytes) -> Taken {
        let mut taken = Taken::default();
        match self {
            Self::Pass { frames, observer, .. } => {
                let mut look = |frame: &[u8]| {
                    let (keep, fault) = look_at(frame, observer, &mut taken.alive);
                    taken.fault = taken.fault.take().or(fault);
                    keep
                };
                let cut = frames.push(piece, &mut look, &mut taken.bytes);
                taken.unreadable = cut.err().map(|error| error.to_string());
            }
            Self::Translate { decoder, translator } => {
                let mut out = Vec::new();
                let fed = decoder.feed(&piece, &mut |event| {
                    taken.alive = true;
                    if taken.fault.is_none()
                        && let Verdict::Error(fault) = translator.feed(event, &mut out)
                    {
                        taken.fault = Some(fault);
                    }
                });
                taken.unreadable = fed.err().map(|error| error.to_string());
                taken.bytes.extend((!out.is_empty()).then(|| Bytes::from(out)));
            }
            Self::Raw(_) => {
                taken.alive = true;
                taken.bytes.push(piece);
            }
        }
        taken
    }

    /// The provider's body has ended, or is treated as ended because it said why it ends: what is still to be told.
    /// Afterwards `progress().ended` says whether the answer is whole.
    pub fn finish(&mut self) -> Taken {
        let mut taken = Taken::default();
        match self {
            Self::Pass { frames, observer, dialect } => {
                // A last event without its blank line is common (case 17); one without even a line end is half, and dropped.
                let rest = frames.take_rest();
                let is_whole = rest.ends_with(b"\n") || rest.ends_with(b"\r");
                let (keep, fault) =
                    if is_whole { look_at(&rest, observer, &mut false) } else { (false, None) };
                taken.fault = fault;
                let had_mark = observer.progress().ended;
                observer.finish();
                if keep {
                    taken.bytes = vec![rest, Bytes::from_static(b"\n")];
                }
                if observer.progress().ended && !had_mark {
                    taken.bytes.extend(mark_of_the_end(*dialect).map(Bytes::from_static));
                }
            }
            Self::Translate { decoder, translator } => {
                let mut out = Vec::new();
                let mut note = |verdict| {
                    if let Verdict::Error(fault) = verdict {
                        taken.fault.get_or_insert(fault);
                    }
                };
                decoder.finish(&mut |event| note(translator.feed(event, &mut out)));
                note(translator.finish(&mut out));
                taken.bytes.extend((!out.is_empty()).then(|| Bytes::from(out)));
            }
            Self::Raw(progress) => progress.ended = true,
        }
        taken
    }

    /// Tells the caller of an error after the commit, in his dialect. `None` where only breaking off is left.
    pub fn fail(&mut self, fault: UpstreamFault) -> Option<Bytes> {
        let mut out = Vec::new();
        match self {
            Self::Pass { dialect, .. } => tidegate_llm::translate::stream_error(*dialect, fault, &mut out),
            Self::Translate { translator, .. } => translator.fail(fault, &mut out),
            Self::Raw(_) => return None,
        }
        Some(out.into())
    }
}

/// What ends a stream in a dialect, for a provider that told why it ended and then forgot to say so (case 17).
fn mark_of_the_end(dialect: Dialect) -> Option<&'static [u8]> {
    match dialect {
        Dialect::OpenaiChat => Some(b"data: [DONE]\n\n"),
        Dialect::Anthropic => Some(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
        Dialect::OpenaiResponses | Dialect::Gemini => None,
    }
}

/// Lets the observer see one frame; tells whether it is passed on, and the error in it.
fn look_at(frame: &[u8], observer: &mut Observer, alive: &mut bool) -> (bool, Option<UpstreamFault>) {
    // A comment alone is no sign of life (fault 38); an event may begin with one.
    *alive |= !frame.starts_with(b":") || memchr::memmem::find(frame, b"data").is_some();
    match observer.observe_frame(frame) {
        Verdict::Withhold => (false, None),
        Verdict::Error(fault) => (true, Some(fault)),
        Verdict::Good | Verdict::Neutral | Verdict::Malformed => (true, None),
    }
}
