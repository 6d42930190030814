//! Usage by everything that it can be asked by, and what limits are restored from.

use std::collections::BTreeMap;

use tidegate_store::ledger::{By, Filter, Order, Question, Row, Tokens, UsageError, UsageRow, UsedRow, ask};

use crate::place::{NOON, Site, on_postgres, on_sqlite, row};

/// Two keys, one with two tags; an exchange of two attempts; an anonymous caller; an unpriced model.
fn rows() -> Vec<Row<'static>> {
    let hour = 3_600_000_000;
    let tokens = |input, output| Tokens { input, output, ..Tokens::default() };
    vec![
        Row { tags: vec!["blue".to_owned(), "red".to_owned()].into(), ..row(0) },
        Row {
            last: false,
            outcome: "failed".into(),
            cost: None,
            tokens: tokens(0, 0),
            first_token: None,
            ..row(1)
        },
        Row { request_id: row(1).request_id, attempt: 2, provider: "anthropic".into(), ..row(2) },
        Row {
            key: "key_2".into(),
            team: "team_2".into(),
            ended: row(3).ended + hour,
            cost: Some(5_000),
            ..row(3)
        },
        Row {
            key: "".into(),
            team: "".into(),
            user: "".into(),
            tags: Vec::new().into(),
            cost: None,
            estimated: true,
            tokens: tokens(7, 3),
            ended: row(4).ended - 24 * hour,
            ..row(4)
        },
    ]
}

async fn answers(site: &Site, by: &[By], filter: Filter, order: Order) -> Vec<(String, i64, i64)> {
    let question =
        Question { by: by.to_vec(), from: NOON - 40 * 86_400, to: NOON + 86_400, filter, order, limit: 0 };
    let line = |row: UsageRow| (row.group.join(" "), row.sums.requests, row.sums.cost);
    ask(&site.database, &question).await.unwrap().into_iter().map(line).collect()
}

async fn usage_is_told_by_everything(site: Site) {
    let (journal, folder) = site.process();
    rows().iter().for_each(|row| journal.append(row).unwrap());
    folder.fold().await.unwrap();
    let all = |by: &'static [By]| answers(&site, by, Filter::default(), Order::Group);
    let lines = |lines: &[(&str, i64, i64)]| -> Vec<(String, i64, i64)> {
        lines.iter().map(|(group, requests, cost)| ((*group).to_owned(), *requests, *cost)).collect()
    };
    assert_eq!(all(&[]).await, lines(&[("", 4, 7_000)]));
    assert_eq!(all(&[By::Key]).await, lines(&[("", 1, 0), ("key_1", 2, 2_000), ("key_2", 1, 5_000)]));
    assert_eq!(all(&[By::Team]).await, lines(&[("", 1, 0), ("team_1", 2, 2_000), ("team_2", 1, 5_000)]));
    assert_eq!(all(&[By::Tag]).await, lines(&[("blue", 3, 7_000), ("red", 2, 2_000)]));
    assert_eq!(
        all(&[By::User]).await,
        lines(&[("user_0", 2, 6_000), ("user_1", 0, 0), ("user_2", 1, 1_000)])
    );
    assert_eq!(all(&[By::Provider]).await, lines(&[("anthropic", 1, 1_000), ("openai", 3, 6_000)]));
    assert_eq!(all(&[By::Model]).await, lines(&[("model_0", 3, 2_000), ("model_1", 1, 5_000)]));
    assert_eq!(all(&[By::Day]).await, lines(&[("2026-11-20", 1, 0), ("2026-11-21", 3, 7_000)]));
    assert_eq!(all(&[By::Day, By::Outcome]).await.len(), 3);
    assert_eq!(
        all(&[By::Hour]).await,
        lines(&[
            ("2026-11-20T12:00:00Z", 1, 0),
            ("2026-11-21T12:00:00Z", 2, 2_000),
            ("2026-11-21T13:00:00Z", 1, 5_000)
        ])
    );
    assert_eq!(all(&[By::Day, By::User]).await.len(), 3);
    assert_eq!(all(&[By::Endpoint, By::TargetModel]).await, lines(&[("chat_completions gpt-x", 4, 7_000)]));
    let dearest = answers(&site, &[By::Key], Filter::default(), Order::Cost).await;
    assert_eq!(dearest[0].0, "key_2");
    let filter = Filter { team: Some("team_1".into()), tag: Some("red".into()), ..Filter::default() };
    assert_eq!(
        answers(&site, &[By::Model], filter, Order::Cost).await,
        lines(&[("model_0", 2, 2_000), ("model_1", 0, 0)])
    );
    let nobody = Filter { key: Some("x' OR '1'='1\0".into()), ..Filter::default() };
    assert_eq!(answers(&site, &[By::Model], nobody.clone(), Order::Cost).await, []);
    assert_eq!(answers(&site, &[], nobody, Order::Cost).await, lines(&[("", 0, 0)]));
    let total = site.total().await;
    assert_eq!((total.attempts, total.unpriced, total.estimated, total.first_token_count), (5, 1, 1, 4));
    let hourly = Question { by: vec![By::User, By::Hour], ..Question::default() };
    assert!(matches!(ask(&site.database, &hourly).await, Err(UsageError::NotByUser("hour"))));
}

#[tokio::test]
async fn usage_is_told_by_everything_on_sqlite() {
    on_sqlite(usage_is_told_by_everything).await;
}

#[tokio::test]
async fn usage_is_told_by_everything_on_postgres() {
    on_postgres(usage_is_told_by_everything).await;
}

/// What was used, by key and minute: requests, input, output and cost.
type Used = BTreeMap<(String, i64), [i64; 4]>;

/// Rows in the database and in two journals, one of them of a process that is gone.
async fn used_is_read_from_both(site: Site) {
    let (journal, folder) = site.process();
    let rows = rows();
    journal.append(&rows[0]).unwrap();
    folder.fold().await.unwrap();
    rows[1..3].iter().for_each(|row| journal.append(row).unwrap());
    drop((journal, folder));
    let (journal, folder) = site.process();
    rows[3..].iter().for_each(|row| journal.append(row).unwrap());
    let used = async || {
        let mut used = Used::new();
        folder
            .used_since(NOON, &mut |row: &UsedRow| {
                let sum = used.entry((row.key.clone(), row.at)).or_default();
                for (sum, value) in sum.iter_mut().zip([row.requests, row.input, row.output, row.cost]) {
                    *sum += value;
                }
            })
            .await
            .unwrap();
        used
    };
    let expected = Used::from([
        (("key_1".into(), NOON), [2, 200, 40, 2_000]),
        (("key_2".into(), NOON + 3_600), [1, 100, 20, 5_000]),
    ]);
    assert_eq!(used().await, expected);
    folder.fold().await.unwrap();
    assert_eq!(used().await, expected);
}

#[tokio::test]
async fn what_was_used_is_read_from_sqlite_and_the_journal() {
    on_sqlite(used_is_read_from_both).await;
}

#[tokio::test]
async fn what_was_used_is_read_from_postgres_and_the_journal() {
    on_postgres(used_is_read_from_both).await;
}
