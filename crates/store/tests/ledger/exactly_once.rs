//! Each row comes to the database once, whenever the process ends.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;

use sqlx::{AssertSqlSafe, Row as _};
use tidegate_store::ledger::Row;

use crate::place::{Site, append, on_postgres, on_sqlite, row};

async fn check(site: &Site, count: usize) {
    let mut ids: Vec<_> = site.rows().await.into_iter().map(|row| row.request_id).collect();
    ids.reverse();
    assert_eq!(ids, (0..count).map(|number| row(number).request_id).collect::<Vec<_>>());
    for sums in [site.total().await, site.total_of_keys().await] {
        let count = i64::try_from(count).unwrap();
        assert_eq!(
            (sums.requests, sums.attempts, sums.input, sums.cost),
            (count, count, 100 * count, 1_000 * count)
        );
    }
}

/// The blocks can be asked by hand, as the migration says.
async fn rows_told_by_sql(site: &Site) -> i64 {
    let unpack = if site.database.is_postgres() {
        "json_array_elements(attempts::json)"
    } else {
        "json_each(attempts)"
    };
    let select =
        format!("SELECT count(*) FROM ledger_20261121, {unpack} WHERE value ->> 'model' = 'model_1'");
    sqlx::query(AssertSqlSafe(select)).fetch_one(site.database.readers()).await.unwrap().get(0)
}

async fn rows_come_back_as_they_were(site: Site) {
    let (journal, folder) = site.process();
    append(&journal, 0..3_000);
    assert_eq!(folder.health().behind_rows, 3_000);
    assert_eq!(folder.fold().await.unwrap(), 3_000);
    let health = folder.health();
    assert_eq!((health.behind_rows, health.behind_bytes, health.failures), (0, 0, 0));
    assert!(health.last_fold.is_some());
    check(&site, 3_000).await;
    assert_eq!(site.rows().await[2_999], row(0));
    assert_eq!(rows_told_by_sql(&site).await, 1_500);
    let bare = Row { request_id: "g".repeat(32).into(), ..Row::default() };
    journal.append(&bare).unwrap();
    folder.fold().await.unwrap();
    assert_eq!(site.rows().await.last(), Some(&bare));
}

#[tokio::test]
async fn rows_come_back_as_they_were_from_sqlite() {
    on_sqlite(rows_come_back_as_they_were).await;
}

#[tokio::test]
async fn rows_come_back_as_they_were_from_postgres() {
    on_postgres(rows_come_back_as_they_were).await;
}

/// The process ends after the commit, before the segment is deleted; and with rows that were never folded.
async fn after_a_kill(site: Site) {
    let (journal, folder) = site.process();
    append(&journal, 0..2_500);
    folder.fold().await.unwrap();
    append(&journal, 2_500..2_600);
    drop((journal, folder));
    // The next one is killed before it folds anything.
    let (journal, folder) = site.process();
    append(&journal, 2_600..2_700);
    drop((journal, folder));
    let (journal, folder) = site.process();
    append(&journal, 2_700..2_800);
    assert_eq!(folder.fold().await.unwrap(), 300);
    check(&site, 2_800).await;
    assert_eq!(folder.health().behind_bytes, 0);
    // Only the living process's folder is left, and its lock beside it.
    assert_eq!(std::fs::read_dir(site.root().join("journal")).unwrap().count(), 2);
}

#[tokio::test]
async fn fault_92_rows_of_a_killed_process_are_folded_once_into_sqlite() {
    on_sqlite(after_a_kill).await;
}

#[tokio::test]
async fn fault_92_rows_of_a_killed_process_are_folded_once_into_postgres() {
    on_postgres(after_a_kill).await;
}

/// Polls a future so many times, then drops it; `true` if it had completed.
async fn polled<F: Future>(future: F, times: usize) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        Pin::new(&mut future).as_mut().poll(context).map(|_| true)
    })
    .await
}

/// Folding stops at every point in turn: before, in and after the transaction, between the commit and its answer.
async fn cut_off_anywhere(site: Site) {
    let mut count = 0;
    for polls in 1..60 {
        let (journal, folder) = site.process();
        append(&journal, count..count + 3);
        count += 3;
        // Half of the time by the same process, half of the time by the next.
        polled(folder.fold(), polls).await;
        if polls % 2 == 0 {
            folder.fold().await.unwrap();
            assert_eq!((folder.health().behind_bytes, folder.health().behind_rows), (0, 0));
        }
    }
    site.process().1.fold().await.unwrap();
    check(&site, count).await;
}

#[tokio::test]
async fn fault_92_folding_that_is_cut_off_anywhere_doubles_nothing_on_sqlite() {
    on_sqlite(cut_off_anywhere).await;
}

#[tokio::test]
async fn fault_92_folding_that_is_cut_off_anywhere_doubles_nothing_on_postgres() {
    on_postgres(cut_off_anywhere).await;
}

/// Two processes fold into one database at once.
async fn two_at_once(site: Site) {
    let (first, one) = site.process();
    let (second, two) = site.process();
    append(&first, 0..5_000);
    append(&second, 5_000..10_000);
    let (one, two) = tokio::join!(one.fold(), two.fold());
    assert_eq!((one.unwrap(), two.unwrap()), (5_000, 5_000));
    check(&site, 10_000).await;
}

#[tokio::test]
async fn two_processes_fold_into_one_sqlite() {
    on_sqlite(two_at_once).await;
}

#[tokio::test]
async fn two_processes_fold_into_one_postgres() {
    on_postgres(two_at_once).await;
}

/// A journal was copied by hand, or the position was lost.
async fn positions_lost(site: Site) {
    let (journal, folder) = site.process();
    append(&journal, 0..100);
    folder.fold().await.unwrap();
    append(&journal, 100..110);
    drop((journal, folder));
    sqlx::query("DELETE FROM ledger_positions").execute(site.database.writer()).await.unwrap();
    site.process().1.fold().await.unwrap();
    check(&site, 110).await;
}

#[tokio::test]
async fn rows_that_are_there_already_are_not_counted_again_on_sqlite() {
    on_sqlite(positions_lost).await;
}

#[tokio::test]
async fn rows_that_are_there_already_are_not_counted_again_on_postgres() {
    on_postgres(positions_lost).await;
}

#[tokio::test]
async fn a_row_that_the_database_refuses_is_set_aside_and_the_others_go_on() {
    on_sqlite(|site| async move {
        let (journal, folder) = site.process();
        append(&journal, 0..1);
        folder.fold().await.unwrap();
        let forbid = "CREATE TRIGGER forbid BEFORE INSERT ON ledger_20261121 WHEN new.attempts LIKE '%forbidden%' \
                      BEGIN SELECT RAISE(ABORT, 'forbidden'); END";
        sqlx::query(forbid).execute(site.database.writer()).await.unwrap();
        append(&journal, 1..50);
        journal.append(&Row { model: "forbidden".into(), ..row(99_999) }).unwrap();
        append(&journal, 50..100);
        folder.fold().await.unwrap();
        check(&site, 100).await;
        assert_eq!((folder.health().set_aside, folder.health().behind_bytes), (1, 0));
        let refused = std::fs::read_to_string(site.root().join("journal/refused.jsonl")).unwrap();
        assert!(refused.contains("forbidden"), "{refused}");
    })
    .await;
}
