//! What is answered, plain and streamed.

use serde_json::json;
use tidegate_testkit::{FakeProvider, REDACTED, REFUSAL, SIGNATURE, THOUGHT, WIDE};

use crate::dialects::{Dialect, FIVE, FOUR, client};

#[tokio::test]
async fn text_in_every_dialect() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let answer = dialect.plain(&provider, "text").await;
        assert_eq!(answer.status, 200);
        assert_eq!(dialect.text_of(&answer.json()), "You said: hi", "{dialect:?}");
        assert_eq!(dialect.usage_of(&answer.json()), (20, 10), "{dialect:?}");
        let events = dialect.events(&provider, "text").await;
        assert_eq!(dialect.streamed_text(&events), "You said: hi", "{dialect:?}");
        assert_eq!(dialect.streamed_usage(&events), Some((20, 10)), "{dialect:?}");
        assert!(dialect.has_end(&events), "{dialect:?}");
    }
}

#[tokio::test]
async fn chat_tells_usage_only_when_asked() {
    let provider = FakeProvider::start().await.unwrap();
    let mut body = Dialect::Chat.body("text", true);
    body.as_object_mut().unwrap().remove("stream_options");
    let stream = client(&provider).open("/v1/chat/completions", &body).await.unwrap();
    let (events, _) = stream.events().await;
    assert_eq!(Dialect::Chat.streamed_usage(&events), None);
    assert!(events.iter().all(|event| event.json().get("usage").is_none()));
}

#[tokio::test]
async fn long_texts_have_their_number_of_pieces() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let events = dialect.events(&provider, "long~n-200").await;
        let text = dialect.streamed_text(&events);
        assert_eq!(text.split_whitespace().count(), 200, "{dialect:?}");
        assert!(events.len() > 200 && text.ends_with("word0199 "), "{dialect:?}");
        assert_eq!(dialect.streamed_usage(&events), Some((20, 200)), "{dialect:?}");
    }
}

#[tokio::test]
async fn empty_answers_end_well() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        assert_eq!(dialect.text_of(&dialect.plain(&provider, "empty").await.json()), "");
        let events = dialect.events(&provider, "empty").await;
        assert!(dialect.has_end(&events) && dialect.streamed_text(&events).is_empty(), "{dialect:?}");
    }
}

#[tokio::test]
async fn reasoning_comes_before_text() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FOUR {
        let answer = dialect.plain(&provider, "reasoning").await;
        assert!(answer.text().contains(THOUGHT), "{dialect:?}");
        assert_eq!(dialect.text_of(&answer.json()), "You said: hi", "{dialect:?}");
        let events = dialect.events(&provider, "reasoning").await;
        let data: String = events.iter().map(|event| event.data.as_str()).collect();
        assert!(data.find("first").unwrap() < data.find("You").unwrap(), "{dialect:?}");
        if matches!(dialect, Dialect::Anthropic | Dialect::Gemini) {
            assert!(answer.text().contains(SIGNATURE) && data.contains(SIGNATURE), "{dialect:?}");
        }
    }
    let details = Dialect::Chat.plain(&provider, "reasoning~details").await.json();
    assert_eq!(details["choices"][0]["message"]["reasoning_details"][0]["signature"], SIGNATURE);
    let mut body = Dialect::Responses.body("reasoning", false);
    body["include"] = json!(["reasoning.encrypted_content"]);
    let answer = client(&provider).post("/v1/responses", &body).await.unwrap().json();
    assert_eq!(answer["output"][0]["encrypted_content"], SIGNATURE);
    assert!(Dialect::Anthropic.plain(&provider, "redacted").await.text().contains(REDACTED));
}

#[tokio::test]
async fn refusals() {
    let provider = FakeProvider::start().await.unwrap();
    let chat = Dialect::Chat.plain(&provider, "refusal").await.json();
    assert_eq!(chat["choices"][0]["message"]["refusal"], REFUSAL);
    let responses = Dialect::Responses.plain(&provider, "refusal").await.json();
    assert_eq!(responses["output"][0]["content"][0], json!({"type": "refusal", "refusal": REFUSAL}));
    for (dialect, word) in [(Dialect::Anthropic, "refusal"), (Dialect::Gemini, "SAFETY")] {
        assert_eq!(dialect.finish_of(&dialect.plain(&provider, "refusal").await.json()), word);
        assert!(dialect.has_end(&dialect.events(&provider, "refusal").await));
    }
}

#[tokio::test]
async fn json_fits_the_schema() {
    let provider = FakeProvider::start().await.unwrap();
    let schema =
        json!({"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "integer"}}});
    let asked = [
        (
            Dialect::Chat,
            json!({"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}),
        ),
        (
            Dialect::Responses,
            json!({"text": {"format": {"type": "json_schema", "name": "x", "schema": schema}}}),
        ),
        (Dialect::Anthropic, json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}})),
        (Dialect::Gemini, json!({"generationConfig": {"responseSchema": schema}})),
    ];
    for (dialect, fields) in asked {
        let mut body = dialect.body("json", false);
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = client(&provider).post(&dialect.path("json", false), &body).await.unwrap().json();
        assert_eq!(dialect.text_of(&answer), r#"{"city":"Paris","n":1}"#, "{dialect:?}");
    }
}

#[tokio::test]
async fn counts_mean_the_same_everywhere() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let answer = dialect.plain(&provider, "text~in-100~out-300~cached-40").await;
        assert_eq!(dialect.usage_of(&answer.json()), (100, 300), "{dialect:?}");
        assert!(answer.text().contains(":40"), "{dialect:?}");
        let events = dialect.events(&provider, "text~in-100~out-300~cached-40~reasoned-7").await;
        assert_eq!(dialect.streamed_usage(&events), Some((100, 300)), "{dialect:?}");
        assert_eq!(
            dialect.streamed_usage(&dialect.events(&provider, "text~nousage").await),
            None,
            "{dialect:?}"
        );
        let bad = dialect.plain(&provider, "text~badusage").await.text();
        assert!(bad.contains("-5") && bad.contains("twelve"), "{dialect:?}");
    }
}

#[tokio::test]
async fn wide_characters_and_big_chunks() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let answer = dialect.plain(&provider, "text~utf8").await.json();
        assert_eq!(dialect.text_of(&answer), format!("You said: hi{WIDE}"), "{dialect:?}");
        let events = dialect.events(&provider, "text~bigchunk-300000").await;
        assert_eq!(dialect.streamed_text(&events).len(), 300_000 + "You said: hi".len(), "{dialect:?}");
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let (one, two) = (dialect.plain(&provider, "text").await, dialect.plain(&provider, "text").await);
        assert_eq!(one.body, two.body, "{dialect:?}");
    }
}
