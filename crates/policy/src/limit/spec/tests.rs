//! Limits as they are written: what is read, what is refused.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::limit::Calendar;

fn spec(json: &str) -> Spec {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn rule(json: &str) -> Rule {
    spec(json).check("", Scope::Global).unwrap_or_else(|errors| panic!("{json}: {errors:?}"))
}

fn wrong_fields(json: &str) -> Vec<&'static str> {
    let errors = spec(json).check("", Scope::Key).expect_err(json);
    errors.into_iter().map(|error| error.field).collect()
}

#[test]
fn a_limit_says_as_little_as_it_needs() {
    let got = rule(r#"{"of":"tokens","limit":1000,"per":"minute"}"#);
    assert_eq!((&*got.name, got.scope, got.amount), ("global-tokens-minute", Scope::Global, 1000));
    assert_eq!(got.window, Window::Sliding(Duration::from_secs(60)));
    let on_key = spec(r#"{"of":"input_tokens","limit":5,"per":"30s"}"#).check("key_1", Scope::Key);
    assert_eq!(
        on_key.map(|rule| (rule.name, rule.scope)),
        Ok(("key_1:key-input-tokens-30s".into(), Scope::Key))
    );
    let open = rule(r#"{"by":"ip","of":"concurrent","limit":3}"#);
    assert_eq!((&*open.name, open.window), ("ip-concurrent", Window::Open));
}

#[test]
fn budgets_follow_the_calendar_and_limits_slide() {
    for (of, per, window, wanted) in [
        ("money", "month", "", Window::Calendar(Calendar::Month)),
        ("tokens", "day", "", Window::Calendar(Calendar::Day)),
        ("tokens", "week", "", Window::Calendar(Calendar::Week)),
        ("tokens", "24h", "", Window::Sliding(Duration::from_secs(86_400))),
        ("money", "hour", "", Window::Sliding(Duration::from_secs(3600))),
        ("money", "month", "sliding", Window::Sliding(Duration::from_secs(30 * 86_400))),
        ("requests", "minute", "calendar", Window::Calendar(Calendar::Minute)),
        ("requests", "minute", "bucket", Window::Bucket { per: Duration::from_secs(60), burst: 7 }),
    ] {
        let window = if window.is_empty() { String::new() } else { format!(r#","window":"{window}""#) };
        let limit = if of == "money" { "0.000000007" } else { "7" };
        let json = format!(r#"{{"of":"{of}","limit":{limit},"per":"{per}"{window}}}"#);
        assert_eq!((rule(&json).window, rule(&json).amount), (wanted, 7), "{json}");
    }
}

#[test]
fn dollars_become_nano_dollars_exactly() {
    for (limit, nanos) in [("0.1", 100_000_000), ("\"19.99\"", 19_990_000_000), ("1000000000", MOST_MONEY)] {
        let json = format!(r#"{{"of":"money","limit":{limit},"per":"month","window":"bucket","burst":0.3}}"#);
        let got = rule(&json);
        assert_eq!(got.amount, nanos);
        assert!(matches!(got.window, Window::Bucket { burst: 300_000_000, .. }));
    }
}

#[test]
fn every_mistake_is_told_with_its_field() {
    for (json, fields) in [
        (r#"{"of":"tokens","limit":-1,"per":"minute"}"#, &["limit"][..]),
        (r#"{"of":"tokens","limit":1e18,"per":"minute"}"#, &["limit"]),
        (r#"{"of":"tokens","limit":1.5,"per":"minute"}"#, &["limit"]),
        (r#"{"of":"money","limit":1000000000.01,"per":"month"}"#, &["limit"]),
        (r#"{"of":"money","limit":0.0000000001,"per":"month"}"#, &["limit"]),
        (r#"{"of":"tokens","limit":1}"#, &["per"]),
        (r#"{"of":"tokens","limit":1,"per":"0s"}"#, &["per"]),
        (r#"{"of":"tokens","limit":1,"per":"367d"}"#, &["per"]),
        (r#"{"of":"tokens","limit":1,"per":"5m","window":"calendar"}"#, &["window"]),
        (r#"{"of":"tokens","limit":1,"per":"5m","burst":3}"#, &["burst"]),
        (r#"{"of":"tokens","limit":1,"per":"5m","window":"bucket","burst":0}"#, &["burst"]),
        (
            r#"{"of":"concurrent","limit":1,"per":"5m","window":"bucket","burst":1}"#,
            &["per", "window", "burst"],
        ),
        (r#"{"name":"","of":"tokens","limit":1,"per":"5m"}"#, &["name"]),
        (
            r#"{"name":"{a}\u0000","of":"tokens","limit":"x","per":"5","models":["","a\u0007"]}"#,
            &["limit", "per", "name", "models", "models"],
        ),
    ] {
        assert_eq!(wrong_fields(json), fields, "{json}");
    }
    let nan = Spec { limit: Quantity::Decimal(f64::NAN), ..spec(r#"{"of":"tokens","limit":1,"per":"5m"}"#) };
    assert_eq!(nan.check("", Scope::Key).map_err(|errors| errors.len()), Err(1));
}

#[test]
fn unknown_words_are_refused() {
    for json in [
        r#"{"of":"tokens","limit":1,"per":"minute","pre":1}"#,
        r#"{"of":"bananas","limit":1,"per":"minute"}"#,
        r#"{"of":"tokens","limit":true,"per":"minute"}"#,
        r#"{"by":"planet","of":"tokens","limit":1,"per":"minute"}"#,
        r#"{"of":"tokens","per":"minute"}"#,
    ] {
        assert!(serde_json::from_str::<Spec>(json).is_err(), "{json}");
    }
}

#[test]
fn a_spec_is_written_as_it_was_read() {
    for json in [
        r#"{"of":"tokens","limit":1,"per":"minute"}"#,
        r#"{"name":"n","by":"user","of":"money","limit":0.5,"per":"24h","window":"bucket","burst":"1.25","models":["a*"]}"#,
    ] {
        assert_eq!(serde_json::to_string(&spec(json)).expect("JSON"), json);
    }
}

#[test]
fn names_in_one_place_are_unique() {
    let tokens = spec(r#"{"of":"tokens","limit":1,"per":"minute"}"#);
    let named = |name: &str| Spec { name: Some(name.to_owned()), ..tokens.clone() };
    let all = [tokens.clone(), tokens.clone(), named("key-tokens-minute-2"), tokens.clone()];
    let names = |specs: &[Spec]| {
        check_all(specs, "k", Scope::Key)
            .map(|rules| rules.iter().map(|rule| rule.name.to_string()).collect::<Vec<_>>())
    };
    let wanted =
        ["k:key-tokens-minute-2", "k:key-tokens-minute", "k:key-tokens-minute-3", "k:key-tokens-minute-4"];
    assert_eq!(names(&all), Ok(wanted.map(str::to_owned).to_vec()));
    let twice = names(&[named("a"), Spec { limit: Quantity::Whole(-1), ..tokens.clone() }, named("a")]);
    let places = twice.expect_err("a name twice").into_iter().map(|(number, error)| (number, error.field));
    assert_eq!(places.collect::<Vec<_>>(), [(1, "limit"), (2, "name")]);
}

proptest! {
    #[test]
    fn a_rule_s_name_never_leaves_its_place_in_a_redis_key(place in ".{0,20}", name in proptest::option::of(".{0,20}")) {
        let spec = Spec { name, ..spec(r#"{"of":"tokens","limit":1,"per":"minute"}"#) };
        if let Ok(rule) = spec.check(&place, Scope::Key) {
            prop_assert!(rule.name.bytes().all(|b| b.is_ascii_graphic() && !b"{}\"\\".contains(&b)), "{}", rule.name);
        }
    }
}
