//! Moving everything from one database to another, as from SQLite to Postgres.

use futures_util::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use crate::{Database, StoreError};

/// Rows that are written at once.
const BATCH: usize = 500;
/// Values that are written at once; SQLite takes 32,766.
const VALUES: usize = 30_000;

/// What a column holds. Either may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT`.
    Integer,
    /// `TEXT`.
    Text,
}

/// A table to move.
#[derive(Clone, Debug)]
pub struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
    create: Option<String>,
    identity: Option<String>,
    at_once: usize,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The table.
    pub table: &'a str,
    /// Rows that have been written.
    pub rows: i64,
    /// Rows that there are.
    pub of: i64,
}

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// One of the databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is something in the target.
    #[error("the target is not empty: its table `{0}` has rows; take a new, empty database")]
    NotEmpty(String),
    /// Not all came over.
    #[error("{arrived} of {left} rows of `{table}` arrived; nothing was changed")]
    Lost {
        /// The table.
        table: String,
        /// Rows in the source.
        left: i64,
        /// Rows in the target.
        arrived: i64,
    },
    /// A name that is no plain identifier.
    #[error("`{0}` is no name for a table or column")]
    BadName(String),
}

impl From<sqlx::Error> for TransferError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Table {
    /// A table that is in every database.
    pub fn new(name: impl Into<String>, columns: &[(&str, Kind)]) -> Self {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        Self { name: name.into(), columns, create: None, identity: None, at_once: BATCH }
    }

    /// The statement that makes the table in the target, where it may be missing (`CREATE TABLE IF NOT EXISTS …`).
    #[must_use]
    pub fn made_with(mut self, statement: impl Into<String>) -> Self {
        self.create = Some(statement.into());
        self
    }

    /// A column that numbers its rows by itself: it goes on behind the greatest number. Postgres must have it `BY DEFAULT`.
    #[must_use]
    pub fn numbered_by(mut self, column: impl Into<String>) -> Self {
        self.identity = Some(column.into());
        self
    }

    /// How many rows are written at once, when they are long.
    #[must_use]
    pub fn moved_by(mut self, rows: usize) -> Self {
        self.at_once = rows.max(1);
        self
    }

    fn check(&self) -> Result<(), TransferError> {
        let names = self.columns.iter().map(|(name, _)| name).chain([&self.name]).chain(&self.identity);
        for name in names {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(TransferError::BadName(name.clone()));
            }
        }
        Ok(())
    }

    fn column_list(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn insert(&self, rows: usize) -> String {
        let width = self.columns.len();
        let row = |row: usize| {
            let values: Vec<_> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(row).collect();
        format!("INSERT INTO {} ({}) VALUES {}", self.name, self.column_list(), rows.join(", "))
    }
}

/// Moves the tables, in their order: what is referred to goes first. All or nothing: the target must be empty, and stays so if anything
/// fails. The source is read as it is at the begin; what is written to it meanwhile is not moved, so nothing should run on it.
pub async fn migrate(
    from: &Database,
    to: &Database,
    tables: &[Table],
    mut progress: impl FnMut(Progress<'_>),
) -> Result<(), TransferError> {
    let snapshot =
        if from.is_postgres() { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "BEGIN" };
    let mut source = from.readers().begin_with(snapshot).await?;
    let mut target = to.begin().await?;
    for table in tables {
        table.check()?;
        if let Some(create) = &table.create {
            sqlx::query(AssertSqlSafe(create.clone())).execute(&mut *target).await?;
        }
        if count(&mut target, table).await? != 0 {
            return Err(TransferError::NotEmpty(table.name.clone()));
        }
    }
    for table in tables {
        let left = count(&mut source, table).await?;
        copy(&mut source, &mut target, table, |rows| {
            progress(Progress { table: &table.name, rows, of: left })
        })
        .await?;
        let arrived = count(&mut target, table).await?;
        if arrived != left {
            return Err(TransferError::Lost { table: table.name.clone(), left, arrived });
        }
        if let Some(column) = table.identity.as_ref().filter(|_| to.is_postgres() && left > 0) {
            let (name, go_on) = (&table.name, "SELECT setval(pg_get_serial_sequence");
            let statement = format!("{go_on}('{name}', '{column}'), (SELECT max({column}) FROM {name}))");
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *target).await?;
        }
    }
    target.commit().await?;
    Ok(())
}

type Open = Transaction<'static, Any>;

async fn count(open: &mut Open, table: &Table) -> Result<i64, StoreError> {
    let statement = format!("SELECT count(*) FROM {}", table.name);
    Ok(sqlx::query(AssertSqlSafe(statement)).fetch_one(&mut **open).await?.try_get(0)?)
}

async fn copy(
    source: &mut Open,
    target: &mut Open,
    table: &Table,
    mut progress: impl FnMut(i64),
) -> Result<(), StoreError> {
    let batch = (VALUES / table.columns.len().max(1)).clamp(1, table.at_once);
    let select = format!("SELECT {} FROM {}", table.column_list(), table.name);
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut **source);
    let (mut waiting, mut written) = (Vec::with_capacity(batch), 0);
    loop {
        let row = rows.try_next().await?;
        let is_end = row.is_none();
        waiting.extend(row);
        if waiting.len() == batch || (is_end && !waiting.is_empty()) {
            write(target, table, &waiting).await?;
            written += waiting.len() as i64;
            waiting.clear();
            progress(written);
        }
        if is_end {
            return Ok(());
        }
    }
}

async fn write(target: &mut Open, table: &Table, rows: &[AnyRow]) -> Result<(), StoreError> {
    let mut query = sqlx::query(AssertSqlSafe(table.insert(rows.len())));
    for row in rows {
        query = bind(query, table, row)?;
    }
    query.execute(&mut **target).await?;
    Ok(())
}

type Bound = Query<'static, Any, sqlx::any::AnyArguments>;

fn bind(mut query: Bound, table: &Table, row: &AnyRow) -> Result<Bound, StoreError> {
    for (column, (_, kind)) in table.columns.iter().enumerate() {
        query = match kind {
            Kind::Integer => query.bind(row.try_get::<Option<i64>, _>(column)?),
            Kind::Text => query.bind(row.try_get::<Option<String>, _>(column)?),
        };
    }
    Ok(query)
}
