//! Targets that are ill, and more work than they can carry: who is asked, who waits, and who is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_core::Secret;
use tidegate_llm::Dialect;
use tidegate_policy::access::Key;
use tidegate_policy::balance;
use tidegate_policy::budget::BudgetRules;
use tidegate_policy::health::{HealthRules, Phase, Standing};
use tidegate_policy::overload::{Class, ConcurrencyRules, QueueRules};
use tidegate_policy::{RetryRules, TimeLimits};
use tidegate_proxy::clock::micros;
use tidegate_proxy::snapshot::{Access, Resolved};
use tidegate_proxy::traffic::{GateRules, Live, Place, try_enter};
use tidegate_testkit::client::{Answer, Client};
use tokio::io::AsyncWriteExt;
use tokio::task::{JoinHandle, JoinSet};

use crate::house::{House, PATIENCE, Plan, chat};
use crate::raw_upstream::{json_answer, read_request, upstream};
use crate::reading::said;

const PATH: &str = "/v1/chat/completions";

/// A house with one pool `p` of equal targets, whose breakers work by these rules; each request tries once.
fn pool(targets: &[&str], health: HealthRules) -> Plan {
    let targets = targets.iter().map(|target| ((*target).to_owned(), 1)).collect();
    let mut plan = Plan { pools: vec![("p", targets, vec![])], ..Plan::default() };
    plan.balance = balance::Rules { health, ..balance::Rules::default() };
    plan.rules.retry = RetryRules { max_attempts: 1, ..plan.rules.retry };
    plan
}

/// What is known of the first target of `p`.
fn live(house: &House) -> Arc<Live> {
    let Ok(Resolved::Pool(pool)) = house.gateway.snapshot().models.resolve("p") else { panic!("no pool") };
    pool.members[0].target.live.clone()
}

/// Looks again and again until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn seconds(answer: &Answer) -> u64 {
    answer
        .header("retry-after")
        .unwrap_or_else(|| panic!("no retry-after: {}", answer.text()))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn after_five_failures_the_next_request_is_refused_in_the_callers_dialect_with_a_time() {
    let house = House::start_with(pool(&["chat/text~status-500"], HealthRules::default())).await;
    for _ in 0..5 {
        assert_eq!(house.ask("chat", "p", false).await.status, 500);
    }
    assert_eq!(live(&house).opened(), 1);
    for (surface, status) in [("chat", 503), ("anthropic", 529), ("responses", 503), ("gemini", 503)] {
        // A target without others gets a trial every two seconds: on a slow machine this may be one.
        let mut answer = house.ask(surface, "p", false).await;
        if answer.header("retry-after").is_none() {
            answer = house.ask(surface, "p", false).await;
        }
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
        assert!(answer.text().contains("out of service"), "{}", answer.text());
        assert!((1..=30).contains(&seconds(&answer)), "{}", seconds(&answer));
    }
    let metrics = house.gateway.meters().render();
    assert!(metrics.contains("tidegate_shed_total{reason=\"targets_out\",class=\"normal\"} 4"), "{metrics}");
}

#[tokio::test]
async fn trials_go_one_at_a_time_and_three_good_ones_close_the_breaker() {
    let rules = HealthRules { open: Duration::from_millis(50), ..HealthRules::default() };
    let house = House::start_with(pool(&["chat/text~delay-1000"], rules.clone())).await;
    let live = live(&house);
    let health = live.gauge.health();
    for _ in 0..5 {
        let _ = health.failed(&rules, 0, micros());
    }
    assert!(matches!(health.phase(), Phase::Open { .. }));
    until("a trial is due", || health.standing(micros()) == Standing::Trial).await;
    let house = Arc::new(house);
    let mut all = JoinSet::new();
    for _ in 0..10 {
        let house = house.clone();
        all.spawn(async move { house.ask("chat", "p", false).await.status.as_u16() });
    }
    let mut statuses = all.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![503; 9]].concat());
    assert_eq!(house.fake.request_count(), 1);
    for _ in 0..2 {
        assert_eq!(house.ask("chat", "p", false).await.status, 200);
    }
    assert_eq!(health.phase(), Phase::Closed);
}

#[tokio::test]
async fn fault_57_while_all_upstreams_are_down_they_get_no_more_than_the_demand_and_recovery_is_quick() {
    let rules = HealthRules {
        open: Duration::from_millis(100),
        longest_open: Duration::from_millis(200),
        ..HealthRules::default()
    };
    let mut plan = pool(&["chat/text~failfirst-12~status-503"], rules);
    plan.rules.retry = RetryRules { max_attempts: 3, ..plan.rules.retry };
    plan.budget = Some(BudgetRules { share: 0.1, floor_per_second: 0.0, ..BudgetRules::default() });
    let house = House::start_with(plan).await;
    let (mut demand, begin) = (0_usize, Instant::now());
    loop {
        demand += 1;
        let answer = house.ask("chat", "p", false).await;
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
        if answer.text().contains("out of service") {
            assert!(seconds(&answer) <= 1);
        }
        assert!(begin.elapsed() < 3 * PATIENCE, "never well again");
    }
    let upstream = house.fake.request_count();
    assert!(upstream as f64 <= 1.1 * demand as f64 + 1.0, "{upstream} for {demand}");
    assert_eq!(upstream, 13, "12 that failed and one trial");
    assert!(demand > 20, "nobody was refused at once: {demand}");
    for _ in 0..5 {
        assert_eq!(house.ask("chat", "p", false).await.status, 200);
    }
}

#[tokio::test]
async fn fault_58_a_provider_that_stalls_does_not_hold_up_the_others() {
    let gate = GateRules { concurrency: Some(ConcurrencyRules::Fixed(2)), queue: QueueRules::default() };
    let mut plan = Plan { gate, ..Plan::default() };
    plan.pools.push(("stuck", vec![("chat/text~stall".to_owned(), 1)], vec![]));
    plan.pools.push(("p", vec![("anthropic/text".to_owned(), 1)], vec![]));
    let house = Arc::new(House::start_with(plan).await);
    let mut stuck = JoinSet::new();
    for _ in 0..50 {
        let house = house.clone();
        stuck.spawn(async move { house.ask("chat", "stuck", false).await });
    }
    let Ok(Resolved::Pool(pool)) = house.gateway.snapshot().models.resolve("stuck") else { panic!() };
    let gate = &pool.members[0].target.live.gate;
    until("48 wait", || gate.waiting() == 48).await;
    for _ in 0..20 {
        let answer = house.ask("chat", "p", false).await;
        assert_eq!((answer.status.as_u16(), said(&answer).as_str()), (200, "You said: hello there"));
    }
    assert_eq!(house.fake.request_count(), 22, "no more than two at once are at the one that stalls");
    stuck.abort_all();
    while stuck.join_next().await.is_some() {}
    until("those who left give their places up", || gate.waiting() == 0).await;
}

/// A provider that fails three of ten requests.
async fn failing_sometimes() -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let body = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let counted = count.clone();
    let url = upstream(move |_, mut stream| {
        let count = counted.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let bad = b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_vec();
                let answer = if [0, 3, 6].contains(&(number % 10)) { bad } else { json_answer(body) };
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    });
    (url.await, count)
}

/// Sends as many requests to `p`, eight at a time; gives how many failed, and how many the target of that label answered or was tried for.
async fn rush(house: &Arc<House>, count: usize) -> usize {
    let left = Arc::new(AtomicUsize::new(count));
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let (house, left) = (house.clone(), left.clone());
        all.spawn(async move {
            let mut failed = 0;
            while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                failed += usize::from(house.ask("chat", "p", false).await.status != 200);
            }
            failed
        });
    }
    all.join_all().await.into_iter().sum()
}

/// One bad target of three: nearly all callers get their answers, and after a while nearly nobody is sent there. `asked` tells how often
/// the bad one was asked.
async fn check_bad_one_is_left(mut plan: Plan, asked: impl Fn(&House) -> usize) {
    plan.rules.retry = RetryRules { max_attempts: 3, ..plan.rules.retry };
    plan.budget = Some(BudgetRules::default());
    let house = Arc::new(House::start_with(plan).await);
    let failed = rush(&house, 400).await;
    let before = asked(&house);
    let failed = failed + rush(&house, 600).await;
    let after = asked(&house) - before;
    assert!(failed <= 1, "{failed} of 1000 failed");
    assert!(after < 12, "{after} of 600 went to the bad one, {before} before");
    assert!(before > 0, "nobody has asked it");
}

fn asked_for(model: &'static str) -> impl Fn(&House) -> usize {
    move |house| house.fake.requests().iter().filter(|seen| seen.json()["model"] == model).count()
}

#[tokio::test]
async fn a_target_that_answers_garbage_is_left() {
    let plan = pool(&["chat/text~garbage", "chat/text", "responses/text"], HealthRules::default());
    check_bad_one_is_left(plan, asked_for("text~garbage")).await;
}

#[tokio::test]
async fn a_target_that_swallows_requests_is_left() {
    let mut plan = pool(&["chat/text~stall", "chat/text", "responses/text"], HealthRules::default());
    // Longer than the good ones ever take, however busy the machine is.
    plan.limits = TimeLimits { first_byte: Duration::from_secs(3), ..plan.limits };
    check_bad_one_is_left(plan, asked_for("text~stall")).await;
}

#[tokio::test]
async fn a_target_that_fails_three_of_ten_requests_is_left() {
    let (url, count) = failing_sometimes().await;
    let mut plan = pool(&["bad/m", "chat/text", "responses/text"], HealthRules::default());
    plan.more.push(("bad", Dialect::OpenaiChat, url));
    check_bad_one_is_left(plan, move |_| count.load(Ordering::SeqCst)).await;
}

#[tokio::test]
async fn retries_stay_within_the_budget_when_everything_fails() {
    let mut plan = pool(&["chat/text~status-500", "anthropic/text~status-500"], crate::house::patient());
    plan.rules.retry = RetryRules { max_attempts: 3, ..plan.rules.retry };
    plan.budget = Some(BudgetRules { floor_per_second: 0.0, ..BudgetRules::default() });
    let house = Arc::new(House::start_with(plan).await);
    assert_eq!(rush(&house, 200).await, 200);
    let sent = house.fake.request_count();
    assert!((201..=240).contains(&sent), "{sent} for 200");
    let metrics = house.gateway.meters().render();
    let unpaid = metrics.lines().find_map(|line| line.strip_prefix("tidegate_retries_unpaid_total "));
    assert!(unpaid.unwrap().parse::<usize>().unwrap() > 100, "{unpaid:?}");
}

/// A house whose only target has room for one, with keys by their priorities.
async fn narrow(queue: QueueRules) -> (Arc<House>, Arc<Live>) {
    let key = |class: Class| {
        let name = class.name();
        let key =
            Key { id: name.into(), name: name.into(), enabled: true, priority: class, ..Key::default() };
        (Secret::new(format!("sk-canary-{name}")), key)
    };
    let gate = GateRules { concurrency: Some(ConcurrencyRules::Fixed(1)), queue };
    let plan = Plan {
        pools: vec![("p", vec![("chat/text".to_owned(), 1)], vec![])],
        keys: Class::ALL.map(key).into(),
        access: Access { require_key: true, ..Access::default() },
        gate,
        ..Plan::default()
    };
    let house = Arc::new(House::start_with(plan).await);
    let live = live(&house);
    (house, live)
}

/// Takes the only place, until it is dropped.
fn take(live: &Arc<Live>) -> Place {
    try_enter(live, micros()).expect("somebody is there already")
}

fn by(house: &House, key: &str) -> Client {
    Client::new(house.address).bearer(&format!("sk-canary-{key}"))
}

/// Asks in a task of its own, saying who it is.
fn asking(client: Client, who: &str) -> JoinHandle<Answer> {
    let body = json!({"model": "p", "messages": [{"role": "user", "content": who}]});
    tokio::spawn(async move { client.post(PATH, &body).await.unwrap() })
}

/// Who came to the provider, in order.
fn came(house: &House) -> Vec<String> {
    let text = |seen: Value| seen["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    house.fake.requests().iter().map(|seen| text(seen.json())).collect()
}

#[tokio::test]
async fn those_who_wait_go_by_priority() {
    let (house, live) = narrow(QueueRules::default()).await;
    let place = take(&live);
    let mut waiting = Vec::new();
    for key in ["low", "normal", "high", "critical"] {
        waiting.push(asking(by(&house, key), key));
        until("it waits", || live.gate.waiting() == waiting.len()).await;
    }
    drop(place);
    for one in waiting {
        assert_eq!(one.await.unwrap().status, 200);
    }
    assert_eq!(came(&house), ["critical", "high", "normal", "low"]);
}

#[tokio::test]
async fn a_header_lowers_the_priority_and_never_raises_it_above_the_keys() {
    let (house, live) = narrow(QueueRules::default()).await;
    let place = take(&live);
    let asked =
        [("low", "critical", "raised"), ("high", "low", "lowered"), ("normal", "nonsense", "as its key")];
    let mut waiting = Vec::new();
    for (key, header, who) in asked {
        waiting.push(asking(by(&house, key).header("x-tidegate-priority", header), who));
        until("it waits", || live.gate.waiting() == waiting.len()).await;
    }
    drop(place);
    for one in waiting {
        assert_eq!(one.await.unwrap().status, 200);
    }
    let order = came(&house);
    assert_eq!(order[0], "as its key", "{order:?}");
}

#[tokio::test]
async fn a_higher_priority_takes_a_place_in_a_full_queue_and_who_lost_it_is_told_at_once() {
    let (house, live) = narrow(QueueRules { most: 1, ..QueueRules::default() }).await;
    let place = take(&live);
    let low = asking(by(&house, "low"), "low");
    until("it waits", || live.gate.waiting() == 1).await;
    let refused = asking(by(&house, "low"), "another low").await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "overloaded");
    let high = asking(by(&house, "high"), "high");
    let pushed_out = low.await.unwrap();
    assert_eq!(pushed_out.status, 503, "{}", pushed_out.text());
    assert!(pushed_out.text().contains("gave up its place"), "{}", pushed_out.text());
    drop(place);
    assert_eq!(high.await.unwrap().status, 200);
    assert_eq!(came(&house), ["high"]);
    let metrics = house.gateway.meters().render();
    for reason in ["full", "pushed_out"] {
        let line = format!("tidegate_shed_total{{reason=\"{reason}\",class=\"low\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test]
async fn who_cannot_get_a_turn_in_time_is_refused_at_once_with_an_honest_time() {
    let (house, live) =
        narrow(QueueRules { longest_wait: Duration::from_secs(4), ..QueueRules::default() }).await;
    // Requests take a second here.
    let place = take(&live);
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(place);
    let place = take(&live);
    let mut waiting = Vec::new();
    for number in 0..3 {
        waiting.push(asking(by(&house, "normal"), &number.to_string()));
        until("it waits", || live.gate.waiting() == number + 1).await;
    }
    let begun = Instant::now();
    let mut refused = None;
    for _ in 0..10 {
        let one = asking(by(&house, "normal"), "one too many");
        let seated = live.gate.waiting() + 1;
        until("it waits or is refused", || one.is_finished() || live.gate.waiting() == seated).await;
        if one.is_finished() {
            refused = Some(one.await.unwrap());
            break;
        }
        waiting.push(one);
    }
    let refused = refused.expect("everybody was let in");
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (503, &json!("overloaded")));
    assert!(refused.text().contains("would not come in time"), "{}", refused.text());
    assert!(seconds(&refused) >= 4, "{}", seconds(&refused));
    assert!(begun.elapsed() < Duration::from_secs(3), "refused after {:?}", begun.elapsed());
    drop(place);
    for one in waiting {
        assert_eq!(one.await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn who_leaves_gives_up_his_place() {
    let (house, live) = narrow(QueueRules::default()).await;
    let place = take(&live);
    let leaves = asking(by(&house, "high"), "leaves");
    until("it waits", || live.gate.waiting() == 1).await;
    let stays = asking(by(&house, "low"), "stays");
    until("both wait", || live.gate.waiting() == 2).await;
    leaves.abort();
    until("one is gone", || live.gate.waiting() == 1).await;
    drop(place);
    assert_eq!(stays.await.unwrap().status, 200);
    assert_eq!(came(&house), ["stays"]);
}

#[tokio::test]
async fn with_room_for_two_ten_callers_are_all_served_two_at_a_time() {
    let gate = GateRules { concurrency: Some(ConcurrencyRules::Fixed(2)), queue: QueueRules::default() };
    let pools = vec![("p", vec![("chat/text~delay-100".to_owned(), 1)], vec![])];
    let house = Arc::new(House::start_with(Plan { gate, pools, ..Plan::default() }).await);
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..10 {
        let house = house.clone();
        all.spawn(async move { house.post("chat", PATH, &chat("p")).await.status.as_u16() });
    }
    assert_eq!(all.join_all().await, [200; 10]);
    assert!(begun.elapsed() >= Duration::from_millis(500), "more than two at once: {:?}", begun.elapsed());
    assert_eq!(live(&house).gate.concurrency().in_flight(), 0);
}
