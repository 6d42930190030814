//! One batch of rows, brought into the database in one transaction with the position in the journal up to which it reaches.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::insert::Insert;
use super::summed;
use crate::ledger::calendar::DAY_MICROS;
use crate::ledger::journal::Position;
use crate::ledger::{Row, columns};
use crate::{Database, StoreError};

/// So many keys' tags are remembered as written; then they are forgotten.
const REMEMBERED_TAGS: usize = 100_000;

/// What is known to stand in the database, so that it need not be written again.
#[derive(Debug, Default)]
pub(super) struct Known {
    days: HashSet<i64>,
    tags: HashSet<(String, String)>,
}

/// Rows of one journal between two positions.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) journal: &'a str,
    /// Where the database stands.
    pub(super) from: Position,
    /// Where it will stand.
    pub(super) to: Position,
    pub(super) rows: &'a [Row],
}

/// How a batch fared that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is in the database.
    Done,
    /// The database stands elsewhere than the batch supposes; nothing was written.
    Moved,
    /// Rows of it are in the database already; nothing was written.
    Doubled,
}

/// How far a journal has been folded.
pub(super) async fn position(database: &Database, journal: &str) -> Result<Position, StoreError> {
    let found = sqlx::query("SELECT segment, at_byte FROM ledger_positions WHERE journal = $1")
        .bind(journal)
        .fetch_optional(database.writer())
        .await?;
    if let Some(row) = found {
        let number = |column| row.try_get::<i64, _>(column).map(|number| u64::try_from(number).unwrap_or(0));
        return Ok(Position { segment: number(0)?, offset: number(1)? });
    }
    sqlx::query(
        "INSERT INTO ledger_positions (journal, segment, at_byte, changed) VALUES ($1, 0, 0, 0) ON CONFLICT DO NOTHING",
    )
    .bind(journal)
    .execute(database.writer())
    .await?;
    Ok(Position::default())
}

/// Forgets a journal that is no longer there.
pub(super) async fn forget(database: &Database, journal: &str) -> Result<(), StoreError> {
    let forget = sqlx::query("DELETE FROM ledger_positions WHERE journal = $1").bind(journal);
    forget.execute(database.writer()).await?;
    Ok(())
}

/// Writes a batch. If this fails, or is dropped, whether it was written is found out from [`position`] and by the comparison
/// here: a commit whose answer was lost and that comes through late makes the next try wait for it and see that the
/// position has moved.
pub(super) async fn write(
    database: &Database,
    batch: &Batch<'_>,
    known: &mut Known,
    now: i64,
) -> Result<Written, StoreError> {
    let days: BTreeMap<i64, Vec<&Row>> = batch.rows.iter().fold(BTreeMap::new(), |mut days, row| {
        days.entry(row.ended / DAY_MICROS).or_insert_with(Vec::new).push(row);
        days
    });
    for day in days.keys() {
        make_day(database, *day, known).await?;
    }
    let mut transaction = database.begin().await?;
    if !advance(&mut transaction, batch, now).await? {
        transaction.rollback().await?;
        return Ok(Written::Moved);
    }
    for (day, rows) in &days {
        let inserted = insert_rows(&mut transaction, database.is_postgres(), *day, rows).await?;
        if inserted < rows.len() as u64 {
            transaction.rollback().await?;
            return Ok(Written::Doubled);
        }
    }
    summed::add(&mut transaction, database.is_postgres(), batch.rows).await?;
    let tags = summed::tags(batch.rows);
    let new: Vec<_> = tags.into_iter().filter(|(tag, key)| !known.has_tag(tag, key)).collect();
    summed::add_tags(&mut transaction, database.is_postgres(), &new).await?;
    transaction.commit().await?;
    known.add_tags(&new);
    Ok(Written::Done)
}

/// Makes the table of a day. Instances that do so at once wait for each other at the row of the day.
async fn make_day(database: &Database, day: i64, known: &mut Known) -> Result<(), StoreError> {
    if known.days.contains(&day) {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    sqlx::query("INSERT INTO ledger_days (day) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(day)
        .execute(&mut *transaction)
        .await?;
    let create = columns::create(day, database.is_postgres());
    sqlx::query(AssertSqlSafe(create)).persistent(false).execute(&mut *transaction).await?;
    transaction.commit().await?;
    known.days.insert(day);
    Ok(())
}

/// Moves the position; `false` if it is not where it should be.
async fn advance(connection: &mut AnyConnection, batch: &Batch<'_>, now: i64) -> Result<bool, sqlx::Error> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let moved = sqlx::query(
        "UPDATE ledger_positions SET segment = $1, at_byte = $2, changed = $3 WHERE journal = $4 AND segment = $5 AND at_byte = $6",
    )
    .bind(number(batch.to.segment))
    .bind(number(batch.to.offset))
    .bind(now)
    .bind(batch.journal)
    .bind(number(batch.from.segment))
    .bind(number(batch.from.offset))
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

async fn insert_rows(
    connection: &mut AnyConnection,
    is_postgres: bool,
    day: i64,
    rows: &[&Row],
) -> Result<u64, sqlx::Error> {
    let insert = Insert {
        is_postgres,
        table: &columns::table(day),
        columns: columns::COLUMNS,
        count: columns::COLUMN_COUNT,
        ending: "ON CONFLICT DO NOTHING",
    };
    insert.run(connection, rows, |row, to| columns::bind(row, to)).await
}

/// Takes out the rows that are in the database already, and those that come twice. This is for journals that somebody copied
/// and databases that were put back to an earlier day.
pub(super) async fn drop_doubled(database: &Database, rows: &mut Vec<Row>) -> Result<u64, StoreError> {
    let before = rows.len();
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for row in rows.drain(..) {
        let select = format!(
            "SELECT 1 FROM {} WHERE request_id = $1 AND attempt = $2",
            columns::table(row.ended / DAY_MICROS)
        );
        let found = sqlx::query(AssertSqlSafe(select))
            .bind(row.request_id.as_str())
            .bind(i64::from(row.attempt))
            .fetch_optional(database.writer())
            .await?;
        if found.is_none() && seen.insert((row.request_id.clone(), row.attempt)) {
            kept.push(row);
        }
    }
    *rows = kept;
    Ok((before - rows.len()) as u64)
}

impl Known {
    fn has_tag(&self, tag: &str, key: &str) -> bool {
        // Only new tags are rare; looking one up costs two short strings.
        self.tags.contains(&(tag.to_owned(), key.to_owned()))
    }

    fn add_tags(&mut self, tags: &[(&str, &str)]) {
        if self.tags.len() + tags.len() > REMEMBERED_TAGS {
            self.tags.clear();
        }
        self.tags.extend(tags.iter().map(|(tag, key)| ((*tag).to_owned(), (*key).to_owned())));
    }
}
