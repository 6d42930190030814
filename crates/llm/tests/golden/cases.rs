//! The golden cases: what vendors send, and how it is put through the translation. Shared by the tests and by the generator of
//! `docs/translation.md`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_llm::codec::{Reply, decode_request};
use tidegate_llm::form::Form;
use tidegate_llm::hub::ChatRequest;
use tidegate_llm::progress::{Progress, Verdict};
use tidegate_llm::sse::{SseDecoder, SseEvent};
use tidegate_llm::translate::{Prepared, Translated, Translator, prepare, translate_response};
use tidegate_llm::{BadRequest, Dialect, Profile, UpstreamFault};

/// One folder of golden files.
pub(crate) struct Case {
    /// Whose bytes these are.
    pub(crate) dialect: Dialect,
    /// The folder's name.
    pub(crate) name: String,
    /// The folder.
    pub(crate) folder: PathBuf,
}

impl Case {
    /// One of its files, if it has it.
    pub(crate) fn read(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(file)).ok()
    }
}

/// All cases, in the order of their names.
pub(crate) fn all() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = Vec::new();
    for dialect in Dialect::ALL {
        let folders = std::fs::read_dir(root.join(dialect.name())).expect("the golden folder");
        for folder in folders.map(|entry| entry.expect("a folder").path()) {
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            cases.push(Case { dialect, name, folder });
        }
    }
    cases.sort_by(|a, b| (a.dialect.name(), &a.name).cmp(&(b.dialect.name(), &b.name)));
    cases
}

/// The dialects that a case is translated to.
pub(crate) fn others(dialect: Dialect) -> impl Iterator<Item = Dialect> {
    Dialect::ALL.into_iter().filter(move |other| *other != dialect)
}

/// A caller's request as the data plane decodes it.
pub(crate) fn request_of(dialect: Dialect, body: &[u8]) -> Result<ChatRequest, BadRequest> {
    let mut request = decode_request(dialect, body)?;
    if dialect == Dialect::Gemini {
        request.model = "gemini-2.5-pro".to_owned();
    }
    Ok(request)
}

/// The request for a target that speaks `target`.
pub(crate) fn to_target(caller: Dialect, body: &[u8], target: Dialect) -> Result<Prepared, BadRequest> {
    prepare(caller, &request_of(caller, body)?, target, &Profile::plain(model_of(target)), false)
}

/// A model that such a target offers; what it can do decides some translations.
const fn model_of(target: Dialect) -> &'static str {
    match target {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => "gpt-5.2",
        Dialect::Anthropic => "claude-sonnet-4-5",
        Dialect::Gemini => "gemini-2.5-pro",
    }
}

/// What the gateway adds to an answer, the same in every run.
pub(crate) fn reply() -> Reply {
    let request = ChatRequest { model: "target-model".into(), include_usage: true, ..ChatRequest::default() };
    Reply {
        id: "0123456789abcdef".into(),
        model: "target-model".into(),
        now: 1_741_570_000,
        include_usage: true,
        request: Arc::new(request),
        ..Reply::default()
    }
}

/// The answer of a `target` in the words of a `caller`.
pub(crate) fn to_caller(target: Dialect, body: &[u8], caller: Dialect) -> Result<Translated, UpstreamFault> {
    translate_response(target, Form::Plain(caller), body, &reply(), &Default::default(), None)
}

/// The bytes that a caller gets, and what was seen on the way.
pub(crate) struct Streamed {
    /// All bytes.
    pub(crate) bytes: Vec<u8>,
    /// What each event gave: its name, its data, the bytes for the caller.
    pub(crate) steps: Vec<(String, Vec<u8>, Vec<u8>)>,
    /// At the end.
    pub(crate) progress: Progress,
}

/// Relays a stream that comes in `pieces`, as the data plane does: an error is told to the caller.
pub(crate) fn relay(target: Dialect, pieces: &[&[u8]], caller: Dialect, is_whole: bool) -> Streamed {
    let mut translator = Translator::new(target, Form::Plain(caller), reply(), Default::default());
    let mut streamed = Streamed { bytes: Vec::new(), steps: Vec::new(), progress: Progress::default() };
    let mut decoder = SseDecoder::default();
    let mut on_event = |event: SseEvent<'_>| {
        let before = streamed.bytes.len();
        if let Verdict::Error(fault) = translator.feed(event, &mut streamed.bytes) {
            translator.fail(fault, &mut streamed.bytes);
        }
        let told = streamed.bytes[before..].to_vec();
        streamed.steps.push((event.name.to_owned(), event.data.to_vec(), told));
    };
    for piece in pieces {
        decoder.feed(piece, &mut on_event).expect("events of a sane size");
    }
    if is_whole {
        decoder.finish(&mut on_event);
        translator.finish(&mut streamed.bytes);
    }
    streamed.progress = translator.progress().clone();
    streamed
}
