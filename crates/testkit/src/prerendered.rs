//! The `bench` content: answers that are made once and then only copied.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Deserialize;

use crate::answer::{Part, Reply};
use crate::ask::{Ask, Dialect};
use crate::frames::{self, Step, Style};
use crate::render;
use crate::script::Script;

/// Size of the plain body, in bytes.
const BODY_SIZE: usize = 600;

/// The few fields of a request that decide on a prerendered answer. Everything else is skipped, not stored.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Peek<'a> {
    #[serde(borrow, default)]
    pub(crate) model: Cow<'a, str>,
    #[serde(default)]
    pub(crate) stream: bool,
    #[serde(default)]
    stream_options: Option<PeekOptions>,
}

#[derive(Debug, Default, Deserialize)]
struct PeekOptions {
    #[serde(default)]
    include_usage: bool,
}

impl<'a> Peek<'a> {
    /// What decides where the model and the wish for a stream stand in the path.
    pub(crate) fn of(model: &'a str, stream: bool) -> Self {
        Self { model: model.into(), stream, stream_options: None }
    }

    /// Whether the stream shall end with its usage.
    pub(crate) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage)
    }
}

/// Answers already made, by all that they depend on.
#[derive(Debug, Default)]
pub(crate) struct Prerendered(Mutex<HashMap<Key, Arc<[Bytes]>>>);

/// What an answer of `bench` depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) dialect: Dialect,
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
}

impl Prerendered {
    /// The pieces of the answer: one for a plain body, one per event for a stream.
    pub(crate) fn get(&self, key: Key, script: &Script) -> Arc<[Bytes]> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pieces) = made.get(&key) {
            return Arc::clone(pieces);
        }
        let pieces: Arc<[Bytes]> = make(&key, script).into();
        made.insert(key, Arc::clone(&pieces));
        pieces
    }
}

fn make(key: &Key, script: &Script) -> Vec<Bytes> {
    let ask = Ask { model: key.model.clone(), include_usage: key.include_usage, ..Ask::default() };
    if key.stream {
        let reply = Reply::compose(script, &ask);
        let steps = frames::of_events(script, &render::events(key.dialect, &reply), Style::Sse);
        return steps
            .into_iter()
            .filter_map(|step| if let Step::Send(bytes) = step { Some(bytes) } else { None })
            .collect();
    }
    let body = |text: String| {
        let mut reply = Reply::compose(script, &ask);
        reply.parts = vec![Part::Text(vec![text])];
        render::json(key.dialect, &reply).to_string()
    };
    let padding = BODY_SIZE.saturating_sub(body(String::new()).len());
    vec![body("x".repeat(padding)).into()]
}
