//! The document, and what the snapshot holds.

use serde_json::{Value, json};

use crate::house::{House, all};

#[tokio::test]
async fn the_document_is_served_as_it_is_written() {
    let house = House::start().await;
    let served = house.get("/admin/v1/openapi.json").await;
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert_eq!(served.text(), tidegate_admin::openapi());
    let document = served.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["security"], json!([{"bearer": []}, {"header": []}]));
}

#[tokio::test]
async fn every_operation_of_the_document_is_there_and_says_what_can_happen() {
    let house = House::start().await;
    let document = house.get("/admin/v1/openapi.json").await.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let path = path.replace("{id}", "key_0123456789abcdef0123456789abcdef");
            let method = method.to_ascii_uppercase().parse().unwrap();
            let answer = crate::house::send(&house.admin(), method, &path, "{}").await;
            let told = operation["responses"].get(answer.status.as_str());
            assert!(told.is_some(), "{path}: {} {}", answer.status, answer.text());
            assert_ne!(answer.status, 405, "{path}");
            for status in ["400", "401", "403", "405", "429", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{path}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn models_and_targets_are_those_of_the_snapshot() {
    let house = House::start().await;
    let models = house.get("/admin/v1/models").await;
    assert_eq!(all(&models, "id"), ["smart", "acme/large", "acme/small"]);
    let smart = &models.json()["items"][0];
    assert_eq!((&smart["owner"], &smart["targets"]), (&json!("tidegate"), &json!(["acme/large"])));
    assert_eq!((&smart["price"]["input"], &smart["price"]["output"]), (&json!(2.0), &json!(8.0)));
    let targets = house.get("/admin/v1/targets").await;
    assert_eq!(all(&targets, "label"), ["acme/large", "acme/small"]);
    let items = targets.json()["items"].clone();
    assert_eq!(items[0]["names"], json!([{"name": "smart", "weight": 3}]));
    assert_eq!((&items[1]["names"], &items[1]["price"]), (&json!([]), &Value::Null));
}
