//! The database goes away under load and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tidegate_core::Secret;
use tidegate_store::Database;
use tidegate_store::database::Place;
use tidegate_store::ledger::{Folder, Journal, Retention};
use tidegate_testkit::servers::Postgres;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::place::{Site, append, on_sqlite, row};

fn start(folder: Arc<Folder>) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(folder.run(async move {
        let _ = stopped.await;
    }));
    (stop, task)
}

/// Waits until something is so; a test that waits for ever is ended by its runner.
async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_91_postgres_stopped_under_load_no_row_is_lost_or_doubled() {
    let mut server = Postgres::start().await.unwrap();
    let database = Database::open(&Place::Postgres(Secret::new(server.url()))).await.unwrap();
    let site = Site { database, folder: tempfile::tempdir().unwrap() };
    let (journal, folder) = site.process();
    let folder = Arc::new(folder);
    let (stop, task) = start(Arc::clone(&folder));
    let writer = tokio::task::spawn_blocking({
        let journal = Arc::clone(&journal);
        move || {
            for number in 0..6_000 {
                append(&journal, number..number + 1);
                std::thread::sleep(Duration::from_micros(500));
            }
        }
    });
    until(|| folder.health().last_fold.is_some()).await;
    // In the middle of the rows, perhaps of a commit.
    server.stop().await.unwrap();
    until(|| folder.health().is_away).await;
    writer.await.unwrap();
    assert!(folder.health().behind_rows > 0);
    assert!(!journal.is_full());
    let _server = server.start_again().await.unwrap();
    until(|| folder.health().behind_rows == 0).await;
    assert!(!folder.health().is_away);
    stop.send(()).unwrap();
    task.await.unwrap();
    let rows = site.rows().await;
    assert_eq!(rows.len(), 6_000);
    assert!(rows.iter().rev().enumerate().all(|(number, found)| *found == row(number)));
    assert_eq!((site.total().await.requests, site.total_of_keys().await.requests), (6_000, 6_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_91_rows_wait_while_sqlite_is_locked_by_somebody() {
    on_sqlite(|site| async move {
        let (journal, folder) = site.process();
        let folder = Arc::new(folder);
        append(&journal, 0..10);
        folder.fold().await.unwrap();
        let other = Database::open(&Place::Sqlite(site.root().join("t.db"))).await.unwrap();
        let lock = other.begin().await.unwrap();
        append(&journal, 10..20);
        let (stop, task) = start(Arc::clone(&folder));
        until(|| folder.health().is_away).await;
        append(&journal, 20..30);
        lock.rollback().await.unwrap();
        until(|| folder.health().behind_rows == 0).await;
        stop.send(()).unwrap();
        task.await.unwrap();
        assert_eq!((site.rows().await.len(), site.total().await.requests), (30, 30));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folding_ends_while_rows_keep_coming() {
    on_sqlite(|site| async move {
        let (journal, folder) = site.process();
        let is_over = Arc::new(AtomicBool::new(false));
        let writer = tokio::task::spawn_blocking({
            let (journal, is_over) = (Arc::clone(&journal), Arc::clone(&is_over));
            move || {
                let mut written = 0;
                while written < 100_000 && !is_over.load(Relaxed) {
                    append(&journal, written..written + 1);
                    written += 1;
                }
                written as u64
            }
        });
        until(|| journal.behind_rows() > 0).await;
        let folded = folder.fold().await.unwrap();
        is_over.store(true, Relaxed);
        let written = writer.await.unwrap();
        assert!(folded > 0 && folded < written, "{folded} of {written}");
        assert_eq!(folded + folder.fold().await.unwrap(), written);
    })
    .await;
}

#[tokio::test]
async fn what_waits_at_the_end_is_folded_before_the_task_ends() {
    on_sqlite(|site| async move {
        let (journal, folder) = site.process();
        let (stop, task) = start(Arc::new(folder));
        append(&journal, 0..100);
        stop.send(()).unwrap();
        task.await.unwrap();
        assert_eq!(site.rows().await.len(), 100);
    })
    .await;
}

#[tokio::test]
async fn a_journal_that_was_full_takes_rows_again_when_the_database_is_back() {
    on_sqlite(|site| async move {
        let journal = Arc::new(Journal::open(&site.root().join("small"), 20_000).unwrap());
        let folder = Folder::new(site.database.clone(), Arc::clone(&journal), Retention::default());
        let mut written = 0;
        while !journal.is_full() {
            append(&journal, written..written + 1);
            written += 1;
        }
        folder.fold().await.unwrap();
        assert!(!journal.is_full());
        assert_eq!(site.rows().await.len(), written);
    })
    .await;
}
