//! Providers' answers that are not what their dialect promises.

use serde_json::Value;
use tidegate_llm::Dialect;
use tidegate_testkit::client::Answer;

use crate::house::{House, PATIENCE, Plan, ask, in_order};
use crate::raw_upstream::{CHAT_ANSWER, STREAM_HEAD, canned, chunked, json_answer};
use crate::reading::{Ending, WAYS, ending, said, said_in};

const SAID: &str = "You said: hello there";
const WIDE: &str = "You said: hello there 東京 🦀 done.";

async fn house_with(answer: Vec<u8>) -> House {
    let more = vec![("raw", Dialect::OpenaiChat, canned(answer).await)];
    House::start_with(Plan { more, ..Plan::default() }).await
}

fn number(line: &Value, field: &str) -> u64 {
    line[field].as_u64().unwrap_or_else(|| panic!("no {field} in {line}"))
}

fn is_error(answer: &Answer) -> bool {
    matches!(ending(&answer.events()), Ending::Error(_))
}

/// Asks on every way, streaming and not; checks the status and what was said; one house each.
async fn all_ways_say(modifiers: &str, text: &str) {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        for stream in [true, false] {
            let answer = house.ask(surface, &format!("{provider}/{modifiers}"), stream).await;
            let told = answer.text();
            assert_eq!(answer.status, 200, "{modifiers} {surface} to {provider}, stream {stream}: {told}");
            assert_eq!(said(&answer), text, "{modifiers} {surface} to {provider}, stream {stream}: {told}");
            if stream {
                let ending = ending(&answer.events());
                assert_eq!(ending, Ending::Whole, "{modifiers} {surface} to {provider}: {told}");
            }
        }
    }
    for line in house.ledger(2 * WAYS.len()) {
        assert_eq!((&line["outcome"], &line["attempts"]), (&"complete".into(), &1.into()), "{line}");
    }
}

#[tokio::test]
async fn fault_37_a_stream_cut_at_every_byte_is_the_same_stream() {
    let event = |text: &str| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        )
    };
    let end = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n: bye\n\ndata: [DONE]\n\n";
    let whole =
        [event("東京"), event(" 🦀").replace('\n', "\r\n"), event("\\u00e9\u{301}"), end.to_owned()].concat();
    let bytes = whole.as_bytes();
    let house = house_with(chunked(bytes.chunks(1))).await;
    let answer = house.ask("chat", "raw/m", true).await;
    assert_eq!(answer.body, bytes, "{}", answer.text());
    let answer = house.ask("anthropic", "raw/m", true).await;
    assert_eq!(said(&answer), "東京 🦀é\u{301}", "{}", answer.text());
}

#[tokio::test]
async fn fault_37_bytes_that_come_one_by_one_change_nothing_in_any_dialect() {
    all_ways_say("text~split", WIDE).await;
}

#[tokio::test]
async fn fault_38_every_way_of_writing_events_is_read() {
    for manner in ["crlf", "cr", "multidata"] {
        all_ways_say(&format!("text~{manner}"), SAID).await;
    }
    let house = House::start().await;
    let answer = house.ask("anthropic", "chat/text~joined", true).await;
    assert_eq!((said(&answer).as_str(), ending(&answer.events())), (SAID, Ending::Whole));
    // The caller gets the bytes as they are.
    let answer = house.ask("chat", "chat/text~joined", true).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    for line in house.ledger(2) {
        assert_eq!(line["outcome"], "complete", "{line}");
    }
}

#[tokio::test]
async fn fault_39_a_stream_without_its_end_ends_with_an_error_event() {
    for modifier in ["nofinish", "cut-9", "reset-9"] {
        let house = House::start().await;
        for (surface, provider) in WAYS {
            let answer = house.ask(surface, &format!("{provider}/long~{modifier}"), true).await;
            let told = answer.text();
            assert_eq!(answer.status, 200, "{modifier} {surface} to {provider}: {told}");
            assert!(is_error(&answer), "{modifier} {surface} to {provider}: {told}");
            assert!(!told.contains("[DONE]"), "{told}");
        }
        for line in house.ledger(WAYS.len()) {
            assert_eq!(line["outcome"], "failed", "{modifier}: {line}");
            assert_eq!(line["estimated"], true, "{modifier}: {line}");
            assert!(number(&line, "output_tokens") > 0, "{modifier}: {line}");
        }
    }
}

#[tokio::test]
async fn fault_39_a_stream_that_told_its_finish_but_not_its_end_is_judged_by_its_dialect() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        let answer = house.ask(surface, &format!("{provider}/text~nodone"), true).await;
        // Who told the reason has told everything, but in responses the reason comes with the end.
        let may_lack = provider != "responses";
        let ending = ending(&answer.events());
        assert_eq!(ending == Ending::Whole, may_lack, "{surface} to {provider}: {}", answer.text());
        assert_eq!(
            matches!(ending, Ending::Error(_)),
            !may_lack,
            "{surface} to {provider}: {}",
            answer.text()
        );
    }
    house.ledger(WAYS.len());
}

#[tokio::test]
async fn fault_39_a_whole_answer_without_its_end_is_not_told() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        for modifier in ["cut-4", "reset-4", "truncated"] {
            let answer = house.ask(surface, &format!("{provider}/text~{modifier}"), false).await;
            assert_eq!(answer.status, 502, "{modifier} {surface} to {provider}: {}", answer.text());
            assert_eq!(answer.header("x-tidegate-attempts"), Some("3"));
        }
    }
    for line in house.ledger(3 * WAYS.len()) {
        assert_eq!((&line["outcome"], &line["status"]), (&"failed".into(), &502.into()), "{line}");
    }
}

#[tokio::test]
async fn fault_40_one_malformed_event_is_counted_and_does_not_end_a_good_stream() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        let answer = house.ask(surface, &format!("{provider}/text~badevent-4"), true).await;
        let told = answer.text();
        assert_eq!(said(&answer), SAID, "{surface} to {provider}: {told}");
        assert_eq!(ending(&answer.events()), Ending::Whole, "{surface} to {provider}: {told}");
    }
    let metrics = house.gateway.meters().render();
    let counted = |provider: &str| {
        let start = format!("ai_malformed_events_total{{provider=\"{provider}\"");
        let line = metrics.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
        line.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    for (provider, ..) in crate::house::PROVIDERS {
        assert_eq!(counted(provider), 2, "{provider}: {metrics}");
    }
    house.ledger(WAYS.len());
}

#[tokio::test]
async fn fault_40_an_event_of_an_unknown_kind_does_no_harm() {
    all_ways_say("text~unknownevent-3", SAID).await;
}

#[tokio::test]
async fn fault_41_a_line_without_end_is_cut_and_the_provider_let_go() {
    for (surface, provider) in WAYS {
        let house = House::start().await;
        let answer = house.ask(surface, &format!("{provider}/text~hugeline"), true).await;
        let told = answer.text();
        assert!(told.len() < 100_000, "{surface} to {provider}: {} bytes", told.len());
        // Where two events are content already, the caller has seen them and is told the error inside the stream.
        assert!(answer.status == 502 || is_error(&answer), "{surface} to {provider}: {told}");
        assert!(house.fake.wait_idle(PATIENCE).await, "{surface} to {provider}: the provider still writes");
        assert_eq!(house.only_line()["outcome"], "failed");
    }
}

#[tokio::test]
async fn fault_41_before_the_first_content_it_is_a_502() {
    let line = [b"data: ".as_slice(), &vec![b'x'; 17 << 20]].concat();
    let house = house_with(chunked([line.as_slice()])).await;
    let answer = house.ask("chat", "raw/m", true).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]["code"]),
        (502, &"provider_answer_invalid".into())
    );
}

#[tokio::test]
async fn fault_41_a_whole_answer_over_the_limit_is_a_502() {
    let mut plan = Plan::default();
    plan.rules.answer_body = 1 << 20;
    let body = CHAT_ANSWER.replace("well", &"x".repeat(2 << 20));
    plan.more = vec![("raw", Dialect::OpenaiChat, canned(json_answer(&body)).await)];
    let house = House::start_with(plan).await;
    for surface in ["chat", "anthropic"] {
        let answer = house.ask(surface, "raw/m", false).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
    }
}

#[tokio::test]
async fn fault_42_repeated_counts_are_billed_once() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        house.ask(surface, &format!("{provider}/text~usage2"), true).await;
        house.ask(surface, &format!("{provider}/text~usage2"), false).await;
    }
    for line in house.ledger(2 * WAYS.len()) {
        assert_eq!((number(&line, "input_tokens"), number(&line, "output_tokens")), (20, 10), "{line}");
        assert!(line["estimated"].is_null(), "{line}");
    }
}

#[tokio::test]
async fn fault_43_counts_that_are_none_are_estimated_and_say_so() {
    for modifier in ["badusage", "nousage"] {
        let house = House::start().await;
        for (surface, provider) in WAYS {
            for stream in [true, false] {
                let model = format!("{provider}/text~{modifier}");
                let answer = house.ask(surface, &model, stream).await;
                assert_eq!(answer.status, 200, "{modifier} {surface} to {provider}: {}", answer.text());
                assert_eq!(said(&answer), SAID, "{modifier} {surface} to {provider}: {}", answer.text());
            }
        }
        for line in house.ledger(2 * WAYS.len()) {
            assert_eq!(
                (&line["outcome"], &line["estimated"]),
                (&"complete".into(), &true.into()),
                "{modifier} {line}"
            );
            let tokens = (number(&line, "input_tokens"), number(&line, "output_tokens"));
            assert!((1..1000).contains(&tokens.0) && (1..1000).contains(&tokens.1), "{modifier} {line}");
        }
    }
}

#[tokio::test]
async fn fault_43_a_priced_model_never_costs_less_than_nothing() {
    let bad = CHAT_ANSWER
        .replace("\"prompt_tokens\":3", "\"prompt_tokens\":-300000")
        .replace("\"total_tokens\":4", "\"total_tokens\":-299999");
    let house = house_with(json_answer(&bad)).await;
    let answer = house.ask("chat", "raw/m", false).await;
    let cost = answer.header("x-tidegate-cost-usd").unwrap();
    assert!(cost == "unpriced" || cost.parse::<f64>().unwrap() >= 0.0, "{cost}");
    assert_eq!(house.only_line()["estimated"], true);
}

#[tokio::test]
async fn fault_44_counts_before_the_finish_or_without_choices_are_read_and_stripped_unless_asked_for() {
    let house = House::start().await;
    for modifier in ["text", "text~usagefirst"] {
        for provider in ["chat", "anthropic"] {
            let (path, mut body) = ask("chat", &format!("{provider}/{modifier}"), true);
            let answer = house.post("chat", &path, &body).await;
            assert!(!answer.text().contains("prompt_tokens"), "{modifier} {provider}: {}", answer.text());
            assert_eq!(said(&answer), SAID);
            body["stream_options"] = serde_json::json!({"include_usage": true});
            let answer = house.post("chat", &path, &body).await;
            let events = answer.events();
            let told: Vec<_> =
                events.iter().map(|event| event.json()).filter(|json| json["usage"].is_object()).collect();
            assert_eq!(told.len(), 1, "{modifier} {provider}: {}", answer.text());
            assert_eq!(
                (&told[0]["usage"]["prompt_tokens"], &told[0]["choices"]),
                (&20.into(), &serde_json::json!([]))
            );
        }
    }
    for line in house.ledger(8) {
        assert_eq!((number(&line, "input_tokens"), number(&line, "output_tokens")), (20, 10), "{line}");
    }
}

/// A request with two tools, in each dialect.
fn with_tools(surface: &str, model: &str, stream: bool) -> (String, Value) {
    let (path, mut body) = ask(surface, model, stream);
    let schema = serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = |name: &str| match surface {
        "chat" => serde_json::json!({"type": "function", "function": {"name": name, "parameters": schema}}),
        "responses" => serde_json::json!({"type": "function", "name": name, "parameters": schema}),
        "anthropic" => serde_json::json!({"name": name, "input_schema": schema}),
        _ => serde_json::json!({"name": name, "parameters": schema}),
    };
    let tools = vec![tool("weather"), tool("time")];
    body["tools"] =
        if surface == "gemini" { serde_json::json!([{"functionDeclarations": tools}]) } else { tools.into() };
    (path, body)
}

#[tokio::test]
async fn fault_45_tool_calls_in_any_state_are_told_faithfully() {
    for modifier in ["tools2", "tool~noargs", "tool~toolbadjson", "tools2~split"] {
        let house = House::start().await;
        let mut count = 0;
        for (surface, provider) in WAYS {
            if modifier.contains("toolbadjson") && provider == "gemini" {
                continue; // Gemini's arguments are JSON or there is no call at all.
            }
            for stream in [true, false] {
                count += 1;
                let (path, body) = with_tools(surface, &format!("{provider}/{modifier}"), stream);
                let answer = house.post(surface, &path, &body).await;
                let told = answer.text();
                // Gemini and Anthropic cannot say arguments that are no JSON: an error is truthful there.
                if answer.status != 200 || is_error(&answer) {
                    assert!(
                        modifier.contains("toolbadjson"),
                        "{modifier} {surface} to {provider} {stream}: {told}"
                    );
                    continue;
                }
                assert!(told.contains("weather"), "{modifier} {surface} to {provider} {stream}: {told}");
                let is_echoed = surface == "responses";
                assert_eq!(
                    told.contains("\"time\""),
                    modifier.contains("tools2") || is_echoed,
                    "{modifier}: {told}"
                );
                if stream {
                    assert_eq!(
                        ending(&answer.events()),
                        Ending::Whole,
                        "{modifier} {surface} to {provider}: {told}"
                    );
                }
            }
        }
        house.ledger(count);
    }
}

#[tokio::test]
async fn fault_45_calls_without_an_index_do_no_harm() {
    let call = |call: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{call}]}}}}]}}\n\n")
    };
    let whole = [
        call(r#"{"id":"a","type":"function","function":{"name":"weather","arguments":"{\"city\":"}}"#),
        call(r#"{"function":{"arguments":"\"Paris\"}"}}"#),
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n".into(),
    ];
    let house = house_with(chunked(whole.iter().map(String::as_bytes))).await;
    for surface in ["chat", "anthropic", "responses", "gemini"] {
        let (path, body) = with_tools(surface, "raw/m", true);
        let answer = house.post(surface, &path, &body).await;
        assert_eq!(ending(&answer.events()), Ending::Whole, "{surface}: {}", answer.text());
        assert!(answer.text().contains("Paris"), "{surface}: {}", answer.text());
    }
}

#[tokio::test]
async fn fault_46_a_compressed_stream_is_told_event_by_event() {
    for packing in ["gzip", "br"] {
        all_ways_say(&format!("text~{packing}"), SAID).await;
        let house = House::start().await;
        for (surface, provider) in WAYS {
            let (path, body) = ask(surface, &format!("{provider}/long~stallafter-6~{packing}"), true);
            let mut stream = house.client().open(&path, &body).await.unwrap();
            // The provider holds its answer open: what has come must not wait for the rest.
            let mut events = Vec::new();
            while !said_in(&events).contains("word0001") {
                events.push(stream.event().await.unwrap().expect("an open stream").0);
            }
            stream.close().await;
        }
        let seen = house.fake.requests();
        assert!(seen.iter().all(|seen| seen.header("accept-encoding") == Some("identity")));
    }
}

#[tokio::test]
async fn fault_47_web_pages_and_errors_with_200_are_a_502_and_are_not_shown() {
    let house = House::start().await;
    let mut count = 0;
    for (surface, provider) in WAYS {
        for modifier in ["garbage", "garbage~status-502", "error200"] {
            for stream in [true, false] {
                count += 1;
                let answer = house.ask(surface, &format!("{provider}/text~{modifier}"), stream).await;
                let told = answer.text();
                assert!(
                    (500..600).contains(&answer.status.as_u16()),
                    "{modifier} {surface} to {provider} {stream}: {told}"
                );
                assert!(!told.contains("<html>") && told.len() < 2000, "{told}");
                assert_eq!(
                    answer.header("x-tidegate-attempts"),
                    Some("3"),
                    "{modifier} {surface} to {provider}"
                );
            }
        }
    }
    house.ledger(count);
}

#[tokio::test]
async fn fault_47_the_next_target_answers_instead() {
    for bad in [
        "chat/text~garbage",
        "anthropic/text~error200",
        "gemini/text~garbage~status-502",
        "responses/text~errorfirst",
    ] {
        let house = House::start_with(in_order(&[bad, "chat/text"])).await;
        for stream in [true, false] {
            if !stream && bad.contains("errorfirst") {
                continue;
            }
            let answer = house.ask("chat", "p", stream).await;
            assert_eq!(
                (answer.status.as_u16(), said(&answer).as_str()),
                (200, SAID),
                "{bad}: {}",
                answer.text()
            );
            assert_eq!(answer.header("x-tidegate-target"), Some("chat/text"));
        }
    }
}

#[tokio::test]
async fn fault_48_the_other_form_than_asked_is_converted() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        for (form, stream) in [("plain", true), ("sse", false)] {
            let answer = house.ask(surface, &format!("{provider}/text~{form}"), stream).await;
            let told = answer.text();
            assert_eq!(
                (answer.status.as_u16(), said(&answer).as_str()),
                (200, SAID),
                "{surface} to {provider} {form}: {told}"
            );
            let kind = answer.header("content-type").unwrap();
            assert_eq!(kind.contains("event-stream"), stream, "{surface} to {provider} {form}");
            if stream {
                assert_eq!(ending(&answer.events()), Ending::Whole, "{surface} to {provider}: {told}");
            }
        }
    }
    for line in house.ledger(2 * WAYS.len()) {
        // Chat speakers tell no counts in a stream unless asked to, and nobody asked for a stream.
        let expected = if line["target"] == "chat/text~sse" { Value::Bool(true) } else { Value::Null };
        assert_eq!((&line["outcome"], &line["estimated"]), (&"complete".into(), &expected), "{line}");
    }
}

#[tokio::test]
async fn fault_48_a_converted_answer_without_counts_is_estimated() {
    let house = House::start().await;
    for (form, stream) in [("plain", true), ("sse", false)] {
        house.ask("chat", &format!("chat/text~nousage~{form}"), stream).await;
    }
    for line in house.ledger(2) {
        assert_eq!(line["estimated"], true, "{line}");
        assert!(number(&line, "output_tokens") > 0, "{line}");
    }
}

#[tokio::test]
async fn fault_48_a_wrong_content_type_is_seen_through() {
    all_ways_say("text~wrongtype", SAID).await;
}

#[tokio::test]
async fn fault_48_a_stream_for_whole_that_breaks_off_is_a_502() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        for modifier in ["cut-4", "nofinish", "errorafter-4"] {
            let answer = house.ask(surface, &format!("{provider}/long~sse~{modifier}"), false).await;
            assert!(
                (500..600).contains(&answer.status.as_u16()),
                "{modifier} {surface} to {provider}: {}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn fault_49_json_that_breaks_off_is_a_502_and_tried_again_because_nothing_was_sent() {
    let cut = &CHAT_ANSWER[..CHAT_ANSWER.len() - 20];
    let house = house_with(json_answer(cut)).await;
    for surface in ["chat", "anthropic", "responses", "gemini"] {
        for stream in [true, false] {
            let answer = house.ask(surface, "raw/m", stream).await;
            assert_eq!(answer.status, 502, "{surface}: {}", answer.text());
            assert_eq!(answer.header("x-tidegate-attempts"), Some("3"));
        }
    }
    let house = House::start().await;
    let answer = house.ask("chat", "chat/text~truncated~failfirst-1", false).await;
    assert_eq!((said(&answer).as_str(), answer.header("x-tidegate-attempts")), (SAID, Some("2")));
}

#[tokio::test]
async fn fault_50_early_hints_are_skipped_and_not_passed_on() {
    let house = House::start().await;
    for stream in [true, false] {
        let answer = house.ask("chat", "chat/text~flood1xx-200", stream).await;
        assert_eq!((answer.status.as_u16(), said(&answer).as_str()), (200, SAID));
        assert!(answer.header("link").is_none());
    }
}

#[tokio::test]
async fn fault_50_a_megabyte_of_headers_is_a_502() {
    let house = House::start().await;
    for stream in [true, false] {
        let answer = house.ask("chat", "chat/text~bigheaders-1024", stream).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
    }
    let answer = house.ask("chat", "chat/text~bigheaders-50", false).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-big-1").is_none());
}

#[tokio::test]
async fn fault_50_hop_by_hop_headers_and_cookies_stay_behind() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        for stream in [true, false] {
            let answer = house.ask(surface, &format!("{provider}/text~hop"), stream).await;
            assert_eq!(answer.status, 200);
            for name in ["set-cookie", "x-hop", "keep-alive", "proxy-authenticate", "server", "link"] {
                assert!(answer.header(name).is_none(), "{surface} to {provider}: {name}");
            }
            assert!(answer.header("x-tidegate-upstream-request-id").is_some() || provider == "gemini");
        }
    }
}

#[tokio::test]
async fn fault_50_an_endless_flood_of_hints_ends_with_the_time_limit() {
    let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(1000);
    let url = crate::raw_upstream::upstream(move |_, mut stream| {
        let hints = hints.clone();
        async move {
            crate::raw_upstream::read_request(&mut stream).await;
            while tokio::io::AsyncWriteExt::write_all(&mut stream, &hints).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    let limits = tidegate_policy::TimeLimits {
        first_byte: std::time::Duration::from_millis(200),
        ..Default::default()
    };
    let more = vec![("raw", Dialect::OpenaiChat, url)];
    let house = House::start_with(Plan { more, limits, ..Plan::default() }).await;
    let answer = house.ask("chat", "raw/m", false).await;
    assert!([502, 504].contains(&answer.status.as_u16()), "{}", answer.text());
    assert!(!STREAM_HEAD.is_empty());
}
