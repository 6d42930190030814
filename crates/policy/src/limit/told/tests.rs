//! Headers, as callers read them.

use std::sync::Arc;

use super::*;
use crate::limit::{Calendar, Rule, Scope, Window};

fn claim(name: &str, unit: Unit, amount: i64, window: Window) -> Claim {
    let rule = Rule { name: name.into(), scope: Scope::Key, unit, amount, window, models: Vec::new() };
    Claim { rule: Arc::new(rule), subject: "k".into(), amount: 1 }
}

fn minute(name: &str, unit: Unit, amount: i64) -> Claim {
    claim(name, unit, amount, Window::Sliding(Duration::from_secs(60)))
}

fn granted(standings: &[(i64, u64)]) -> Decision {
    let standing =
        |&(remaining, millis): &(i64, u64)| Standing { remaining, reset: Duration::from_millis(millis) };
    Decision { standings: standings.iter().map(standing).collect(), denial: None }
}

/// The headers that are told by one of the families.
fn told(claims: &[Claim], decision: &Decision, tell: impl FnOnce(&Teller<'_>, &mut Lines)) -> Vec<Header> {
    let mut out = Lines::all();
    tell(&Teller::new(claims, decision), &mut out);
    let (text, lines) = out.into_parts();
    let mut start = 0;
    let header = |(name, end): (Name, usize)| {
        let value = text[std::mem::replace(&mut start, end)..end].to_vec();
        (NAMES[name], String::from_utf8(value).expect("ASCII"))
    };
    lines.into_iter().map(header).collect()
}

fn openai(claims: &[Claim], decision: &Decision) -> Vec<Header> {
    told(claims, decision, |teller, out| teller.openai(out))
}

fn standard(claims: &[Claim], decision: &Decision) -> Vec<Header> {
    let policy = text(|out| out.extend(Teller::new(claims, decision).policy()));
    let limits = told(claims, decision, |teller, out| teller.standard(out));
    limits.into_iter().flat_map(|limit| [("ratelimit-policy", policy.clone()), limit]).collect()
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("ASCII")
}

fn lines(headers: &[Header]) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

#[test]
fn openai_callers_read_the_tightest_limit_of_requests_and_tokens() {
    let claims = [
        minute("loose", Unit::Tokens, 1000),
        minute("tight", Unit::Tokens, 100_000),
        minute("r", Unit::Requests, 60),
        minute("m", Unit::Money, 5),
    ];
    let headers = openai(&claims, &granted(&[(900, 1000), (10_000, 360_000), (59, 12), (1, 1)]));
    let wanted = [
        "x-ratelimit-limit-requests: 60",
        "x-ratelimit-remaining-requests: 59",
        "x-ratelimit-reset-requests: 12ms",
        "x-ratelimit-limit-tokens: 100000",
        "x-ratelimit-remaining-tokens: 10000",
        "x-ratelimit-reset-tokens: 6m0s",
    ];
    assert_eq!(lines(&headers), wanted);
    assert!(openai(&claims[3..], &granted(&[(1, 1)])).is_empty());
}

#[test]
fn anthropic_callers_read_each_kind_of_tokens() {
    let claims = [minute("i", Unit::InputTokens, 50), minute("o", Unit::OutputTokens, 20)];
    let headers = told(&claims, &granted(&[(40, 1500), (0, 60_000)]), |teller, out| {
        teller.anthropic(1_795_219_200 * SECOND, out);
    });
    let wanted = [
        "anthropic-ratelimit-input-tokens-limit: 50",
        "anthropic-ratelimit-input-tokens-remaining: 40",
        "anthropic-ratelimit-input-tokens-reset: 2026-11-21T00:00:02Z",
        "anthropic-ratelimit-output-tokens-limit: 20",
        "anthropic-ratelimit-output-tokens-remaining: 0",
        "anthropic-ratelimit-output-tokens-reset: 2026-11-21T00:01:00Z",
    ];
    assert_eq!(lines(&headers), wanted);
}

#[test]
fn the_standard_fields_name_rule_quota_unit_and_window() {
    let claims = [
        minute("team-tpm", Unit::Tokens, 100_000),
        minute("rpm", Unit::Requests, 60),
        claim("budget", Unit::Money, 2_500_000_000, Window::Calendar(Calendar::Month)),
        claim("open", Unit::Concurrent, 8, Window::Open),
        claim("odd \"name\\", Unit::InputTokens, i64::MAX, Window::Sliding(Duration::from_millis(1500))),
    ];
    let decision = granted(&[(950, 29_100), (59, 0), (1_999_999_999, 86_400_000), (3, 0), (i64::MAX, 1)]);
    let wanted = [
        "ratelimit-policy: \"rpm\";q=60;w=60, \"team-tpm\";q=100000;qu=\"tokens\";w=60, \
         \"odd__name_\";q=999999999999999;qu=\"input-tokens\";w=2, \
         \"budget\";q=2500000;qu=\"micro-usd\";w=2592000, \"open\";q=8;qu=\"concurrent-requests\"",
        "ratelimit: \"rpm\";r=59;t=0, \"team-tpm\";r=950;t=30, \"odd__name_\";r=999999999999999;t=1, \
         \"budget\";r=1999999;t=86400, \"open\";r=3",
    ];
    assert_eq!(lines(&standard(&claims, &decision)), wanted);
    assert!(standard(&[], &granted(&[])).is_empty());
}

#[test]
fn budgets_are_told_in_dollars() {
    let claims = [claim("budget", Unit::Money, 20_000_000_000, Window::Calendar(Calendar::Day))];
    let headers = told(&claims, &granted(&[(50_000_001, 1001)]), |teller, out| teller.budget(out));
    let wanted = [
        "x-tidegate-budget-limit: 20",
        "x-tidegate-budget-remaining: 0.050000001",
        "x-tidegate-budget-reset: 2",
    ];
    assert_eq!(lines(&headers), wanted);
}

#[test]
fn who_is_refused_reads_the_limit_that_refused() {
    let claims = [minute("tight", Unit::Tokens, 100), minute("refused", Unit::Tokens, 1000)];
    let mut decision = granted(&[(1, 1000), (500, 60_000)]);
    let denial = Denial { claim: 1, wait: Some(Duration::from_millis(20_001)) };
    decision.denial = Some(denial);
    assert_eq!(lines(&standard(&claims, &decision))[1], "ratelimit: \"refused\";r=500;t=21");
    assert_eq!(openai(&claims, &decision)[0].1, "1000");
    assert_eq!(lines(&retry(&claims, &denial)), ["retry-after: 21", "retry-after-ms: 20001"]);
}

#[test]
fn callers_are_told_when_waiting_does_not_help() {
    let mut claims = [minute("r", Unit::Tokens, 100), claim("c", Unit::Concurrent, 1, Window::Open)];
    let told = |claims: &[Claim], claim, wait| {
        let denial = Denial { claim, wait };
        (retry_after(claims, &denial), waiting_helps(claims, &denial))
    };
    assert_eq!(told(&claims, 0, Some(Duration::from_nanos(1))), (Some(1), true));
    assert_eq!(told(&claims, 0, Some(Duration::from_secs(61))), (Some(61), false));
    assert_eq!(told(&claims, 1, None), (Some(1), true), "somebody will be done");
    claims[0].amount = 101;
    assert_eq!(told(&claims, 0, None), (None, false), "more than the whole limit");
    let denial = Denial { claim: 0, wait: None };
    assert_eq!(lines(&retry(&claims, &denial)), ["x-should-retry: false"]);
}

fn go_duration(duration: Duration) -> String {
    text(|out| push_go_duration(out, duration))
}

#[test]
fn durations_are_written_as_go_writes_them() {
    for (millis, wanted) in [
        (0, "0s"),
        (999, "999ms"),
        (1000, "1s"),
        (1500, "1.5s"),
        (59_999, "59.999s"),
        (60_001, "1m1s"),
        (360_000, "6m0s"),
        (3_600_000, "1h0m0s"),
        (90_061_000, "25h1m1s"),
    ] {
        assert_eq!(go_duration(Duration::from_millis(millis)), wanted);
    }
    assert_eq!(go_duration(Duration::from_micros(1)), "1ms");
    assert_eq!(go_duration(Duration::from_micros(999_001)), "1s");
    assert_eq!(go_duration(Duration::from_micros(59_999_001)), "1m0s");
    let _ = (go_duration(Duration::MAX), text(|out| push_rfc3339(out, micros(Duration::MAX))));
}

#[test]
fn dollars_keep_every_digit_of_their_fraction() {
    for (nanos, wanted) in [
        (0, "0"),
        (25_000_000_000, "25"),
        (1_110_000_000, "1.11"),
        (100_000_000, "0.1"),
        (1, "0.000000001"),
        (2_000_000_010, "2.00000001"),
    ] {
        assert_eq!(text(|out| push_dollars(out, nanos)), wanted);
    }
}
