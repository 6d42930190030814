//! The SQL database: SQLite in the data directory, or Postgres for several instances. One set of statements for both: they are
//! written with `$1`, and keep to `BIGINT`, `TEXT` and upserts with `ON CONFLICT`.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, Executor};
use tidegate_core::Secret;

use crate::migrations;

/// Longest wait for a connection or a lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the migration is tried, a tenth of a second apart.
const MIGRATION_TRIES: u32 = 20;
/// Readers of SQLite, and connections to Postgres.
const CONNECTIONS: u32 = 8;
/// A connection that nobody needs for so long is closed: one to SQLite is a thread and some MiB of pages.
const IDLE: Duration = Duration::from_secs(60);

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file; its directory must exist.
    Sqlite(PathBuf),
    /// `postgres://user:password@host/name`.
    Postgres(Secret),
}

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("the database cannot be opened: {0}")]
    Open(#[source] sqlx::Error),
    /// Its tables cannot be brought up to date.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the database failed: {0}")]
    Query(#[from] sqlx::Error),
    /// What stands in the database cannot be read.
    #[error("the database holds something unreadable: {0}")]
    Unreadable(String),
    /// The name is taken.
    #[error("there is already {0}")]
    Taken(String),
}

/// An open database. SQLite has one writer and several readers; Postgres has one pool for both.
#[derive(Clone, Debug)]
pub struct Database {
    writer: AnyPool,
    readers: AnyPool,
    is_postgres: bool,
}

impl Database {
    /// Opens it and brings its tables up to date; safe when several instances start at once.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        match place {
            Place::Sqlite(file) => {
                let url = format!("sqlite://{}?mode=rwc", file.display());
                let writer = pool(&url, 1, true).await?;
                migrate(&writer, false).await?;
                let readers = pool(&url, CONNECTIONS, true).await?;
                Ok(Self { writer, readers, is_postgres: false })
            }
            Place::Postgres(url) => {
                let writer = pool(url.expose(), CONNECTIONS, false).await?;
                migrate(&writer, true).await?;
                Ok(Self { readers: writer.clone(), writer, is_postgres: true })
            }
        }
    }

    /// For statements that change something. A transaction on SQLite must begin with `BEGIN IMMEDIATE` (see [`Database::begin`]).
    pub fn writer(&self) -> &AnyPool {
        &self.writer
    }

    /// For questions.
    pub fn readers(&self) -> &AnyPool {
        &self.readers
    }

    /// Whether it is Postgres.
    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    /// Begins a transaction that will write: on SQLite it takes the lock at once, so that it cannot fail half-way.
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Any>, StoreError> {
        let begin = if self.is_postgres { "BEGIN" } else { "BEGIN IMMEDIATE" };
        Ok(self.writer.begin_with(begin).await?)
    }
}

async fn pool(url: &str, connections: u32, is_sqlite: bool) -> Result<AnyPool, StoreError> {
    let options: AnyConnectOptions = url.parse().map_err(StoreError::Open)?;
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(IDLE)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if is_sqlite {
                    connection
                        .execute(
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; \
                             PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048",
                        )
                        .await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .map_err(StoreError::Open)
}

/// sqlx takes an advisory lock on Postgres; on SQLite the one who comes second fails and finds the work done when it looks again.
async fn migrate(pool: &AnyPool, is_postgres: bool) -> Result<(), StoreError> {
    let migrator =
        Migrator::with_migrations(if is_postgres { migrations::postgres() } else { migrations::sqlite() });
    for _ in 1..MIGRATION_TRIES {
        if migrator.run(pool).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    migrator.run(pool).await.map_err(StoreError::Migrate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ten_instances_that_start_at_once_share_one_new_database() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Sqlite(folder.path().join("t.db"));
        let opened: Vec<_> = (0..10)
            .map(|_| {
                tokio::spawn({
                    let place = place.clone();
                    async move { Database::open(&place).await }
                })
            })
            .collect();
        for database in opened {
            let database = database.await.unwrap().unwrap();
            sqlx::query("SELECT count(*) FROM keys").execute(database.readers()).await.unwrap();
        }
    }
}
