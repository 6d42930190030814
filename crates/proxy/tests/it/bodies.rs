//! Bodies that no provider should see: too large, bombs, no JSON, nonsense in fields that we act on.

use std::io::Write;

use http::Method;
use serde_json::{Value, json};
use tidegate_testkit::client::Answer;
use tidegate_testkit::raw::Connection;

use crate::house::{House, PROVIDERS, Plan, ask, chat};
use crate::reading::{check_sound, said};

const CHAT: &str = "/v1/chat/completions";

/// Every surface with a request for its own provider.
fn surfaces() -> impl Iterator<Item = (&'static str, String, Value)> {
    PROVIDERS.iter().map(|(name, ..)| {
        let (path, body) = ask(name, &format!("{name}/text"), false);
        (*name, path, body)
    })
}

async fn packed(house: &House, encoding: &str, body: Vec<u8>) -> Answer {
    let client =
        house.client().header("content-type", "application/json").header("content-encoding", encoding);
    let answer = client.send(Method::POST, CHAT, body.into()).await.unwrap().whole().await.unwrap();
    check_sound("chat", &answer);
    answer
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    writer.write_all(plain).unwrap();
    writer.into_inner()
}

#[tokio::test]
async fn fault_27_a_body_over_the_limit_is_a_413_whoever_sends_it() {
    let house = House::start().await;
    for (surface, path, mut body) in surfaces() {
        body["padding"] = "x".repeat(8 << 20).into();
        let answer = house.post(surface, &path, &body).await;
        assert_eq!(answer.status, 413, "{surface}: {}", answer.text());
        assert!(answer.text().contains("1048576"), "{}", answer.text());
    }
    assert_eq!(house.fake.request_count(), 0);
    for line in house.ledger(PROVIDERS.len()) {
        assert_eq!((line["error"].as_str(), line["attempts"].as_u64()), (Some("body_too_large"), Some(0)));
    }
}

#[tokio::test]
async fn fault_27_a_client_that_writes_all_before_it_reads_still_finds_its_413() {
    let house = House::start().await;
    for size in [2 << 20, 20 << 20] {
        let mut connection = Connection::open(house.address).await.unwrap();
        let head = format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
        connection.send(head.as_bytes()).await.unwrap();
        connection.send(&vec![b' '; size]).await.expect("the body is read to its end");
        let answer = connection.read_until(b"\r\n\r\n").await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test]
async fn fault_27_a_body_that_does_not_say_how_large_it_is_is_cut_at_the_limit() {
    let house = House::start().await;
    let mut connection = Connection::open(house.address).await.unwrap();
    let head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.send(head).await.unwrap();
    let piece = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    // 20 pieces are 1.25 MiB; the end of the body never comes.
    for _ in 0..20 {
        connection.send(&piece).await.unwrap();
    }
    connection.half_close().await.unwrap();
    let answer = String::from_utf8(connection.read_to_end(crate::house::PATIENCE).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(house.fake.request_count(), 0);
    assert_eq!(house.only_line()["error"], "body_too_large");
}

#[tokio::test]
async fn fault_14_a_client_that_waits_for_leave_gets_its_413_without_it() {
    let house = House::start().await;
    let head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9000000\r\n\r\n";
    let mut connection = Connection::open(house.address).await.unwrap();
    connection.send(head).await.unwrap();
    let answer = connection.read_until(b"\r\n\r\n").await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn fault_28_a_bomb_is_refused_at_the_limit_and_honest_compression_is_read() {
    let house = House::start().await;
    let honest = chat("chat/text").to_string().into_bytes();
    let mut bomb = chat("chat/text");
    bomb["padding"] = "x".repeat(5 << 20).into();
    let bomb = bomb.to_string().into_bytes();
    for (encoding, pack) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("br", brotli)] {
        let answer = packed(&house, encoding, pack(&honest)).await;
        assert_eq!(
            (answer.status.as_u16(), said(&answer).as_str()),
            (200, "You said: hello there"),
            "{encoding}"
        );
        assert!(pack(&bomb).len() < 100_000);
        let answer = packed(&house, encoding, pack(&bomb)).await;
        assert_eq!(answer.status, 413, "{encoding}: {}", answer.text());
        let half = pack(&honest);
        let answer = packed(&house, encoding, half[..half.len() / 2].to_vec()).await;
        assert_eq!(answer.status, 400, "{encoding}: {}", answer.text());
    }
    for encoding in ["zstd", "gzip, gzip", "?"] {
        let answer = packed(&house, encoding, honest.clone()).await;
        assert_eq!(answer.status, 415, "{encoding}: {}", answer.text());
    }
    assert_eq!(house.fake.request_count(), 2);
    house.ledger(9);
}

#[tokio::test]
async fn fault_29_a_body_nested_a_hundred_thousand_deep_is_a_400() {
    let house = House::start().await;
    for (surface, path, body) in surfaces() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            let text = body.to_string().replacen('{', &format!("{{\"deep\":{deep},"), 1);
            let answer = house.post_bytes(surface, &path, text.as_bytes()).await;
            assert_eq!(answer.status, 400, "{surface}: {}", answer.text());
            assert!(answer.text().contains("nested"), "{}", answer.text());
        }
    }
    assert_eq!(house.fake.request_count(), 0);
}

#[tokio::test]
async fn fault_30_a_field_that_is_there_twice_is_a_400_that_names_it() {
    let house = House::start().await;
    for (surface, path, body) in surfaces().filter(|(surface, ..)| *surface != "gemini") {
        for twice in ["\"model\":\"chat/other\"", "\"stream\":true,\"stream\":false", "\"mod\\u0065l\":\"x\""]
        {
            let text = body.to_string().replacen('{', &format!("{{{twice},"), 1);
            let answer = house.post_bytes(surface, &path, text.as_bytes()).await;
            assert_eq!(answer.status, 400, "{surface} {twice}: {}", answer.text());
            assert!(answer.text().contains("twice"), "{}", answer.text());
        }
    }
    assert_eq!(house.fake.request_count(), 0);
}

#[tokio::test]
async fn fault_31_numbers_that_are_none_are_a_400_that_names_the_field() {
    let house = House::start().await;
    let fields = |surface: &str| match surface {
        "chat" => vec!["max_tokens", "max_completion_tokens", "n", "temperature"],
        "responses" => vec!["max_output_tokens", "temperature"],
        "anthropic" => vec!["max_tokens", "temperature"],
        _ => vec!["generationConfig.maxOutputTokens", "generationConfig.candidateCount"],
    };
    for (surface, path, mut body) in surfaces() {
        if surface == "anthropic" {
            body.as_object_mut().unwrap().shift_remove("max_tokens");
        }
        for field in fields(surface) {
            for value in ["-1", "1e999", "\"100\"", "NaN", "Infinity", "[]"] {
                let inner = field.strip_prefix("generationConfig.");
                let text = match inner {
                    Some(inner) => format!("{{\"generationConfig\":{{\"{inner}\":{value}}},"),
                    None => format!("{{\"{field}\":{value},"),
                };
                let text = body.to_string().replacen('{', &text, 1);
                let answer = house.post_bytes(surface, &path, text.as_bytes()).await;
                assert_eq!(answer.status, 400, "{surface} {field} {value}: {}", answer.text());
                if !value.starts_with(['N', 'I']) {
                    assert!(answer.text().contains(inner.unwrap_or(field)), "{}", answer.text());
                }
            }
        }
    }
    assert_eq!(house.fake.request_count(), 0);
}

#[tokio::test]
async fn fault_31_null_counts_as_absent() {
    let house = House::start().await;
    for target in ["chat/text", "anthropic/text"] {
        let mut body = chat(target);
        for field in ["max_tokens", "n", "temperature", "stop", "tools"] {
            body[field] = Value::Null;
        }
        let answer = house.post("chat", CHAT, &body).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    }
}

#[tokio::test]
async fn fault_32_broken_text_is_a_400_or_passes_to_the_byte() {
    let house = House::start().await;
    for target in ["chat/text", "anthropic/text"] {
        let text = chat(target).to_string();
        let raw = |with: &[u8]| {
            let at = text.find("hello").unwrap();
            [&text.as_bytes()[..at], with, &text.as_bytes()[at..]].concat()
        };
        for broken in [raw(b"\xff"), raw(b"\xed\xa0\x80"), raw(b"\xf0\x9f\xa6"), raw(b"\0"), raw(b"\n"), {
            ["\u{feff}".as_bytes(), text.as_bytes()].concat()
        }] {
            let answer = house.post_bytes("chat", CHAT, &broken).await;
            assert_eq!(answer.status, 400, "{target}: {}", answer.text());
        }
    }
    assert_eq!(house.fake.request_count(), 0);
    // A lone surrogate and an escaped NUL are JSON: they pass as they are, or are refused, but never become U+FFFD.
    for escape in [r"\ud83e", r"\u0000"] {
        for (target, passes) in [("chat/lax", true), ("anthropic/lax", false)] {
            house.fake.clear();
            let text = chat(target).to_string().replace("hello", &format!("hello{escape}"));
            let answer = house.post_bytes("chat", CHAT, text.as_bytes()).await;
            let seen = house.fake.requests();
            let sent = seen.first().map(|seen| String::from_utf8(seen.body.to_vec()).unwrap());
            match sent {
                Some(sent) => assert!(sent.contains(escape), "{target}: {sent}"),
                None => assert!(!passes && answer.status == 400, "{target}: {}", answer.text()),
            }
        }
    }
}

#[tokio::test]
async fn fault_33_floods_are_refused_by_named_limits_or_copied_through() {
    let rules = tidegate_proxy::snapshot::Rules::default();
    let house = House::start_with(Plan { rules, ..Plan::default() }).await;
    let flood = |model: &str, field: &str, value: Value| {
        let mut body = chat(model);
        body[field] = value;
        body
    };
    let message = json!({"role": "user", "content": "hello"});
    let many = |count| Value::Array(vec![message.clone(); count]);
    let stops = Value::Array((0..10_000).map(|i| format!("stop{i}").into()).collect());
    for (target, count) in [("chat/text", 100_000), ("anthropic/text", 10_000)] {
        let answer = house.post("chat", CHAT, &flood(target, "messages", many(count))).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        let answer = house.post("chat", CHAT, &flood(target, "stop", stops.clone())).await;
        assert!([200, 400].contains(&answer.status.as_u16()), "{target}: {}", answer.text());
        let answer = house.post("chat", CHAT, &flood(target, "n", 1_000_000.into())).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"]["param"].as_str()), (400, Some("n")));
    }
}

#[tokio::test]
async fn fault_33_a_large_image_passes_and_one_over_the_limit_does_not() {
    let rules = tidegate_proxy::snapshot::Rules::default();
    let house = House::start_with(Plan { rules, ..Plan::default() }).await;
    let image = |bytes: usize| {
        let url = format!("data:image/png;base64,{}", "A".repeat(bytes));
        let content =
            json!([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url}}]);
        json!({"model": "chat/text", "messages": [{"role": "user", "content": content}]})
    };
    let answer = house.post("chat", CHAT, &image(4 << 20)).await;
    assert_eq!((answer.status.as_u16(), said(&answer).as_str()), (200, "You said: look [image]"));
    let answer = house.post("chat", CHAT, &image(33 << 20)).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.text().contains("sizes.request_body"), "{}", answer.text());
}

#[tokio::test]
async fn fault_34_what_we_do_not_know_goes_on_unchanged() {
    let house = House::start().await;
    for (surface, path, _) in surfaces() {
        let (_, body) = ask(surface, &format!("{surface}/lax"), false);
        let strange = "{\"zebra\":1.0, \"big\":12345678901234567890123,\"exp\":1E5,\t\"esc\":\"\\u00e9\\/\",\"a\":{\"b\":-0},";
        let text = body.to_string().replacen('{', strange, 1);
        house.fake.clear();
        let answer = house.post_bytes(surface, &path.replace("text", "lax"), text.as_bytes()).await;
        assert_eq!(answer.status, 200, "{surface}: {}", answer.text());
        let sent = String::from_utf8(house.fake.requests()[0].body.to_vec()).unwrap();
        assert_eq!(sent, text.replace(&format!("{surface}/lax"), "lax"), "{surface}");
    }
}

#[tokio::test]
async fn fault_35_broken_forms_are_a_400_and_a_file_name_means_nothing_to_us() {
    let house = House::start().await;
    let part = |name: &str, value: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let model = part("model", "chat/text");
    let file = part("file\"; filename=\"../../etc/passwd", "audio");
    let good = format!("{model}{file}--xyz--\r\n");
    for (kind, body, status) in [
        ("multipart/form-data", good.clone(), 400),
        ("multipart/form-data; boundary=", good.clone(), 400),
        ("multipart/form-data; boundary=xyz", part("a", "b").repeat(10_000), 400),
        ("multipart/form-data; boundary=xyz", format!("{model}{model}--xyz--\r\n"), 400),
        ("multipart/form-data; boundary=xyz", "--xyz\r\nno end of head\r\n--xyz--\r\n".to_owned(), 400),
        ("multipart/form-data; boundary=xyz", good.clone(), 200),
    ] {
        let client = house.client().header("content-type", kind);
        let sent = client.send(Method::POST, "/v1/audio/transcriptions", body.into()).await.unwrap();
        let answer = sent.whole().await.unwrap();
        check_sound("chat", &answer);
        assert_eq!(answer.status, status, "{kind}: {}", answer.text());
    }
    let seen = house.fake.requests();
    assert_eq!(seen.len(), 1);
    let sent = String::from_utf8(seen[0].body.to_vec()).unwrap();
    assert_eq!(
        sent,
        good.replace("chat/text", "text"),
        "the file's name goes on as it is, and is never used here"
    );
}

#[tokio::test]
async fn fault_35_a_body_shorter_than_it_says_is_never_sent_on() {
    let house = House::start().await;
    let mut connection = Connection::open(house.address).await.unwrap();
    let text = chat("chat/text").to_string();
    let head =
        format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{text}", text.len() + 10);
    connection.send(head.as_bytes()).await.unwrap();
    connection.half_close().await.unwrap();
    let answer = connection.read_to_end(crate::house::PATIENCE).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(house.fake.request_count(), 0);
    house.only_line();
}

#[tokio::test]
async fn fault_36_bodies_that_are_no_json_object_are_refused_in_the_callers_shape() {
    let house = House::start().await;
    for (surface, path, body) in surfaces() {
        for broken in ["", "  ", "[]", "null", "\"x\"", "1", "{", "{}", "<html>", "a=b&c=d"] {
            let answer = house.post_bytes(surface, &path, broken.as_bytes()).await;
            assert_eq!(answer.status, 400, "{surface} {broken:?}: {}", answer.text());
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let client = house
                .client()
                .header("content-type", kind)
                .header(if surface == "anthropic" { "anthropic-version" } else { "x-none" }, "2023-06-01");
            let sent = client.send(Method::POST, &path, body.to_string().into()).await.unwrap();
            let answer = sent.whole().await.unwrap();
            check_sound(surface, &answer);
            assert_eq!(answer.status, 415, "{surface} {kind}: {}", answer.text());
        }
    }
    assert_eq!(house.fake.request_count(), 0);
    for line in house.log_lines() {
        assert_eq!(line["outcome"], "failed");
    }
}

#[tokio::test]
async fn fault_79_hostile_names_make_one_log_line_and_no_header_of_their_own() {
    let house = House::start().await;
    let names = ["chat/a\r\nx-evil: 1", "chat/\u{1b}[31m\"}", "nosuch\n{\"status\":500}", "chat/日本\u{0}"];
    for name in names {
        let answer = house.post("chat", CHAT, &chat(name)).await;
        assert!(answer.header("x-evil").is_none());
    }
    let lines = house.ledger(names.len());
    let told: Vec<_> = lines.iter().map(|line| line["model"].as_str().unwrap()).collect();
    assert_eq!(told, names);
}

#[tokio::test]
async fn fault_81_a_flood_of_model_names_does_not_become_a_flood_of_labels() {
    let house = House::start().await;
    house.ask("chat", "chat/text", false).await;
    let before = house.gateway.meters().render().lines().count();
    for number in 0..200 {
        house.ask("chat", &format!("chat/text~in-{number}"), false).await;
        house.ask("chat", &format!("nosuch-{number}"), false).await;
    }
    let text = house.gateway.meters().render();
    assert!(!text.contains("in-150") && !text.contains("nosuch"), "{text}");
    assert!(text.lines().count() < before + 40, "{before} → {}", text.lines().count());
}
