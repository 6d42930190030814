//! Translation as the data plane uses it: a request to a target of another dialect, its answer back to the caller.

use serde_json::Value;
use tidegate_core::FaultKind;

use crate::Dialect;
use crate::adapt::{Adapted, ToolNames, adapt_event, adapt_request, adapt_response};
use crate::codec::{Encoded, Reply, StreamDecoder, StreamEncoder, decode_response, encode_request};
use crate::fault::{BadRequest, UpstreamFault};
use crate::form::Form;
use crate::hub::{ChatRequest, ChatResponse, Event, Part, PartStart, StopReason};
use crate::progress::{Progress, Verdict};
use crate::quirks::Profile;
use crate::sse::SseEvent;
use crate::usage::Usage;

/// Fields of OpenAI responses that point to what the provider keeps.
const KEPT_AT_THE_PROVIDER: [&str; 4] = ["previous_response_id", "conversation", "prompt", "background"];

/// Completes a usage report before the caller sees it: sets [`Usage::cost`] and, where the report is `estimated`
/// because the provider sent none, the `input` that is still 0.
pub type Complete = Box<dyn Fn(&mut Usage) + Send + Sync>;

/// A request ready for a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Body and dropped fields.
    pub encoded: Encoded,
    /// Needed to translate the answer.
    pub names: ToolNames,
}

/// Writes `request`, which came in `caller`'s dialect, for a target that speaks `target`. With `strict`, a field that
/// the target's dialect cannot carry is a complaint instead of a loss.
pub fn prepare(
    caller: Dialect,
    request: &ChatRequest,
    target: Dialect,
    profile: &Profile<'_>,
    strict: bool,
) -> Result<Prepared, BadRequest> {
    if caller != target {
        refuse_kept_state(request, target)?;
    }
    let mut adapted = request.clone();
    let Adapted { names, dropped } = adapt_request(&mut adapted, caller, target, profile.quirks);
    let mut encoded = encode_request(target, &adapted, profile)?;
    for name in dropped {
        if !encoded.dropped.contains(&name) {
            encoded.dropped.push(name);
        }
    }
    match encoded.dropped.first() {
        Some(first) if strict => {
            let message = format!("strict mode: {target} cannot carry `{}`", encoded.dropped.join("`, `"));
            let field = first.split(" (").next().unwrap_or(first);
            Err(BadRequest::field(field, message))
        }
        _ => Ok(Prepared { encoded, names }),
    }
}

/// A conversation that lies at another provider cannot be continued here.
fn refuse_kept_state(request: &ChatRequest, target: Dialect) -> Result<(), BadRequest> {
    if request.unmapped.dialect.is_some_and(|dialect| dialect != Dialect::OpenaiResponses) {
        return Ok(());
    }
    let told = |path: &str| {
        let message = format!(
            "`{path}` points to what an OpenAI responses provider keeps, and this model's provider speaks {target}, \
             which keeps nothing; send the whole conversation in `input`"
        );
        BadRequest::field(path, message)
    };
    for (path, value) in &request.unmapped.fields {
        let is_off = matches!(value, Value::Null | Value::Bool(false));
        if KEPT_AT_THE_PROVIDER.contains(&path.as_str()) && !is_off {
            return Err(told(path));
        }
    }
    let reference = request.turns.iter().flat_map(|turn| &turn.parts).find_map(|part| match part {
        Part::Opaque { dialect: Dialect::OpenaiResponses, name, .. } if name.contains("item_reference") => {
            Some(name)
        }
        _ => None,
    });
    reference.map_or(Ok(()), |name| Err(told(name.split(" (").next().unwrap_or(name))))
}

/// A whole answer in the caller's dialect.
#[derive(Clone, Debug, PartialEq)]
pub struct Translated {
    /// The JSON body.
    pub body: Vec<u8>,
    /// Why the answer ended.
    pub stop: StopReason,
    /// Tokens, model, length.
    pub progress: Progress,
}

/// Translates a provider's whole answer (status 200). An error inside it is a fault.
pub fn translate_response(
    target: Dialect,
    caller: Form,
    body: &[u8],
    reply: &Reply,
    names: &ToolNames,
    complete: Option<&Complete>,
) -> Result<Translated, UpstreamFault> {
    let mut response = decode_response(target, body)?;
    adapt_response(&mut response, caller.dialect(), names);
    let mut progress = Progress { good: true, finished: true, ended: true, ..Progress::default() };
    progress.model = Some(response.model.clone()).filter(|model| !model.is_empty());
    progress.text_bytes = text_bytes(&response);
    if let Some(complete) = complete {
        complete(response.usage.get_or_insert_with(|| guess(&progress)));
    }
    progress.usage.clone_from(&response.usage);
    let reply = Reply { origin: Some(target), ..reply.clone() };
    let body = caller.encode_response(&response, &reply);
    Ok(Translated { body, stop: response.stop, progress })
}

fn text_bytes(response: &ChatResponse) -> u64 {
    let lengths = response.parts.iter().map(|part| match part {
        Part::Text { text, .. } | Part::Refusal(text) => text.len(),
        Part::Reasoning(thoughts) => thoughts.text.len(),
        Part::ToolCall(call) => call.arguments.len(),
        _ => 0,
    });
    lengths.sum::<usize>() as u64
}

/// A report made up from the length of the text, marked as such.
fn guess(progress: &Progress) -> Usage {
    Usage { output: progress.guessed_output(), estimated: true, ..Usage::default() }
}

/// Translates one stream. An error of the provider is told to the relay, not to the caller: the relay decides whether
/// another target takes over or [`Translator::fail`] tells the caller.
pub struct Translator {
    decoder: StreamDecoder,
    encoder: StreamEncoder,
    caller: Dialect,
    names: ToolNames,
    complete: Option<Complete>,
    events: Vec<Event>,
    progress: Progress,
    stop: Option<StopReason>,
    is_over: bool,
}

impl std::fmt::Debug for Translator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translator").field("caller", &self.caller).field("progress", &self.progress).finish()
    }
}

impl Translator {
    /// A translator of a stream that has not begun.
    pub fn new(target: Dialect, caller: Form, mut reply: Reply, names: ToolNames) -> Self {
        reply.origin = Some(target);
        Self {
            decoder: StreamDecoder::new(target),
            encoder: caller.stream_encoder(reply),
            caller: caller.dialect(),
            names,
            complete: None,
            events: Vec::new(),
            progress: Progress::default(),
            stop: None,
            is_over: false,
        }
    }

    /// The same with reports of tokens completed by `complete`.
    #[must_use]
    pub fn completing(mut self, complete: Complete) -> Self {
        self.complete = Some(complete);
        self
    }

    /// Takes in one event of the target and appends what the caller is to get. After an error nothing more is written
    /// but by [`Translator::fail`].
    pub fn feed(&mut self, event: SseEvent<'_>, out: &mut Vec<u8>) -> Verdict {
        let mut events = std::mem::take(&mut self.events);
        let decoded = self.decoder.decode(event, &mut events);
        let fault = self.tell(&mut events, out);
        self.events = events;
        match (fault, decoded) {
            (Some(fault), _) => Verdict::Error(fault),
            (None, Err(_)) => {
                self.progress.malformed += 1;
                Verdict::Malformed
            }
            (None, Ok(())) if self.progress.good => Verdict::Good,
            (None, Ok(())) => Verdict::Neutral,
        }
    }

    /// The target's body has ended. Appends the ending if the stream was complete; [`Progress::ended`] tells. If it was
    /// not, nothing is appended: the relay calls [`Translator::fail`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Verdict {
        let mut events = std::mem::take(&mut self.events);
        self.decoder.finish(&mut events);
        match self.tell(&mut events, out) {
            Some(fault) => Verdict::Error(fault),
            None if self.progress.good => Verdict::Good,
            None => Verdict::Neutral,
        }
    }

    /// Ends the caller's stream with an error in the caller's dialect. Nothing follows it.
    pub fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<u8>) {
        if !self.is_over {
            self.encoder.encode(&Event::Error(fault), out);
        }
        self.progress.failed = true;
        self.is_over = true;
    }

    /// What is known so far.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Why the answer ended, once it is known.
    pub fn stop(&self) -> Option<&StopReason> {
        self.stop.as_ref()
    }

    fn tell(&mut self, events: &mut Vec<Event>, out: &mut Vec<u8>) -> Option<UpstreamFault> {
        for mut event in events.drain(..) {
            if self.progress.failed || self.is_over {
                continue;
            }
            adapt_event(&mut event, self.caller, &self.names);
            self.note(&event);
            match &mut event {
                Event::Error(fault) => {
                    self.progress.failed = true;
                    let unknown = || UpstreamFault::new(FaultKind::Upstream, "");
                    return Some(std::mem::replace(fault, unknown()));
                }
                Event::Usage(usage) => self.count(usage),
                Event::End => self.end(out),
                _ => {}
            }
            self.encoder.encode(&event, out);
        }
        None
    }

    /// Puts a report together with the earlier ones; the caller gets the whole.
    fn count(&mut self, usage: &mut Usage) {
        self.progress.note_usage(usage);
        if let Some(total) = &mut self.progress.usage {
            if let Some(complete) = &self.complete {
                complete(total);
            }
            usage.clone_from(total);
        }
    }

    /// The stream ends well; if it never told its tokens, an estimate goes out before the end.
    fn end(&mut self, out: &mut Vec<u8>) {
        self.progress.ended = true;
        self.is_over = true;
        if let (None, Some(complete)) = (&self.progress.usage, &self.complete) {
            let mut usage = guess(&self.progress);
            complete(&mut usage);
            self.encoder.encode(&Event::Usage(usage.clone()), out);
            self.progress.usage = Some(usage);
        }
    }

    fn note(&mut self, event: &Event) {
        let progress = &mut self.progress;
        match event {
            Event::Start { model, .. } if !model.is_empty() => progress.model = Some(model.clone()),
            Event::Text { text, .. }
            | Event::Reasoning { text, .. }
            | Event::Arguments { json: text, .. } => {
                progress.text_bytes += text.len() as u64;
                progress.good |= !text.is_empty();
            }
            Event::PartStart { part: PartStart::Reasoning { .. } | PartStart::ToolCall { .. }, .. }
            | Event::Signature { .. }
            | Event::Cite { .. } => progress.good = true,
            Event::Finish(stop) => {
                progress.good = true;
                progress.finished = true;
                self.stop = Some(stop.clone());
            }
            _ => {}
        }
    }
}

/// Writes `fault` as the dialect's event inside a stream, for a stream that passed through so far.
pub fn stream_error(caller: Dialect, fault: UpstreamFault, out: &mut Vec<u8>) {
    StreamEncoder::new(caller, Reply::default()).encode(&Event::Error(fault), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Role, Turn, Unmapped};
    use serde_json::json;

    fn refused(field: &str, value: Value, target: Dialect) -> Option<String> {
        let unmapped =
            Unmapped { dialect: Some(Dialect::OpenaiResponses), fields: vec![(field.to_owned(), value)] };
        let request = ChatRequest { unmapped, ..ChatRequest::default() };
        refuse_kept_state(&request, target).err().and_then(|refusal| refusal.param)
    }

    #[test]
    fn what_lies_at_a_provider_is_refused_elsewhere() {
        for field in KEPT_AT_THE_PROVIDER {
            assert_eq!(refused(field, json!("x"), Dialect::Anthropic).as_deref(), Some(field));
        }
        assert_eq!(refused("background", json!(false), Dialect::Gemini), None);
        assert_eq!(refused("truncation", json!("auto"), Dialect::Gemini), None);
        let name = "input[1] (item_reference)".to_owned();
        let part = Part::Opaque { dialect: Dialect::OpenaiResponses, name, json: json!({"id": "msg_1"}) };
        let turn = Turn { role: Role::Assistant, parts: vec![part], name: None };
        let request = ChatRequest { turns: vec![turn], ..ChatRequest::default() };
        let refusal = refuse_kept_state(&request, Dialect::OpenaiChat).unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some("input[1]"));
    }
}
