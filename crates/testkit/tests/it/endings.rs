//! How answers end, and what else happens inside a stream.

use std::time::Duration;

use tidegate_testkit::client::Stream;
use tidegate_testkit::{FakeProvider, sse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::dialects::{Dialect, FIVE, raw_request};

/// How many events come before nothing more comes for a while.
async fn events_until_silence(stream: &mut Stream) -> usize {
    let mut count = 0;
    while let Ok(event) = tokio::time::timeout(Duration::from_millis(200), stream.event()).await {
        assert!(event.unwrap().is_some(), "ended instead of stalling");
        count += 1;
    }
    count
}

#[tokio::test]
async fn stalls_hold_the_connection() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let mut stream = dialect.open(&provider, "text~stallafter-3").await;
        assert_eq!(events_until_silence(&mut stream).await, 3, "{dialect:?}");
        assert_eq!(provider.open_streams(), 1);
        stream.close().await;
        assert!(provider.wait_cancelled(Duration::from_secs(5)).await.is_some());
    }
    let waiting =
        tokio::time::timeout(Duration::from_millis(200), Dialect::Chat.open(&provider, "text~stall"));
    assert!(waiting.await.is_err());
}

#[tokio::test]
async fn cuts_and_resets_end_after_so_many_events() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        for fault in ["cut", "reset"] {
            let stream = dialect.open(&provider, &format!("long~{fault}-5")).await;
            let (events, ended) = stream.events().await;
            assert!(!ended, "{dialect:?} {fault}");
            assert_eq!(events.len(), 5, "{dialect:?} {fault}");
        }
    }
    assert!(provider.wait_idle(Duration::from_secs(5)).await);
    assert_eq!(provider.cancelled(), 0);
}

#[tokio::test]
async fn at_zero_they_come_before_the_head() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        for model in ["text~cut-0", "text~reset-0", "text~cut", "text~reset"] {
            let client = crate::dialects::client(&provider);
            let opened = client.open(&dialect.path(model, true), &dialect.body(model, true)).await;
            assert!(opened.is_err(), "{dialect:?} {model}");
        }
    }
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let provider = FakeProvider::start().await.unwrap();
    for model in ["text~reset-0", "text~sse~reset-2"] {
        let mut stream = tokio::net::TcpStream::connect(provider.addr()).await.unwrap();
        stream.write_all(raw_request(model).as_bytes()).await.unwrap();
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{model}");
    }
}

#[tokio::test]
async fn missing_terminators() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let events = dialect.events(&provider, "text~nodone").await;
        assert_eq!(dialect.streamed_text(&events), "You said: hi", "{dialect:?}");
        assert_eq!(dialect.has_end(&events), dialect == Dialect::Gemini, "{dialect:?}");
        let events = dialect.events(&provider, "text~nofinish").await;
        assert!(!dialect.has_end(&events), "{dialect:?}");
        assert!(
            !events.iter().any(|event| event.data.contains("\"stop\"") || event.data.contains("end_turn"))
        );
    }
}

#[tokio::test]
async fn stopped_for_length() {
    let provider = FakeProvider::start().await.unwrap();
    let words = ["length", "incomplete", "length", "max_tokens", "MAX_TOKENS"];
    for (dialect, word) in FIVE.into_iter().zip(words) {
        assert_eq!(dialect.finish_of(&dialect.plain(&provider, "text~incomplete").await.json()), word);
    }
    let events = Dialect::Responses.events(&provider, "text~incomplete").await;
    assert_eq!(events.last().unwrap().name, "response.incomplete");
    let word = Dialect::Anthropic.plain(&provider, "text~finish-pause_turn").await;
    assert_eq!(word.json()["stop_reason"], "pause_turn");
}

#[tokio::test]
async fn errors_inside_a_stream() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let stream = dialect.open(&provider, "text~errorafter-3").await;
        assert_eq!(stream.status, 200);
        let (events, ended) = stream.events().await;
        assert!(ended && events.len() == 4, "{dialect:?}");
        assert!(dialect.is_error(&events[3]), "{dialect:?}: {:?}", events[3]);
        let events = dialect.events(&provider, "text~errorfirst~quota").await;
        assert!(dialect.is_error(events.last().unwrap()), "{dialect:?}");
        assert_eq!(dialect.streamed_text(&events), "", "{dialect:?}");
        let events = dialect.events(&provider, "text~errorafter-0").await;
        assert!(events.len() == 1 && dialect.is_error(&events[0]), "{dialect:?}");
    }
}

#[tokio::test]
async fn responses_fails_in_two_ways() {
    let provider = FakeProvider::start().await.unwrap();
    let names = |events: &[sse::Event]| events.iter().map(|event| event.name.clone()).collect::<Vec<_>>();
    let events = Dialect::Responses.events(&provider, "text~errorfirst~quota~nestederror").await;
    assert_eq!(names(&events), ["response.created", "response.in_progress", "error", "response.failed"]);
    assert_eq!(events[2].json()["error"]["code"], "insufficient_quota");
    let events = Dialect::Responses.events(&provider, "text~failed").await;
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.json()["response"]["status"]),
        ("response.failed", &"failed".into())
    );
    assert!(last.json()["response"]["usage"]["input_tokens"].is_u64());
    let numbers: Vec<u64> =
        events.iter().map(|event| event.json()["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    for dialect in [Dialect::Chat, Dialect::Anthropic, Dialect::Gemini] {
        assert!(dialect.is_error(dialect.events(&provider, "text~failed").await.last().unwrap()));
        assert_eq!(dialect.plain(&provider, "text~failed").await.status, 500);
    }
}

#[tokio::test]
async fn broken_and_unknown_events_come_on_top() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let events = dialect.events(&provider, "text~badevent-3").await;
        assert!(events[3].data.starts_with('{') && events[3].json().is_null(), "{dialect:?}");
        assert_eq!(dialect.streamed_text(&events), "You said: hi", "{dialect:?}");
        let events = dialect.events(&provider, "text~unknownevent-2").await;
        assert!(events[2].data.contains("future") && dialect.has_end(&events), "{dialect:?}");
    }
}

#[tokio::test]
async fn usage_twice_first_or_late() {
    let provider = FakeProvider::start().await.unwrap();
    let told = |events: &[sse::Event]| events.iter().filter(|event| event.data.contains("usage\":{")).count();
    let (once, twice) =
        (Dialect::Chat.events(&provider, "text").await, Dialect::Chat.events(&provider, "text~usage2").await);
    assert_eq!((told(&once), told(&twice)), (1, 2));
    for (dialect, name) in [(Dialect::Anthropic, "message_delta"), (Dialect::Responses, "response.completed")]
    {
        let events = dialect.events(&provider, "text~usage2").await;
        assert_eq!(events.iter().filter(|event| event.name == name).count(), 2, "{dialect:?}");
    }
    let events = Dialect::Chat.events(&provider, "text~usagefirst").await;
    let at = |what: &str| events.iter().position(|event| event.data.contains(what)).unwrap();
    assert!(at("\"usage\":{") < at("\"finish_reason\":\"stop\""));
    let events = Dialect::Anthropic.events(&provider, "text~lateusage~cached-5").await;
    assert_eq!(events[0].json()["message"]["usage"]["input_tokens"], 0);
    assert_eq!(Dialect::Anthropic.streamed_usage(&events), Some((20, 10)));
}

#[tokio::test]
async fn a_line_without_end() {
    let provider = FakeProvider::start().await.unwrap();
    let mut stream = Dialect::Chat.open(&provider, "text~hugeline").await;
    let mut read = 0;
    while read < 3 << 20 {
        read += stream.chunk().await.unwrap().unwrap().len();
    }
    stream.close().await;
    assert!(provider.wait_cancelled(Duration::from_secs(5)).await.is_some());
}

#[tokio::test]
async fn plain_for_stream_and_the_reverse() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let answer = dialect.open(&provider, "text~plain").await.whole().await.unwrap();
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
        assert_eq!(dialect.text_of(&answer.json()), "You said: hi", "{dialect:?}");
        let answer = dialect.plain(&provider, "text~sse").await;
        assert!(answer.header("content-type").unwrap().starts_with("text/event-stream"));
        assert_eq!(dialect.streamed_text(&answer.events()), "You said: hi", "{dialect:?}");
    }
}
