//! Ten million rows, and how fast rows come in. Run by hand: `cargo test -p tidegate-store --test ledger -- --ignored --nocapture large`.

use std::time::Instant;

use sqlx::AssertSqlSafe;
use tidegate_store::ledger::{By, Question, Row, UsedRow, ask};

use crate::place::{NOON, Site, on_postgres, on_sqlite, row};

const DAYS: i64 = 30;
const ROWS_PER_DAY: i64 = 333_334;
const KEYS: i64 = 100_000;

/// A day's rows, made by the database itself: 100,000 keys in 100 teams, ten models, one row in twenty failed.
async fn load_day(site: &Site, back: i64) {
    let day = NOON / 86_400 - back;
    let (journal, folder) = site.process();
    let first = Row {
        request_id: format!("{day:032x}").into(),
        ended: day * 86_400_000_000,
        last: false,
        cost: None,
        ..Row::default()
    };
    journal.append(&first).unwrap();
    folder.fold().await.unwrap();
    let table = format!("ledger_{}", tidegate_store::ledger::calendar::date(day).replace('-', ""));
    let (numbers, mix) = if site.database.is_postgres() {
        (
            format!("SELECT n::bigint AS n FROM generate_series(1, {ROWS_PER_DAY}) AS s(n)"),
            "lpad(to_hex(n), 20, '0')",
        )
    } else {
        (
            format!(
                "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS_PER_DAY}) SELECT n FROM s"
            ),
            "printf('%020x', n)",
        )
    };
    let made = format!(
        "CREATE TABLE made AS SELECT n, '{day:012x}' || {mix} AS request_id, {day} * 86400000000 + n * 259000 AS ended, \
         'key_' || (n * 7919 % {KEYS}) AS key, 'team_' || (n * 7919 % {KEYS} % 100) AS team, 'user_' || (n * 104729 % 20000) AS end_user, \
         '192.0.2.' || (n % 250) AS client, 'chat_completions' AS endpoint, 'model-' || (n * 31 % 10) AS model, \
         'provider-' || (n * 31 % 3) AS provider, 'model-' || (n * 31 % 10) || '-2026-08-01' AS target_model, \
         CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'complete' END AS outcome, n % 5000 AS input, n % 700 AS output, n % 100000 AS cost, \
         2000000 AS duration, 300000 AS first_token FROM ({numbers}) AS numbers"
    );
    let line = r#"{"request_id":"%s","attempt":1,"last":true,"ended":%s,"key":"%s","team":"%s","user":"%s","client":"%s","endpoint":"%s","model":"%s","provider":"%s","target_model":"%s","upstream_id":"chatcmpl-0123456789abcdef","outcome":"%s","status":200,"stream":true,"tokens":{"input":%s,"output":%s},"cost":%s,"prices":"2500000/10000000/1250000/0","price_version":"2026-11-01","first_token":300000,"duration":2000000}"#;
    let texts = "request_id, ended, key, team, end_user, client, endpoint, model, provider, target_model, outcome, input, output, cost";
    let rows = format!(
        "INSERT INTO {table} SELECT 'made', 1, n / 1000, n / 1000 + 1, count(*), min(ended), max(ended), \
         '[' || string_agg(format('{line}', {texts}), ',' || chr(10)) || ']' FROM made GROUP BY n / 1000",
    )
    .replace("chr(10)", if site.database.is_postgres() { "chr(10)" } else { "char(10)" });
    let sums = "count(*), count(*), sum(input), sum(output), 0, 0, 0, 0, 0, sum(cost), 0, 0, sum(duration), sum(first_token), count(*)";
    let hour = "ended / 3600000000";
    let upserts = [
        format!(
            "INSERT INTO usage_totals SELECT {hour}, model, provider, target_model, endpoint, outcome, {sums} FROM made GROUP BY 1, 2, 3, 4, 5, 6"
        ),
        format!(
            "INSERT INTO usage_hours SELECT {hour}, key, team, model, provider, target_model, endpoint, outcome, {sums} FROM made GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
        ),
        format!(
            "INSERT INTO usage_users SELECT ended / 86400000000, key, team, end_user, model, {sums} FROM made GROUP BY 1, 2, 3, 4, 5"
        ),
    ];
    for statement in [made, rows].into_iter().chain(upserts).chain(["DROP TABLE made".to_owned()]) {
        sqlx::query(AssertSqlSafe(statement)).execute(site.database.writer()).await.unwrap();
    }
}

async fn ten_million_rows(site: Site) {
    let began = Instant::now();
    let run = async |sql: &'static str| sqlx::query(sql).execute(site.database.writer()).await.unwrap();
    if !site.database.is_postgres() {
        run("PRAGMA synchronous = OFF").await;
        run("PRAGMA cache_size = -1000000").await;
    }
    // An index over so many keys is made faster than it grows.
    run("DROP INDEX usage_hours_by_key").await;
    for back in 0..DAYS {
        load_day(&site, back).await;
    }
    run("CREATE INDEX usage_hours_by_key ON usage_hours (key, hour)").await;
    if site.database.is_postgres() {
        sqlx::query("ANALYZE").execute(site.database.writer()).await.unwrap();
    }
    eprintln!("loaded in {:?}", began.elapsed());
    let filter = |key: Option<&str>, team: Option<&str>| tidegate_store::ledger::Filter {
        key: key.map(Into::into),
        team: team.map(Into::into),
        ..Default::default()
    };
    for (name, by, filter) in [
        ("by model", vec![By::Model], filter(None, None)),
        ("by day and provider", vec![By::Day, By::Provider], filter(None, None)),
        ("by model of a key", vec![By::Model], filter(Some("key_77"), None)),
        ("by model of a team", vec![By::Model], filter(None, Some("team_7"))),
        ("by team", vec![By::Team], filter(None, None)),
        ("by key, the dearest", vec![By::Key], filter(None, None)),
        ("by user", vec![By::User], filter(None, None)),
    ] {
        let question =
            Question { by, from: NOON - DAYS * 86_400, to: NOON + 86_400, filter, ..Question::default() };
        let began = Instant::now();
        let answer = ask(&site.database, &question).await.unwrap();
        eprintln!("{name}: {} groups in {:?}", answer.len(), began.elapsed());
        if name == "by model" {
            assert_eq!(answer.iter().map(|row| row.sums.requests).sum::<i64>(), DAYS * ROWS_PER_DAY);
            assert!(began.elapsed().as_millis() < 1_000);
        }
    }
    let (_, folder) = site.process();
    for days in [0, DAYS] {
        let began = Instant::now();
        let mut used = 0;
        folder.used_since(NOON - days * 86_400, &mut |_: &UsedRow| used += 1).await.unwrap();
        eprintln!("used since {days} days: {used} in {:?}", began.elapsed());
    }
    let began = Instant::now();
    folder.drop_old((NOON + 91 * 86_400) * 1_000_000).await.unwrap();
    eprintln!("30 days dropped in {:?}", began.elapsed());
}

#[tokio::test]
#[ignore = "takes minutes and gigabytes"]
async fn ten_million_rows_on_sqlite() {
    on_sqlite(ten_million_rows).await;
}

#[tokio::test]
#[ignore = "takes minutes and gigabytes"]
async fn ten_million_rows_on_postgres() {
    on_postgres(ten_million_rows).await;
}

/// Processor time of this process so far, in microseconds: other processes do not disturb it.
fn processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10_000
}

async fn rates(site: Site) {
    const ROWS: usize = 200_000;
    let (journal, folder) = site.process();
    let rows: Vec<_> = (0..ROWS).map(row).collect();
    let per_row = |began: u64| (processor() - began) as f64 / ROWS as f64;
    let began = processor();
    rows.iter().for_each(|row| journal.append(row).unwrap());
    eprintln!(
        "append: {} us of processor a row, {} bytes",
        per_row(began),
        journal.behind_bytes() / ROWS as u64
    );
    let began = processor();
    folder.fold().await.unwrap();
    eprintln!("fold: {} us of processor a row", per_row(began));
}

#[tokio::test]
#[ignore = "a measurement"]
async fn large_rates_on_sqlite() {
    on_sqlite(rates).await;
}

#[tokio::test]
#[ignore = "a measurement"]
async fn large_rates_on_postgres() {
    on_postgres(rates).await;
}
