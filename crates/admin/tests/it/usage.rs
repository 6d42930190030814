//! Usage: sums over the ledger in JSON, CSV and FOCUS.

use serde_json::json;
use tidegate_store::ledger::Row;

use crate::house::{House, all, row, wrong_fields};

async fn used() -> House {
    let house = House::start().await;
    let evil = "=cmd|' /C calc'!A0";
    house
        .use_up(&[
            Row { key: "key_1".into(), team: "team_1".into(), ..row(1, "large", 5_000_000_000) },
            Row { key: "key_1".into(), team: "team_1".into(), ..row(2, "small", 250_000_000) },
            Row { key: "key_2".into(), user: "anna".into(), ..row(3, "small", 1) },
            Row { outcome: "failed".into(), ..row(4, evil, 0) },
        ])
        .await;
    house
}

#[tokio::test]
async fn usage_is_told_by_what_is_asked() {
    let house = used().await;
    let total = house.get("/admin/v1/usage").await.json();
    assert_eq!((&total["items"][0]["requests"], &total["items"][0]["input"]), (&json!(4), &json!(40)));
    assert_eq!(total["items"][0]["cost"], json!(5_250_000_001_i64));
    assert_eq!(all(&house.get("/admin/v1/usage?group_by=model").await, "model")[..2], ["large", "small"]);
    let by_both = house.get("/admin/v1/usage?group_by=key,day&key=key_1&from=1h").await;
    assert_eq!(all(&by_both, "key"), ["key_1"]);
    assert_eq!(by_both.json()["items"][0]["requests"], 2);
    for (query, requests) in [
        ("team=team_1", 2),
        ("user=anna", 1),
        ("model=small", 2),
        ("provider=acme", 4),
        ("provider=other", 0),
        ("outcome=failed", 1),
        ("endpoint=chat_completions&model=large", 1),
        ("key=%27%20OR%20%271%27=%271", 0),
        ("tag=x", 0),
        ("from=2000-01-01&to=2000-02-01", 0),
    ] {
        let answer = house.get(&format!("/admin/v1/usage?{query}")).await;
        let sum: i64 = answer.json()["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|line| line["requests"].as_i64())
            .sum();
        assert_eq!(sum, requests, "{query}: {}", answer.text());
    }
    let cut = house.get("/admin/v1/usage?group_by=model&limit=2&order=requests").await.json();
    assert_eq!((cut["items"].as_array().unwrap().len(), &cut["more"]), (2, &json!(true)));
    let whole = house.get("/admin/v1/usage?group_by=model&limit=3").await.json();
    assert_eq!((whole["items"].as_array().unwrap().len(), &whole["more"]), (3, &json!(false)));
}

#[tokio::test]
async fn fault_78_tables_cannot_hold_formulas() {
    let house = used().await;
    let csv = house.get("/admin/v1/usage?group_by=model&format=csv").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"usage.csv\""));
    assert_eq!(csv.header("x-tidegate-more"), Some("false"));
    let text = csv.text();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("large,1,") || text.contains("\"large\",1,"), "{text}");
    assert!(text.contains("'=cmd") && !text.contains("\n=cmd") && !text.contains("\n\"=cmd"), "{text}");
    let focus = house.get("/admin/v1/usage?format=focus&limit=1").await;
    assert!(focus.text().starts_with("BilledCost,BillingAccountId,"), "{}", focus.text());
    assert_eq!((focus.text().lines().count(), focus.header("x-tidegate-more")), (2, Some("true")));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let house = used().await;
    for (query, fields) in [
        ("group_by=colour", vec!["group_by"]),
        ("group_by=", vec!["group_by"]),
        ("group_by=day,day", vec!["group_by"]),
        ("group_by=user,hour", vec!["group_by"]),
        ("group_by=key,team,model,provider,endpoint,outcome", vec!["group_by"]),
        ("format=focus&group_by=day", vec!["group_by"]),
        ("from=yesterday&to=never", vec!["to", "from"]),
        ("from=2026-11-02&to=2026-11-01", vec!["from"]),
        ("format=xml&order=size&limit=0", vec!["format", "order", "limit"]),
        ("limit=50001", vec!["limit"]),
        ("groupby=day&sort=x", vec!["groupby", "sort"]),
        ("key=a%00b", vec!["key"]),
        ("from=9999-12-31&to=9999-12-31T23:59:59Z&limit=99999999999", vec!["limit"]),
    ] {
        assert_eq!(wrong_fields(&house.get(&format!("/admin/v1/usage?{query}")).await), fields, "{query}");
    }
    assert_eq!(house.get("/admin/v1/usage?from=1970-01-01&to=9999-12-31T23:59:59Z").await.status, 200);
}
