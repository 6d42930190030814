//! Golden translation: what each vendor sends becomes, in every other dialect, what the snapshots say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "golden/cases.rs"]
mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cases::{Case, others, relay, to_caller, to_target};
use proptest::prelude::*;
use serde_json::Value;
use tidegate_llm::Dialect;
use tidegate_llm::codec::StreamDecoder;
use tidegate_llm::hub::{Event, PartStart, StopReason};
use tidegate_llm::passage::{Endpoint, Observer, peek, read_answer};
use tidegate_llm::progress::Progress;
use tidegate_llm::sse::{SseDecoder, SseEvent};

fn check(case: &Case, kind: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(&case.folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(kind, text));
}

/// JSON for people.
fn pretty(json: &[u8]) -> String {
    match serde_json::from_slice::<Value>(json) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap(),
        Err(error) => format!("NOT JSON ({error}): {}", String::from_utf8_lossy(json)),
    }
}

#[test]
fn requests() {
    for case in cases::all() {
        let Some(body) = case.read("request.json") else { continue };
        let mut text = String::new();
        for target in Dialect::ALL {
            let _ = writeln!(text, "=== {} → {target}", case.dialect);
            let _ = match to_target(case.dialect, &body, target) {
                Ok(prepared) => {
                    let dropped = prepared.encoded.dropped;
                    writeln!(text, "{}\ndropped: {dropped:?}", pretty(&prepared.encoded.body))
                }
                Err(refusal) => writeln!(text, "refused: {refusal} ({:?})", refusal.param),
            };
        }
        check(&case, "request", &text);
    }
}

#[test]
fn responses() {
    for case in cases::all() {
        let Some(body) = case.read("response.json") else { continue };
        let mut text = String::new();
        for caller in others(case.dialect) {
            let _ = writeln!(text, "=== {} → {caller}", case.dialect);
            let _ = match to_caller(case.dialect, &body, caller) {
                Ok(answer) => writeln!(text, "{}", pretty(&answer.body)),
                Err(fault) => writeln!(text, "fault: {fault:?}"),
            };
        }
        check(&case, "response", &text);
    }
}

#[test]
fn streams() {
    for case in cases::all() {
        let Some(body) = case.read("stream.sse") else { continue };
        let mut text = String::new();
        for caller in others(case.dialect) {
            let streamed = relay(case.dialect, &[&body], caller, true);
            let _ = writeln!(text, "=== {} → {caller}", case.dialect);
            let _ = write!(text, "{}", String::from_utf8_lossy(&streamed.bytes).replace('\r', "␍"));
        }
        check(&case, "stream", &text);
    }
}

/// What an answer says, whatever the dialect.
#[derive(Clone, Debug, Default, PartialEq)]
struct Gist {
    /// Refusals too: they are plain text in some dialects.
    text: String,
    calls: Vec<(String, String)>,
    stop: Option<StopReason>,
    is_ended: bool,
    is_failed: bool,
}

fn gist(dialect: Dialect, body: &[u8]) -> Gist {
    let mut events = Vec::new();
    let mut decoder = StreamDecoder::new(dialect);
    let mut read = |event: SseEvent<'_>| decoder.decode(event, &mut events).unwrap();
    let mut sse = SseDecoder::default();
    sse.feed(body, &mut read).unwrap();
    sse.finish(&mut read);
    decoder.finish(&mut events);
    let mut gist = Gist::default();
    let mut calls = BTreeMap::new();
    let mut open = BTreeSet::new();
    for event in events {
        match event {
            Event::PartStart { index, part } => {
                assert!(open.insert(index), "part {index} starts twice");
                if let PartStart::ToolCall { name, .. } = part {
                    calls.insert(index, (name, String::new()));
                }
            }
            Event::PartEnd { index } => assert!(open.remove(&index), "part {index} ends twice"),
            Event::Arguments { index, json } => calls.get_mut(&index).unwrap().1.push_str(&json),
            Event::Text { text, .. } => gist.text.push_str(&text),
            Event::Finish(stop) => gist.stop = Some(stop),
            Event::End => gist.is_ended = true,
            Event::Error(_) => gist.is_failed = true,
            _ => {}
        }
    }
    assert!(gist.is_failed || open.is_empty(), "parts {open:?} never end");
    let parse = |(name, json): (String, String)| {
        let json = serde_json::from_str::<Value>(if json.is_empty() { "{}" } else { &json });
        (name, json.map_or_else(|error| error.to_string(), |json| json.to_string()))
    };
    gist.calls = calls.into_values().map(parse).collect();
    gist
}

#[test]
fn a_translated_stream_says_what_the_original_said() {
    for case in cases::all() {
        let Some(body) = case.read("stream.sse") else { continue };
        let original = gist(case.dialect, &body);
        for caller in others(case.dialect) {
            let streamed = relay(case.dialect, &[&body], caller, true);
            let mut translated = gist(caller, &streamed.bytes);
            let place = format!("{}/{} → {caller}", case.dialect, case.name);
            // Not every dialect has a word for every reason; the snapshots hold what becomes of them.
            translated.stop.clone_from(&original.stop);
            assert_eq!(translated, original, "{place}");
            assert_eq!(streamed.progress.ended, original.is_ended, "{place}");
            assert_eq!(streamed.progress.failed, original.is_failed, "{place}");
            assert_eq!(streamed.progress.malformed, 0, "{place}");
        }
    }
}

#[test]
fn a_passing_stream_is_seen_like_a_translated_one() {
    for case in cases::all() {
        let Some(body) = case.read("stream.sse") else { continue };
        let caller = others(case.dialect).next().unwrap();
        let translated = relay(case.dialect, &[&body], caller, true).progress;
        let mut observer = Observer::new(Endpoint::from(case.dialect), false);
        let mut decoder = SseDecoder::default();
        decoder.feed(&body, &mut |event| drop(observer.observe(event))).unwrap();
        observer.finish();
        let seen = observer.into_progress();
        let place = format!("{}/{}", case.dialect, case.name);
        // Escapes are counted as written, and a call's arguments with their braces: near enough for an estimate.
        assert!(seen.text_bytes.abs_diff(translated.text_bytes) <= 40, "{place}: {seen:?} {translated:?}");
        assert_eq!(Progress { text_bytes: 0, ..seen }, Progress { text_bytes: 0, ..translated }, "{place}");
    }
}

#[test]
fn a_passing_answer_is_read_like_a_translated_one() {
    for case in cases::all() {
        let Some(body) = case.read("response.json") else { continue };
        let caller = others(case.dialect).next().unwrap();
        let Ok(translated) = to_caller(case.dialect, &body, caller) else { continue };
        let seen = read_answer(Endpoint::from(case.dialect), &body).unwrap();
        let place = format!("{}/{}", case.dialect, case.name);
        assert_eq!(
            (seen.usage, seen.model),
            (translated.progress.usage, translated.progress.model),
            "{place}"
        );
    }
}

#[test]
fn every_request_of_a_vendor_passes_the_peek() {
    for case in cases::all() {
        let Some(body) = case.read("request.json") else { continue };
        let seen = peek(Endpoint::from(case.dialect), &body);
        let request = cases::request_of(case.dialect, &body).unwrap();
        let seen = seen.unwrap_or_else(|refusal| panic!("{}/{}: {refusal}", case.dialect, case.name));
        let place = format!("{}/{}", case.dialect, case.name);
        assert_eq!((seen.stream, seen.max_tokens), (request.stream, request.max_output_tokens), "{place}");
        assert_eq!(seen.end_user, request.end_user, "{place}");
        assert_eq!(seen.service_tier, request.service_tier, "{place}");
    }
}

#[test]
fn fault_37_a_stream_cut_at_any_byte_gives_a_beginning_of_the_whole() {
    for case in cases::all() {
        let Some(body) = case.read("stream.sse") else { continue };
        for caller in others(case.dialect) {
            let whole = relay(case.dialect, &[&body], caller, true).bytes;
            let mut longest = 0;
            // Only line ends change what is known; the bytes between them are tried in steps.
            for cut in (0..body.len()).filter(|cut| body[*cut] == b'\n' || cut % 61 == 0) {
                let part = relay(case.dialect, &[&body[..cut]], caller, false).bytes;
                assert!(whole.starts_with(&part), "{}/{} → {caller} cut at {cut}", case.dialect, case.name);
                assert!(part.len() >= longest);
                longest = part.len();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_chunking_of_a_stream_gives_the_same_translation(
        cuts in proptest::collection::vec(0.0_f64..1.0, 0..12)
    ) {
        for case in cases::all() {
            let Some(body) = case.read("stream.sse") else { continue };
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * body.len() as f64) as usize).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&body[from..cut]);
                from = cut;
            }
            pieces.push(&body[from..]);
            for caller in others(case.dialect) {
                let whole = relay(case.dialect, &[&body], caller, true).bytes;
                prop_assert_eq!(relay(case.dialect, &pieces, caller, true).bytes, whole);
            }
        }
    }
}
