//! Providers that cannot be reached, break off, stall, refuse, or send us elsewhere.

use std::time::{Duration, Instant};

use tidegate_llm::Dialect;
use tidegate_policy::TimeLimits;
use tokio::io::AsyncWriteExt;

use crate::house::{House, PATIENCE, Plan, ask, in_order, within};
use crate::raw_upstream::{CHAT_ANSWER, json_answer, read_request, upstream};
use crate::reading::{Ending, WAYS, ending, said};

const SAID: &str = "You said: hello there";
/// A limit that is over soon, for what never comes.
const SOON: Duration = Duration::from_millis(150);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A listener that lets nobody in: its queue is full, so that the kernel leaves new connections without an answer.
struct BlackHole {
    _listener: tokio::net::TcpListener,
    _waiting: Vec<tokio::net::TcpStream>,
    url: String,
}

impl BlackHole {
    async fn open() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(ms(50), tokio::net::TcpStream::connect(address)).await
        {
            waiting.push(stream);
        }
        Self { _listener: listener, _waiting: waiting, url: format!("http://{address}/v1") }
    }
}

#[tokio::test]
async fn fault_51_who_cannot_be_reached_is_passed_over_within_the_connect_limit() {
    let hole = BlackHole::open().await;
    let silent = upstream(|_, stream| async move {
        // Speaks no TLS, and nothing else either.
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let more = vec![
        ("hole", Dialect::OpenaiChat, hole.url.clone()),
        ("nowhere", Dialect::OpenaiChat, "http://nowhere.invalid/v1".to_owned()),
        ("silent", Dialect::OpenaiChat, silent.replace("http:", "https:")),
        (
            "plain",
            Dialect::OpenaiChat,
            crate::raw_upstream::canned(b"HTTP/1.1 400 no TLS here\r\n\r\n".to_vec())
                .await
                .replace("http:", "https:"),
        ),
    ];
    for bad in ["down", "hole", "nowhere", "silent", "plain"] {
        for stream in [true, false] {
            let mut plan = in_order(&["chat/text"]);
            plan.more.clone_from(&more);
            plan.pools[0].1.insert(0, (format!("{bad}/m"), 1_000_000_000));
            plan.pools[0].1[1].1 = 1;
            plan.limits = TimeLimits { connect: ms(300), ..TimeLimits::default() };
            let house = House::start_with(plan).await;
            let begun = Instant::now();
            let answer = house.ask("chat", "p", stream).await;
            assert_eq!(
                (answer.status.as_u16(), said(&answer).as_str()),
                (200, SAID),
                "{bad}: {}",
                answer.text()
            );
            assert_eq!(answer.header("x-tidegate-attempts"), Some("2"), "{bad}");
            assert!(begun.elapsed() < Duration::from_secs(3), "{bad}: {:?}", begun.elapsed());
            house.only_line();
        }
    }
}

#[tokio::test]
async fn fault_51_three_tries_are_enough_and_the_error_says_which_kind_it_is() {
    let hole = BlackHole::open().await;
    let more = vec![("hole", Dialect::OpenaiChat, hole.url.clone())];
    let limits = TimeLimits { connect: SOON, ..TimeLimits::default() };
    let house = House::start_with(Plan { more, limits, ..Plan::default() }).await;
    for (surface, model, status, attempts) in
        [("chat", "down/m", 502, "3"), ("anthropic", "down/m", 502, "3"), ("chat", "hole/m", 504, "1")]
    {
        let answer = house.ask(surface, model, true).await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
        assert_eq!(answer.header("x-tidegate-attempts"), Some(attempts), "{model}");
        assert!(
            !answer.text().contains("127.0.0.1"),
            "an address of ours is nobody's business: {}",
            answer.text()
        );
    }
    house.ledger(3);
}

#[tokio::test]
async fn fault_51_the_total_limit_holds_over_all_tries() {
    for (model, limits) in [
        ("chat/text~stall", TimeLimits { total: SOON, ..TimeLimits::default() }),
        ("chat/long~pace-20", TimeLimits { total: SOON, ..TimeLimits::default() }),
        ("chat/text~trickle-5", TimeLimits { total: SOON, ..TimeLimits::default() }),
        ("chat/text~status-503~retryafterms-60", TimeLimits { total: ms(100), ..TimeLimits::default() }),
    ] {
        for stream in [true, false] {
            let house = House::start_with(within(limits)).await;
            let begun = Instant::now();
            let answer = house.ask("chat", model, stream).await;
            assert!(begun.elapsed() < Duration::from_secs(1), "{model}: {:?}", begun.elapsed());
            let is_told =
                answer.status.as_u16() >= 500 || matches!(ending(&answer.events()), Ending::Error(_));
            assert!(is_told, "{model}: {}", answer.text());
            assert_eq!(house.only_line()["outcome"], "failed");
            assert!(house.fake.wait_idle(PATIENCE).await, "{model}: the provider still works");
        }
    }
}

#[tokio::test]
async fn fault_52_a_reset_before_the_first_byte_is_tried_again() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        for stream in [true, false] {
            house.fake.clear();
            let answer = house.ask(surface, &format!("{provider}/text~reset-0~failfirst-1"), stream).await;
            assert_eq!(
                (answer.status.as_u16(), said(&answer).as_str()),
                (200, SAID),
                "{surface} to {provider}"
            );
            assert_eq!(answer.header("x-tidegate-attempts"), Some("2"));
            assert_eq!(house.fake.requests().len(), 2);
        }
    }
    for line in house.ledger(2 * WAYS.len()) {
        assert_eq!((&line["outcome"], &line["attempts"]), (&"complete".into(), &2.into()), "{line}");
    }
}

#[tokio::test]
async fn fault_52_a_reset_after_the_first_content_is_not_tried_again() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        let before = house.fake.request_count();
        let answer = house.ask(surface, &format!("{provider}/long~reset-12"), true).await;
        assert!(said(&answer).starts_with("word0000"), "{surface} to {provider}: {}", answer.text());
        assert!(
            matches!(ending(&answer.events()), Ending::Error(_)),
            "{surface} to {provider}: {}",
            answer.text()
        );
        assert_eq!(house.fake.request_count() - before, 1, "{surface} to {provider}");
    }
    for line in house.ledger(WAYS.len()) {
        assert_eq!((&line["outcome"], &line["estimated"]), (&"failed".into(), &true.into()), "{line}");
        assert!(line["output_tokens"].as_u64() > Some(0), "{line}");
    }
}

#[tokio::test]
async fn fault_53_who_is_silent_before_the_first_token_is_passed_over_once() {
    for (bad, limits) in [
        ("stall", TimeLimits { first_byte: SOON, ..TimeLimits::default() }),
        ("firstdelay-30000", TimeLimits { first_token: SOON, ..TimeLimits::default() }),
        ("stallafter-1", TimeLimits { first_token: SOON, ..TimeLimits::default() }),
        ("stallafter-1~heartbeat", TimeLimits { first_token: SOON, ..TimeLimits::default() }),
    ] {
        for (surface, provider) in [("chat", "chat"), ("anthropic", "anthropic"), ("chat", "responses")] {
            let bad = format!("{provider}/text~{bad}");
            let house = House::start_with(Plan { limits, ..in_order(&[&bad, "chat/text"]) }).await;
            let answer = house.ask(surface, "p", true).await;
            assert_eq!(
                (answer.status.as_u16(), said(&answer).as_str()),
                (200, SAID),
                "{bad}: {}",
                answer.text()
            );
            assert_eq!(answer.header("x-tidegate-target"), Some("chat/text"), "{bad}");
            assert!(house.fake.wait_cancelled(PATIENCE).await.is_some(), "{bad}");
            let line = house.only_line();
            assert_eq!((&line["attempts"], &line["target"]), (&2.into(), &"chat/text".into()), "{line}");
        }
    }
}

#[tokio::test]
async fn fault_53_nobody_left_is_a_504_that_names_the_limit() {
    let limits = TimeLimits { first_byte: SOON, first_token: SOON, ..TimeLimits::default() };
    let house = House::start_with(within(limits)).await;
    for (surface, modifier, stream) in
        [("chat", "stall", false), ("anthropic", "stall", true), ("gemini", "firstdelay-30000", true)]
    {
        let answer = house.ask(surface, &format!("{surface}/text~{modifier}"), stream).await;
        assert_eq!(answer.status, 504, "{surface}: {}", answer.text());
        assert!(answer.text().contains("150 ms"), "{}", answer.text());
        assert_eq!(
            answer.header("x-tidegate-attempts"),
            Some("1"),
            "a target that stalled is not asked again"
        );
    }
    house.ledger(3);
}

#[tokio::test]
async fn fault_54_a_stall_in_the_middle_ends_with_an_error_and_lets_the_provider_go() {
    for modifier in ["stallafter-10", "stallafter-10~heartbeat"] {
        for (surface, provider) in WAYS {
            let limits = TimeLimits { idle: SOON, ..TimeLimits::default() };
            let house = House::start_with(within(limits)).await;
            let answer = house.ask(surface, &format!("{provider}/long~{modifier}"), true).await;
            assert!(said(&answer).starts_with("word0000"), "{surface} to {provider}: {}", answer.text());
            assert!(
                matches!(ending(&answer.events()), Ending::Error(_)),
                "{surface} to {provider}: {}",
                answer.text()
            );
            assert!(house.fake.wait_cancelled(PATIENCE).await.is_some(), "{surface} to {provider}");
            let line = house.only_line();
            assert_eq!(
                (&line["outcome"], &line["error"]),
                (&"failed".into(), &"provider_timeout".into()),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn fault_54_a_stall_in_a_whole_answer_is_a_504() {
    let limits = TimeLimits { idle: SOON, ..TimeLimits::default() };
    let house = House::start_with(within(limits)).await;
    let answer = house.ask("chat", "chat/text~stallafter-3", false).await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(house.fake.wait_idle(PATIENCE).await);
}

#[tokio::test]
async fn fault_54_a_whole_answer_byte_by_byte_is_given_up() {
    let limits = TimeLimits { idle: SOON, ..TimeLimits::default() };
    let house = House::start_with(within(limits)).await;
    // At one byte in 5 ms, 64 of them take longer than the limit.
    let answer = house.ask("chat", "chat/text~trickle-5", false).await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(house.fake.wait_idle(PATIENCE).await);
}

#[tokio::test]
async fn fault_54_an_event_byte_by_byte_is_no_sign_of_life_until_it_is_whole() {
    let limits = TimeLimits { idle: SOON, ..TimeLimits::default() };
    for provider in ["chat", "anthropic"] {
        let house = House::start_with(within(limits)).await;
        // An event has more than 100 bytes; at one byte in 5 ms it takes longer than the limit.
        let answer = house.ask("chat", &format!("{provider}/text~trickle-5"), true).await;
        let is_told = answer.status == 504 || matches!(ending(&answer.events()), Ending::Error(_));
        assert!(is_told, "{provider}: {}", answer.text());
        house.only_line();
    }
}

#[tokio::test]
async fn fault_38_events_that_begin_with_a_comment_are_signs_of_life() {
    let limits = TimeLimits { idle: ms(250), ..TimeLimits::default() };
    let house = House::start_with(within(limits)).await;
    for provider in ["chat", "anthropic"] {
        let answer = house.ask(provider, &format!("{provider}/long~n-10~crlf~pace-50"), true).await;
        assert_eq!(ending(&answer.events()), Ending::Whole, "{}", answer.text());
    }
}

#[tokio::test]
async fn fault_55_every_form_of_retry_after_is_passed_on_clamped_or_ignored() {
    let house = House::start().await;
    for (form, seconds) in [
        ("retryafter-20", Some("20")),
        ("retryafter-10.5", Some("11")),
        ("retryafter-date-40", Some("40")),
        ("retryafter-past", None),
        ("retryafter--1", None),
        ("retryafter-1e9", Some("86400")),
        ("retryafter-garbage", None),
        ("retryafterms-7500", Some("8")),
        ("retryafterms-7500~retryafter-1", Some("8")),
    ] {
        for (surface, provider) in [("chat", "chat"), ("anthropic", "anthropic"), ("gemini", "chat")] {
            let answer = house.ask(surface, &format!("{provider}/text~status-429~{form}"), false).await;
            assert_eq!(answer.status, 429, "{form}: {}", answer.text());
            let told = answer.header("retry-after");
            let is_near = told == seconds || (form.contains("date") && matches!(told, Some("39")));
            assert!(is_near, "{form} {surface}: {told:?}");
            // Who asks for more than we wait is not asked again; that is the caller's business.
            let attempts = if seconds.is_some() { "1" } else { "3" };
            assert_eq!(answer.header("x-tidegate-attempts"), Some(attempts), "{form} {surface}");
        }
    }
}

#[tokio::test]
async fn fault_55_a_rate_limit_sends_the_request_to_the_next_target_at_once() {
    let house = House::start_with(in_order(&["chat/text~status-429~retryafter-30", "anthropic/text"])).await;
    let begun = Instant::now();
    let answer = house.ask("chat", "p", false).await;
    assert_eq!((answer.status.as_u16(), said(&answer).as_str()), (200, SAID));
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(answer.header("retry-after").is_none());
}

#[tokio::test]
async fn fault_55_the_providers_own_rate_limit_headers_go_on() {
    let house = House::start().await;
    let answer = house.ask("chat", "chat/text", true).await;
    assert_eq!(answer.header("x-ratelimit-reset-tokens"), Some("1s"));
    let answer = house.ask("anthropic", "anthropic/text", false).await;
    assert_eq!(answer.header("anthropic-ratelimit-requests-remaining"), Some("3999"));
}

#[tokio::test]
async fn fault_56_the_callers_own_mistakes_are_never_tried_again() {
    for status in [400, 404, 413, 422] {
        for (surface, provider) in WAYS {
            for stream in [true, false] {
                let bad = format!("{provider}/text~status-{status}");
                let house = House::start_with(in_order(&[&bad, "chat/text"])).await;
                let answer = house.ask(surface, "p", stream).await;
                assert_eq!(answer.status.as_u16() / 100, 4, "{bad}: {}", answer.text());
                assert_eq!(house.fake.request_count(), 1, "{bad}");
                assert!(answer.header("x-should-retry").is_none());
                assert_eq!(house.only_line()["outcome"], "failed");
            }
        }
    }
}

#[tokio::test]
async fn fault_56_a_refused_provider_key_is_our_fault_and_not_the_callers() {
    for status in [401, 403] {
        for (surface, provider) in WAYS {
            let house = House::start().await;
            let answer = house.ask(surface, &format!("{provider}/text~status-{status}"), false).await;
            assert_eq!(answer.status, 502, "{surface} to {provider}: {}", answer.text());
            let text = answer.text();
            assert!(!text.contains("Incorrect API key"), "{text}");
            assert_eq!(house.fake.request_count(), 1, "a refused key is not shown again");
            assert_eq!(house.only_line()["error"], "provider_credentials");
        }
        let bad = format!("chat/text~status-{status}");
        let house = House::start_with(in_order(&[&bad, "anthropic/text"])).await;
        assert_eq!(said(&house.ask("chat", "p", true).await), SAID);
    }
}

#[tokio::test]
async fn fault_57_a_provider_that_is_down_is_asked_at_most_three_times_and_once_by_a_caller_that_retries() {
    let house = House::start().await;
    for _ in 0..20 {
        let answer = house.ask("chat", "chat/text~status-503", false).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-should-retry")), (503, Some("false")));
    }
    assert_eq!(house.fake.request_count(), 60);
    let (path, body) = ask("chat", "chat/text~status-503", false);
    for _ in 0..20 {
        let client = house.client().header("x-stainless-retry-count", "1");
        assert_eq!(house.post_with(client, "chat", &path, &body).await.status, 503);
    }
    assert_eq!(house.fake.request_count(), 80);
}

#[tokio::test]
async fn fault_59_a_lane_that_the_provider_closed_is_not_used_again() {
    let house = House::start().await;
    for stream in [false, true, false, true] {
        for _ in 0..5 {
            let answer = house.ask("chat", "chat/text~closeafter", stream).await;
            assert_eq!((answer.status.as_u16(), said(&answer).as_str()), (200, SAID), "{}", answer.text());
        }
    }
    house.ledger(20);
}

#[tokio::test]
async fn fault_59_a_request_that_was_lost_with_its_idle_lane_is_sent_again_on_a_fresh_one() {
    // Answers one request on each connection, and closes it when the next one has come.
    let url = upstream(|_, mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(&json_answer(CHAT_ANSWER)).await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let more = vec![("raw", Dialect::OpenaiChat, url)];
    let house = House::start_with(Plan { more, ..Plan::default() }).await;
    for attempts in ["1", "2", "2"] {
        let answer = house.ask("chat", "raw/m", false).await;
        assert_eq!((answer.status.as_u16(), said(&answer).as_str()), (200, "well"));
        assert_eq!(answer.header("x-tidegate-attempts"), Some(attempts));
    }
}

#[tokio::test]
async fn fault_59_what_was_answered_in_part_is_not_sent_again() {
    let url = upstream(|number, mut stream| async move {
        read_request(&mut stream).await;
        assert_eq!(number, 0, "asked again");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await.unwrap();
        let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\n";
        stream.write_all(event.as_bytes()).await.unwrap();
    })
    .await;
    let more = vec![("raw", Dialect::OpenaiChat, url)];
    let house = House::start_with(Plan { more, ..Plan::default() }).await;
    let answer = house.ask("chat", "raw/m", true).await;
    assert_eq!(said(&answer), "half");
    assert!(matches!(ending(&answer.events()), Ending::Error(_)), "{}", answer.text());
}

#[tokio::test]
async fn fault_60_a_redirect_is_not_followed_and_no_key_goes_there() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        for stream in [true, false] {
            let answer = house.ask(surface, &format!("{provider}/text~redirect"), stream).await;
            assert_eq!(answer.status, 502, "{surface} to {provider}: {}", answer.text());
            assert!(answer.header("location").is_none());
        }
    }
    let seen = house.fake.requests();
    assert!(!seen.is_empty() && seen.iter().all(|seen| !seen.path_and_query.contains("_trap")));
}

#[tokio::test]
async fn fault_62_a_fallback_is_named_and_billed_as_the_model_that_answered() {
    let mut plan = in_order(&["anthropic/text~status-500"]);
    plan.pools.push(("cheap", vec![("chat/text".to_owned(), 1)], vec![]));
    plan.pools[0].2 = vec!["cheap"];
    let house = House::start_with(plan).await;
    let answer = house.ask("anthropic", "p", false).await;
    assert_eq!(said(&answer), SAID);
    assert_eq!(answer.header("x-tidegate-target"), Some("chat/text"));
    assert_eq!(answer.header("x-tidegate-cost-usd"), Some("0.000040000"));
    house.ask("anthropic", "p", true).await;
    for line in house.ledger(2) {
        assert_eq!((&line["model"], &line["target"]), (&"p".into(), &"chat/text".into()), "{line}");
        assert_eq!((&line["cost_usd"], &line["attempts"]), (&0.00004.into(), &2.into()), "{line}");
    }
}
