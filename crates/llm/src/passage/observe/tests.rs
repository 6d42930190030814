//! Streams as the vendors send them.

use super::*;
use crate::Dialect;

fn watch(endpoint: Endpoint, hide_usage: bool, events: &[(&str, &str)]) -> (Vec<Verdict>, Progress) {
    let mut observer = Observer::new(endpoint, hide_usage);
    let verdicts = events
        .iter()
        .map(|(name, data)| observer.observe(SseEvent { name, data: data.as_bytes() }))
        .collect();
    observer.finish();
    (verdicts, observer.into_progress())
}

fn words(verdicts: &[Verdict]) -> String {
    let letters = verdicts.iter().map(|verdict| match verdict {
        Verdict::Good => 'g',
        Verdict::Neutral => 'n',
        Verdict::Withhold => 'w',
        Verdict::Error(_) => 'e',
        Verdict::Malformed => 'm',
    });
    letters.collect()
}

const ROLE: &str = r#"{"id":"c","object":"chat.completion.chunk","model":"gpt-4.1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
const WORD: &str = r#"{"id":"c","model":"gpt-4.1","choices":[{"index":0,"delta":{"content": "He\"y"},"finish_reason":null}],"usage":null}"#;
const STOP: &str = r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const COUNT: &str = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12},"service_tier":"default"}"#;

#[test]
fn case_05_usage_that_the_caller_did_not_ask_for_is_withheld() {
    let events = [("", ROLE), ("", WORD), ("", WORD), ("", STOP), ("", COUNT), ("", "[DONE]")];
    let (verdicts, progress) = watch(Endpoint::Chat, true, &events);
    assert_eq!(words(&verdicts), "ngggwn");
    let usage = progress.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.service_tier.as_deref()), (9, 3, Some("default")));
    assert!(progress.good && progress.finished && progress.ended);
    assert_eq!((progress.model.as_deref(), progress.text_bytes), (Some("gpt-4.1"), 10));
    assert_eq!(words(&watch(Endpoint::Chat, false, &events).0), "nggggn");
}

#[test]
fn case_27_what_was_told_before_an_event_over_the_limit_stays_counted() {
    let count = COUNT.replace("[]", r#"[{"index":0,"delta":{"content":"x"},"finish_reason":null}]"#);
    let good = format!("data: {WORD}\n\ndata: {count}\n\n");
    let endless = vec![b'x'; crate::sse::SseDecoder::LIMIT + 1];
    let piece = bytes::Bytes::from([good.as_bytes(), b"data: ", &endless].concat());
    let (mut observer, mut out) = (Observer::new(Endpoint::Chat, false), Vec::new());
    let mut keep = |frame: &[u8]| observer.observe_frame(frame) == Verdict::Good;
    assert!(crate::frames::Frames::default().push(piece, &mut keep, &mut out).is_err());
    assert_eq!(out.concat(), good.as_bytes(), "what came before it is passed on");
    let usage = observer.progress().usage.clone().unwrap();
    assert_eq!((usage.input, usage.output), (9, 3));
    assert_eq!(observer.progress().text_bytes, 6);
}

#[test]
fn fault_44_only_the_pure_usage_chunk_is_withheld() {
    let preamble = r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;
    let both = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    assert_eq!(words(&watch(Endpoint::Chat, true, &[("", preamble), ("", both), ("", COUNT)]).0), "ngw");
}

#[test]
fn case_17_a_finished_stream_without_its_mark_is_complete_and_a_cut_one_is_not() {
    assert!(watch(Endpoint::Chat, false, &[("", WORD), ("", STOP)]).1.ended);
    assert!(!watch(Endpoint::Chat, false, &[("", WORD)]).1.ended);
}

#[test]
fn case_18_a_chunk_with_nothing_but_a_role_commits_to_nothing() {
    let empty = r#"{"choices":[{"delta":{"role":"assistant","content":null,"tool_calls":[]}}]}"#;
    let tool = r#"{"choices":[{"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"a"}]}}]}"#;
    let thought = r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#;
    for (chunk, expected) in [(empty, "n"), (tool, "g"), (thought, "g"), (STOP, "g")] {
        assert_eq!(words(&watch(Endpoint::Chat, false, &[("", chunk)]).0), expected, "{chunk}");
    }
}

#[test]
fn fault_40_a_malformed_event_is_counted_and_the_stream_goes_on() {
    let events = [("", ROLE), ("", "{\"choices\":["), ("", WORD), ("", "oops"), ("", WORD), ("", STOP)];
    let (verdicts, progress) = watch(Endpoint::Chat, false, &events);
    assert_eq!((words(&verdicts).as_str(), progress.malformed), ("nmgmgg", 2));
}

#[test]
fn fault_47_an_error_in_a_chat_stream_is_an_error_before_and_after_the_commit() {
    let error = r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#;
    let (verdicts, progress) = watch(Endpoint::Chat, false, &[("", ROLE), ("", error), ("", "[DONE]")]);
    assert_eq!(words(&verdicts), "nen");
    assert!(progress.failed && !progress.ended && !progress.good);
    let bare = r#"{"object":"error","message":"out of memory","type":"InternalServerError","code":500}"#;
    for error in [error, bare, r#"{"detail":"gone"}"#] {
        assert_eq!(words(&watch(Endpoint::Chat, false, &[("", WORD), ("", error)]).0), "ge");
    }
}

#[test]
fn completions_are_read_like_chat() {
    let word = r#"{"choices":[{"text":"abc","index":0,"finish_reason":null}]}"#;
    let stop = r#"{"choices":[{"text":"","index":0,"finish_reason":"length"}],"usage":null}"#;
    let (verdicts, progress) = watch(Endpoint::Completions, true, &[("", word), ("", stop), ("", COUNT)]);
    assert_eq!((words(&verdicts).as_str(), progress.text_bytes), ("ggw", 3));
}

#[test]
fn case_13_an_error_after_response_created_reaches_fail_over() {
    let created = r#"{"type":"response.created","sequence_number":0,"response":{"model":"gpt-5","usage":null,"error":null}}"#;
    let error = r#"{"type":"error","code":"insufficient_quota","message":"no money","param":null,"sequence_number":1}"#;
    let (verdicts, progress) = watch(
        Endpoint::Responses,
        false,
        &[("response.created", created), ("response.in_progress", created), ("error", error)],
    );
    assert_eq!(words(&verdicts), "nne");
    assert!(!progress.good);
    assert_eq!(progress.model.as_deref(), Some("gpt-5"));
}

#[test]
fn case_07_failed_and_incomplete_responses_still_tell_tokens() {
    let usage = r#"{"input_tokens":4,"output_tokens":6,"total_tokens":10}"#;
    let failed = format!(
        r#"{{"type":"response.failed","response":{{"error":{{"code":"server_error","message":"x"}},"usage":{usage}}}}}"#
    );
    let (verdicts, progress) = watch(Endpoint::Responses, false, &[("response.failed", &failed)]);
    assert_eq!(words(&verdicts), "e");
    assert_eq!(progress.usage.map(|usage| usage.output), Some(6));
    let incomplete =
        format!(r#"{{"type":"response.incomplete","response":{{"error":null,"usage":{usage}}}}}"#);
    let (verdicts, progress) = watch(Endpoint::Responses, false, &[("", &incomplete)]);
    assert_eq!(words(&verdicts), "g");
    assert!(progress.ended && progress.finished && progress.usage.is_some());
}

#[test]
fn a_response_commits_at_its_first_words_thoughts_or_calls() {
    let message = r#"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#;
    let call = r#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}"#;
    let delta = r#"{"type":"response.output_text.delta","delta":"word","logprobs":[]}"#;
    let (verdicts, progress) = watch(
        Endpoint::Responses,
        false,
        &[("response.output_item.added", message), ("response.output_text.delta", delta)],
    );
    assert_eq!((words(&verdicts).as_str(), progress.text_bytes), ("ng", 4));
    assert!(!progress.ended);
    assert_eq!(words(&watch(Endpoint::Responses, false, &[("", call)]).0), "g");
}

#[test]
fn case_02_03_04_anthropic_counts_of_both_ends_are_put_together() {
    let start = r#"{"type":"message_start","message":{"model":"claude","usage":{"input_tokens":10,"cache_read_input_tokens":100,"output_tokens":1}}}"#;
    let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    let text = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi!"}}"#;
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":10,"output_tokens":7}}"#;
    let (verdicts, progress) = watch(
        Endpoint::Messages,
        false,
        &[
            ("message_start", start),
            ("ping", "{\"type\":\"ping\"}"),
            ("content_block_start", block),
            ("content_block_delta", text),
            ("content_block_stop", "{}"),
            ("message_delta", delta),
            ("message_stop", "{\"type\":\"message_stop\"}"),
        ],
    );
    assert_eq!(words(&verdicts), "nnngggg");
    let usage = progress.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output), (110, 100, 7));
    assert!(progress.ended && progress.finished);
    assert_eq!((progress.text_bytes, progress.model.as_deref()), (3, Some("claude")));
}

#[test]
fn case_28_an_anthropic_error_after_the_preamble_commits_to_nothing() {
    let start = r#"{"type":"message_start","message":{"model":"claude","usage":{}}}"#;
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let (verdicts, progress) =
        watch(Endpoint::Messages, false, &[("message_start", start), ("error", error)]);
    assert_eq!(words(&verdicts), "ne");
    assert!(!progress.good && !progress.ended);
}

#[test]
fn case_25_unknown_anthropic_events_pass() {
    assert_eq!(words(&watch(Endpoint::Messages, false, &[("new_thing", "{\"type\":\"new_thing\"}")]).0), "n");
}

#[test]
fn case_16_gemini_has_no_end_mark() {
    let first = r#"{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1},"modelVersion":"gemini-2.5"}"#;
    let last = r#"{"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2}}"#;
    let (verdicts, progress) = watch(Endpoint::Generate, false, &[("", first), ("", last)]);
    assert_eq!(words(&verdicts), "gg");
    assert!(progress.ended && progress.finished);
    assert_eq!(progress.usage.map(|usage| usage.output), Some(2));
    assert_eq!((progress.text_bytes, progress.model.as_deref()), (5, Some("gemini-2.5")));
    assert!(!watch(Endpoint::Generate, false, &[("", first)]).1.ended);
}

#[test]
fn gemini_blocks_and_errors_are_told_apart() {
    let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#;
    let error = r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#;
    assert_eq!(words(&watch(Endpoint::Generate, false, &[("", blocked), ("", error)]).0), "ge");
}

#[test]
fn frames_are_read_like_events_and_comments_say_nothing() {
    let mut observer = Observer::new(Endpoint::Chat, true);
    let frames =
        [": OPENROUTER PROCESSING\n\n", &format!("data: {WORD}\n\n"), &format!("data: {COUNT}\r\n\r\n")];
    let verdicts: Vec<_> = frames.iter().map(|frame| observer.observe_frame(frame.as_bytes())).collect();
    assert_eq!(words(&verdicts), "ngw");
}

#[test]
fn any_endpoint_takes_any_data() {
    for endpoint in Dialect::ALL.map(Endpoint::from) {
        for data in ["", "{", "null", "[]", "{}", "{\"usage\":{}}", "{\"error\":1}", "\u{1F30A}", "[DONE"] {
            for name in ["", "message_start", "response.created", "error", "response.failed"] {
                watch(endpoint, true, &[(name, data)]);
            }
        }
    }
}
