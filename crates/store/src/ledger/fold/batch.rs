//! One batch of rows, brought into the database in one transaction with the position in the journal up to which it reaches.

use std::collections::HashSet;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::gather::Gathered;
use super::summed;
use crate::ledger::block::{self, Block};
use crate::ledger::journal::Position;
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
    /// Where the rows begin: in the next segment, if the database stands at the end of one.
    pub(super) start: Position,
    /// Where it will stand.
    pub(super) to: Position,
    pub(super) rows: &'a Gathered,
}

/// How a batch fared that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is in the database.
    Done,
    /// The database stands elsewhere than the batch supposes; nothing was written.
    Moved,
}

/// How far a journal has been folded. A journal that the database does not know may be one whose position was lost: then the
/// blocks say it.
pub(super) async fn position(database: &Database, journal: &str) -> Result<Position, StoreError> {
    let find = async |database: &Database| {
        sqlx::query("SELECT segment, at_byte FROM ledger_positions WHERE journal = $1")
            .bind(journal)
            .try_map(|row: AnyRow| Position::read(&row))
            .fetch_optional(database.writer())
            .await
    };
    if let Some(position) = find(database).await? {
        return Ok(position);
    }
    let mut transaction = database.begin().await?;
    let reached = block::reached(&mut transaction, journal).await?.unwrap_or_default();
    sqlx::query(
        "INSERT INTO ledger_positions (journal, segment, at_byte, changed) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING",
    )
    .bind(journal)
    .bind(number(reached.segment))
    .bind(number(reached.offset))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(find(database).await?.unwrap_or_default())
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
    for block in &batch.rows.blocks {
        make_day(database, block.day, known).await?;
    }
    let mut transaction = database.begin().await?;
    if !advance(&mut transaction, batch, now).await? {
        transaction.rollback().await?;
        return Ok(Written::Moved);
    }
    for block in &batch.rows.blocks {
        insert(&mut transaction, batch, block).await?;
    }
    summed::add(&mut transaction, database.is_postgres(), &batch.rows.sums).await?;
    let tags = batch.rows.tags.iter().filter(|pair| !known.tags.contains(*pair));
    let new: Vec<_> = tags.map(|(tag, key)| (tag.as_str(), key.as_str())).collect();
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
    sqlx::query(AssertSqlSafe(block::create(day))).persistent(false).execute(&mut *transaction).await?;
    transaction.commit().await?;
    known.days.insert(day);
    Ok(())
}

/// Moves the position; `false` if it is not where it should be.
async fn advance(connection: &mut AnyConnection, batch: &Batch<'_>, now: i64) -> Result<bool, sqlx::Error> {
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

async fn insert(connection: &mut AnyConnection, batch: &Batch<'_>, block: &Block) -> Result<(), sqlx::Error> {
    let insert = format!(
        "INSERT INTO {} (journal, segment, from_byte, to_byte, row_count, first_ended, last_ended, attempts) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        block::table(block.day)
    );
    sqlx::query(AssertSqlSafe(insert))
        .bind(batch.journal)
        .bind(number(batch.start.segment))
        .bind(number(batch.start.offset))
        .bind(number(batch.to.offset))
        .bind(block.rows)
        .bind(block.first_ended)
        .bind(block.last_ended)
        .bind(block.text.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Known {
    fn add_tags(&mut self, tags: &[(&str, &str)]) {
        if self.tags.len() + tags.len() > REMEMBERED_TAGS {
            self.tags.clear();
        }
        self.tags.extend(tags.iter().map(|(tag, key)| ((*tag).to_owned(), (*key).to_owned())));
    }
}
