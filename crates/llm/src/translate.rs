//! Translation as the data plane uses it: a request to a target of another dialect, its answer back to the caller.

use tidegate_core::FaultKind;

use crate::Dialect;
use crate::adapt::{Adapted, ToolNames, adapt_event, adapt_request, adapt_response};
use crate::codec::{Encoded, Reply, StreamDecoder, StreamEncoder, decode_response, encode_request};
use crate::fault::{BadRequest, UpstreamFault};
use crate::form::Form;
use crate::hub::{ChatRequest, ChatResponse, Event, Part, PartStart, StopReason};
use crate::openai_responses::stateful_field;
use crate::progress::{Progress, Verdict};
use crate::quirks::Profile;
use crate::sse::SseEvent;
use crate::usage::Usage;

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

/// A conversation, or a part of it, that lies at another provider cannot be continued here.
fn refuse_kept_state(request: &ChatRequest, target: Dialect) -> Result<(), BadRequest> {
    let is_cache = |(path, _): &&(String, _)| path == "cachedContent";
    let of_gemini = request.unmapped.dialect == Some(Dialect::Gemini);
    let cached = request.unmapped.fields.iter().find(is_cache).filter(|_| of_gemini);
    let Some(field) = stateful_field(request).or(cached.map(|_| "cachedContent")) else { return Ok(()) };
    let message = format!(
        "`{field}` points to what its own provider keeps; the provider of this model speaks {target} and cannot see it: \
         send the whole conversation"
    );
    Err(BadRequest::field(field.split(" (").next().unwrap_or(field), message))
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

/// Bytes of text, thoughts and tool arguments.
pub(crate) fn text_bytes(response: &ChatResponse) -> u64 {
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
    use crate::codec::decode_request;
    use crate::quirks::Quirks;
    use serde_json::{Value, json};

    fn refused(body: &Value, target: Dialect) -> Option<String> {
        let request = decode_request(Dialect::OpenaiResponses, body.to_string().as_bytes()).unwrap();
        let profile = Profile::plain("m");
        prepare(Dialect::OpenaiResponses, &request, target, &profile, false).err().and_then(|told| told.param)
    }

    #[test]
    fn what_lies_at_a_provider_is_refused_elsewhere() {
        for (field, value) in [
            ("previous_response_id", json!("resp_1")),
            ("conversation", json!("conv_1")),
            ("prompt", json!({"id": "pmpt_1"})),
            ("background", json!(true)),
        ] {
            let body = json!({"model": "m", "input": "Go on", field: value});
            assert_eq!(refused(&body, Dialect::OpenaiChat).as_deref(), Some(field));
            assert_eq!(refused(&body, Dialect::OpenaiResponses), None);
        }
        let body = json!({"model": "m", "input": [{"type": "item_reference", "id": "msg_1"}]});
        assert_eq!(refused(&body, Dialect::OpenaiChat).as_deref(), Some("input"));
        let cached = br#"{"contents":[{"parts":[{"text":"Hi"}]}],"cachedContent":"cachedContents/1"}"#;
        let request = decode_request(Dialect::Gemini, cached).unwrap();
        for target in [Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::Anthropic] {
            let refusal =
                prepare(Dialect::Gemini, &request, target, &Profile::plain("m"), false).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some("cachedContent"));
        }
        let body = json!({"model": "m", "input": "Hi", "background": false});
        assert_eq!(refused(&body, Dialect::OpenaiChat), None);
    }

    #[test]
    fn strict_mode_names_every_field_that_would_be_lost() {
        let body =
            json!({"model": "m", "input": "Hi", "truncation": "auto", "max_tool_calls": 3}).to_string();
        let request = decode_request(Dialect::OpenaiResponses, body.as_bytes()).unwrap();
        let prepared = |strict| {
            prepare(Dialect::OpenaiResponses, &request, Dialect::OpenaiChat, &Profile::plain("m"), strict)
        };
        assert_eq!(prepared(false).unwrap().encoded.dropped, ["truncation", "max_tool_calls"]);
        let refusal = prepared(true).unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some("truncation"));
        assert_eq!(refusal.message, "strict mode: openai-chat cannot carry `truncation`, `max_tool_calls`");
    }

    #[test]
    fn case_67_the_billing_line_goes_without_a_word_even_in_strict_mode() {
        let body = br#"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"x"}],"system":[
            {"type":"text","text":"x-anthropic-billing-header: cc_version=2.1; cch=1a2b3;"}]}"#;
        let request = decode_request(Dialect::Anthropic, body).unwrap();
        for target in [Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::Gemini] {
            let prepared = prepare(Dialect::Anthropic, &request, target, &Profile::plain("m"), true).unwrap();
            assert!(memchr::memmem::find(&prepared.encoded.body, b"billing").is_none(), "{target}");
        }
    }

    #[test]
    fn case_64_thoughts_before_a_call_come_back_to_those_who_want_them() {
        let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let chat = json!({"model": "m", "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "reasoning_content": "hm", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "1"}]});
        let thinking = json!({"type": "thinking", "thinking": "hm", "signature": ""});
        let anthropic = json!({"model": "m", "max_tokens": 50, "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [thinking, {"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "1"}]}]});
        let quirks = Quirks { replay_reasoning: true, ..Quirks::BOOK };
        let profile = Profile { quirks, ..Profile::plain("deepseek-reasoner") };
        for (caller, body) in [(Dialect::OpenaiChat, chat), (Dialect::Anthropic, anthropic)] {
            let request = decode_request(caller, body.to_string().as_bytes()).unwrap();
            let prepared = prepare(caller, &request, Dialect::OpenaiChat, &profile, true).unwrap();
            let written: Value = serde_json::from_slice(&prepared.encoded.body).unwrap();
            assert_eq!(written["messages"][1]["reasoning_content"], "hm", "{caller}");
            let strict = prepare(caller, &request, Dialect::OpenaiChat, &Profile::plain("m"), true);
            assert!(strict.is_err(), "{caller}: others do not take them, and that is named");
        }
    }

    const CHUNK: &[u8] =
        br#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"12345"},"finish_reason":null}]}"#;
    const STOP: &[u8] =
        br#"{"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

    fn translator() -> Translator {
        let caller = Form::Plain(Dialect::OpenaiResponses);
        Translator::new(Dialect::OpenaiChat, caller, Reply::default(), ToolNames::default())
    }

    fn event(data: &[u8]) -> SseEvent<'_> {
        SseEvent { name: "", data }
    }

    #[test]
    fn a_stream_without_a_count_gets_a_completed_estimate() {
        let complete = |usage: &mut Usage| {
            assert!(usage.estimated);
            usage.input = 7;
        };
        let mut translator = translator().completing(Box::new(complete));
        let mut out = Vec::new();
        assert_eq!(translator.feed(event(CHUNK), &mut out), Verdict::Good);
        translator.feed(event(STOP), &mut out);
        translator.feed(event(b"[DONE]"), &mut out);
        translator.finish(&mut out);
        let usage = translator.progress().usage.clone().unwrap();
        assert_eq!((usage.input, usage.output, usage.estimated), (7, 2, true));
        assert!(translator.progress().ended);
        assert!(memchr::memmem::find(&out, b"\"input_tokens\":7").is_some());
    }

    #[test]
    fn fault_39_after_a_failure_nothing_follows() {
        let mut translator = translator();
        let mut out = Vec::new();
        translator.feed(event(CHUNK), &mut out);
        translator.finish(&mut out);
        assert!(!translator.progress().ended);
        translator.fail(UpstreamFault::new(FaultKind::Upstream, "cut"), &mut out);
        let length = out.len();
        assert!(memchr::memmem::find(&out, b"error").is_some());
        translator.feed(event(STOP), &mut out);
        translator.finish(&mut out);
        translator.fail(UpstreamFault::new(FaultKind::Upstream, "again"), &mut out);
        assert_eq!(out.len(), length);
    }

    #[test]
    fn case_13_an_error_is_told_to_the_relay_and_not_to_the_caller() {
        let mut translator = translator();
        let mut out = Vec::new();
        let error =
            br#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#;
        let verdict = translator.feed(event(error), &mut out);
        assert!(matches!(verdict, Verdict::Error(fault) if fault.kind == FaultKind::RateLimited));
        assert_eq!(out, b"");
        assert!(!translator.progress().good);
    }

    #[test]
    fn case_26_a_malformed_event_is_counted_and_skipped() {
        let mut translator = translator();
        let mut out = Vec::new();
        assert_eq!(translator.feed(event(b"{oops"), &mut out), Verdict::Malformed);
        assert_eq!(translator.feed(event(CHUNK), &mut out), Verdict::Good);
        assert_eq!(translator.progress().malformed, 1);
    }
}
