//! A database and a journal for one test, and rows to put in.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tidegate_core::Secret;
use tidegate_store::Database;
use tidegate_store::database::Place;
use tidegate_store::ledger::{
    Filter, Folder, Journal, Question, Retention, Row, RowsQuestion, Sums, Tokens, ask, rows,
};
use tidegate_testkit::servers::Postgres;

/// 2026-11-21, 12:00 UTC.
pub(crate) const NOON: i64 = (20_778 * 24 + 12) * 3_600;
const LIMIT: u64 = 256 << 20;

/// Where one test works.
pub(crate) struct Site {
    pub(crate) database: Database,
    pub(crate) folder: TempDir,
}

/// Runs a test on SQLite.
pub(crate) async fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(Site) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&Place::Sqlite(folder.path().join("t.db"))).await.unwrap();
    test(Site { database, folder }).await;
}

/// Runs a test on Postgres.
pub(crate) async fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(Site) -> F) {
    let url = Postgres::fresh_database().await.unwrap();
    let database = Database::open(&Place::Postgres(Secret::new(url))).await.unwrap();
    test(Site { database, folder: tempfile::tempdir().unwrap() }).await;
}

impl Site {
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A new process: its journal, and a folder of it into the database.
    pub(crate) fn process(&self) -> (Arc<Journal>, Folder) {
        let journal = Arc::new(Journal::open(&self.root().join("journal"), LIMIT).unwrap());
        let folder = Folder::new(self.database.clone(), Arc::clone(&journal), Retention::default());
        (journal, folder)
    }

    /// All rows, as they stand in the day tables.
    pub(crate) async fn rows(&self) -> Vec<Row<'static>> {
        let question = RowsQuestion { to: i64::MAX, limit: 10_000, ..RowsQuestion::default() };
        rows(&self.database, &question).await.unwrap()
    }

    /// The sums over everything.
    pub(crate) async fn total(&self) -> Sums {
        let question = Question { to: NOON * 2, ..Question::default() };
        ask(&self.database, &question).await.unwrap()[0].sums
    }

    /// The sums over everything, from the table that knows the keys.
    pub(crate) async fn total_of_keys(&self) -> Sums {
        let filter = Filter { key: Some("key_1".into()), ..Filter::default() };
        let question = Question { to: NOON * 2, filter, ..Question::default() };
        ask(&self.database, &question).await.unwrap()[0].sums
    }
}

/// A row like those that the gateway writes.
pub(crate) fn row(number: usize) -> Row<'static> {
    Row {
        request_id: format!("{number:032x}").into(),
        attempt: 1,
        last: true,
        ended: NOON * 1_000_000 + number as i64,
        key: "key_1".into(),
        team: "team_1".into(),
        user: format!("user_{}", number % 3).into(),
        tags: vec!["blue".to_owned()].into(),
        client: "192.0.2.7".into(),
        endpoint: "chat_completions".into(),
        model: format!("model_{}", number % 2).into(),
        provider: "openai".into(),
        target_model: "gpt-x".into(),
        upstream_id: "chatcmpl-1".into(),
        outcome: "complete".into(),
        status: 200,
        stream: true,
        tokens: Tokens { input: 100, output: 20, cache_read: 40, ..Tokens::default() },
        cost: Some(1_000),
        prices: "1/2/0.5/1".into(),
        price_version: "2026-11-01".into(),
        first_token: Some(300),
        duration: 900,
        ..Row::default()
    }
}

/// Appends so many rows.
pub(crate) fn append(journal: &Journal, numbers: std::ops::Range<usize>) {
    for number in numbers {
        journal.append(&row(number)).unwrap();
    }
}
