//! Callers who choose target and strategy themselves.

use serde_json::json;
use tidegate_core::Secret;
use tidegate_policy::access::Key;
use tidegate_proxy::snapshot::Access;
use tidegate_testkit::client::{Answer, Client};

use crate::house::{House, Plan};

const SECRET: &str = "tg-house-key-0123456789";

fn pool() -> Plan {
    let targets = ["chat/one", "chat/two", "anthropic/three"].map(|target| (target.to_owned(), 1));
    Plan { pools: vec![("p", targets.into(), vec![])], ..Plan::default() }
}

async fn ask(client: Client, headers: &[(&str, &str)]) -> Answer {
    let client = headers.iter().fold(client, |client, (name, value)| client.header(name, value));
    let body = json!({"model": "p", "messages": [{"role": "user", "content": "Hello!"}]});
    client.post("/v1/chat/completions", &body).await.unwrap()
}

#[tokio::test]
async fn a_caller_may_name_the_target_and_the_strategy() {
    let house = House::start_with(pool()).await;
    for target in ["anthropic/three", "chat/two", "chat/two"] {
        let answer = ask(Client::new(house.address), &[("x-tidegate-target", target)]).await;
        assert_eq!(answer.header("x-tidegate-target"), Some(target));
    }
    for _ in 0..5 {
        let answer = ask(Client::new(house.address), &[("x-tidegate-strategy", "priority")]).await;
        assert_eq!(answer.header("x-tidegate-target"), Some("chat/one"), "the first by rank");
    }
    for (headers, word) in [
        ([("x-tidegate-target", "chat/four")], "chat/one"),
        ([("x-tidegate-strategy", "luck")], "round_robin"),
    ] {
        let answer = ask(Client::new(house.address), &headers).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status.as_u16(), error["param"].as_str()), (400, Some(headers[0].0)), "{error}");
        assert!(error["message"].as_str().unwrap().contains(word), "what there is: {error}");
    }
}

#[tokio::test]
async fn a_key_must_allow_it() {
    for overrides in [false, true] {
        let key = Key { id: "k".into(), enabled: true, overrides, ..Key::default() };
        let access = Access { require_key: true, ..Access::default() };
        let plan = Plan { access, keys: vec![(Secret::new(SECRET), key)], ..pool() };
        let house = House::start_with(plan).await;
        for header in [("x-tidegate-target", "chat/two"), ("x-tidegate-strategy", "priority")] {
            let answer = ask(Client::new(house.address).bearer(SECRET), &[header]).await;
            if overrides {
                assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
            } else {
                assert_eq!(answer.json()["error"]["code"], "key_overrides", "{}", answer.text());
                assert_eq!(answer.status.as_u16(), 403);
            }
        }
        assert_eq!(house.fake.request_count(), if overrides { 2 } else { 0 });
    }
}
