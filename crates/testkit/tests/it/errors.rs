//! Errors before the head: each vendor's shape, and faults that later requests do not have.

use serde_json::json;
use tidegate_testkit::client::{Answer, Client};
use tidegate_testkit::{FakeProvider, raw};

use crate::dialects::{Dialect, FIVE, FOUR, client};

fn shape(dialect: Dialect, answer: &Answer) -> (String, String) {
    let error = &answer.json()["error"];
    let word = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    match dialect {
        Dialect::Gemini => {
            assert_eq!(error["code"], answer.status.as_u16());
            (word("status"), String::new())
        }
        Dialect::Anthropic => {
            assert_eq!(answer.json()["type"], "error");
            assert_eq!(answer.json()["request_id"], answer.header("request-id").unwrap());
            (word("type"), String::new())
        }
        _ => {
            let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["message", "type", "param", "code"]);
            assert!(answer.header("x-request-id").is_some());
            (word("type"), word("code"))
        }
    }
}

#[tokio::test]
async fn each_status_in_each_vendors_words() {
    let provider = FakeProvider::start().await.unwrap();
    let table = [
        (400, "invalid_request_error", "", "invalid_request_error", "INVALID_ARGUMENT"),
        (401, "invalid_request_error", "invalid_api_key", "authentication_error", "UNAUTHENTICATED"),
        (403, "permission_error", "", "permission_error", "PERMISSION_DENIED"),
        (404, "invalid_request_error", "model_not_found", "not_found_error", "NOT_FOUND"),
        (429, "requests", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        (500, "server_error", "", "api_error", "INTERNAL"),
        (503, "server_error", "", "api_error", "UNAVAILABLE"),
        (529, "server_error", "", "overloaded_error", "INTERNAL"),
    ];
    for (status, openai, code, anthropic, gemini) in table {
        for dialect in FIVE {
            let answer = dialect.plain(&provider, &format!("text~status-{status}")).await;
            assert_eq!(answer.status, status, "{dialect:?}");
            let expected = match dialect {
                Dialect::Gemini => (gemini, ""),
                Dialect::Anthropic => (anthropic, ""),
                _ => (openai, code),
            };
            let (kind, found) = shape(dialect, &answer);
            assert_eq!((kind.as_str(), found.as_str()), expected, "{dialect:?} {status}");
        }
    }
}

#[tokio::test]
async fn keys() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FOUR {
        for (key, status) in [(None, 401), (Some("bad-key"), 401), (Some("forbidden"), 403)] {
            let client = Client::new(provider.addr()).header("anthropic-version", "2023-06-01");
            let client = if let Some(key) = key { client.bearer(key) } else { client };
            let answer =
                client.post(&dialect.path("text", false), &dialect.body("text", false)).await.unwrap();
            assert_eq!(answer.status, status, "{dialect:?} {key:?}");
            shape(dialect, &answer);
        }
    }
    let body = Dialect::Gemini.body("text", false);
    let path = format!("{}?key=k", Dialect::Gemini.path("text", false));
    assert_eq!(Client::new(provider.addr()).post(&path, &body).await.unwrap().status, 200);
}

#[tokio::test]
async fn waiting_times() {
    let provider = FakeProvider::start().await.unwrap();
    for (text, header) in [("2", "2"), ("1.5", "1.5"), ("-1", "-1"), ("garbage", "garbage")] {
        let answer = Dialect::Gemini.plain(&provider, &format!("text~status-429~retryafter-{text}")).await;
        assert_eq!(answer.header("retry-after"), Some(header));
        assert_eq!(answer.json()["error"]["details"][0]["retryDelay"], format!("{header}s"));
    }
    let answer = Dialect::Chat.plain(&provider, "text~status-503~retryafter-date-3~retryafterms-7").await;
    assert!(answer.header("retry-after").unwrap().ends_with(" GMT"));
    assert_eq!(answer.header("retry-after-ms"), Some("7"));
}

#[tokio::test]
async fn failing_first_counts_by_exact_name() {
    let provider = FakeProvider::start().await.unwrap();
    let status = async |model: &str| Dialect::Chat.plain(&provider, model).await.status.as_u16();
    for expected in [503, 503, 200, 200] {
        assert_eq!(status("text~failfirst-2").await, expected);
    }
    assert_eq!(status("text~failfirst-2~out-5").await, 503);
    assert_eq!(status("text~failfirst-1~status-429~retryafter-1").await, 429);
    assert_eq!(status("text~failfirst-1~status-429~retryafter-1").await, 200);
    let broken = Dialect::Chat.open(&provider, "text~failfirst-1~cut-2").await;
    assert!(!broken.events().await.1);
    assert!(Dialect::Chat.open(&provider, "text~failfirst-1~cut-2").await.events().await.1);
    provider.clear();
    assert_eq!(status("text~failfirst-2").await, 503);
}

#[tokio::test]
async fn special_errors() {
    let provider = FakeProvider::start().await.unwrap();
    let answer = Dialect::Chat.plain(&provider, "text~quota").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
        (429, Some("insufficient_quota"))
    );
    let answer = Dialect::Chat.plain(&provider, "text~context").await;
    assert_eq!(answer.json()["error"]["code"], "context_length_exceeded");
    let answer = Dialect::Gemini.plain(&provider, "text~status-429~arrayerror").await;
    assert_eq!(answer.json()[0]["error"]["status"], "RESOURCE_EXHAUSTED");
    let answer = Dialect::Anthropic.plain(&provider, "text~error200").await;
    assert_eq!((answer.status.as_u16(), answer.json()["type"].as_str()), (200, Some("error")));
    for (model, status) in [("text~garbage", 200), ("text~garbage~status-502", 502)] {
        let answer = Dialect::Chat.plain(&provider, model).await;
        assert_eq!(answer.status, status);
        assert!(answer.text().starts_with("<!DOCTYPE html>"));
    }
}

#[tokio::test]
async fn unknown_models_and_paths() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FOUR {
        for model in ["missing", "text~unheard"] {
            let answer = dialect.plain(&provider, model).await;
            assert_eq!(answer.status, 404, "{dialect:?} {model}");
            assert!(answer.text().contains(model.rsplit('~').next().unwrap()));
        }
    }
    assert_eq!(client(&provider).post("/v1/nothing", &json!({})).await.unwrap().status, 404);
}

#[tokio::test]
async fn redirects_lead_into_a_trap() {
    let provider = FakeProvider::start().await.unwrap();
    let answer = Dialect::Chat.plain(&provider, "text~redirect").await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location").unwrap(), format!("{}/_trap", provider.base_url()));
    client(&provider).get("/_trap").await.unwrap();
    assert_eq!(provider.requests().last().unwrap().path_and_query, "/_trap");
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let provider = FakeProvider::start().await.unwrap();
    let request = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nconnection: close\r\ncontent-length: 5\r\n\r\n{\"a\":";
    let answer = String::from_utf8(raw::exchange(provider.addr(), request).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"invalid_request_error\""), "{answer}");
}
