//! Reading on in `audit`: how an instance learns what others have changed.

use std::sync::Weak;
use std::time::Duration;

use sqlx::Row;
use sqlx::any::AnyRow;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Directory;
use super::forgotten::Changed;
use super::lookup::Lookup;
use crate::{Database, StoreError};

/// How often it is looked: a change is seen within this time and that of one small question.
const PERIOD: Duration = Duration::from_millis(300);
/// Longest wait for an answer, after which it is asked anew.
const LONGEST_QUESTION: Duration = Duration::from_secs(5);
/// Changes read at once.
const BATCH: i64 = 1000;

/// The last change that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    seq: i64,
    at: i64,
}

/// One instance's reader.
#[derive(Debug)]
pub(super) struct Feed(Mutex<Position>);

impl Feed {
    /// Begins behind the last change; to be called before the first key is asked for.
    pub(super) async fn at_the_end(database: &Database) -> Result<Self, StoreError> {
        Ok(Self(Mutex::new(last(database).await?)))
    }

    /// Reads what is new and forgets what it concerns.
    pub(super) async fn catch_up(&self, lookup: &Lookup) -> Result<(), StoreError> {
        let mut position = self.0.lock().await;
        loop {
            let rows = sqlx::query(
                "SELECT seq, at, action, kind, id FROM audit WHERE seq >= $1 ORDER BY seq LIMIT $2",
            )
            .bind(position.seq)
            .bind(BATCH + 1)
            .fetch_all(lookup.database().readers())
            .await?;
            let new = match rows.split_first() {
                None if position.seq == 0 => return Ok(()),
                _ if position.seq == 0 => &rows[..],
                Some((first, new)) if read_position(first)? == *position => new,
                // The change that is known is gone: rows were deleted, or the database is another one.
                _ => {
                    let end = last(lookup.database()).await?;
                    lookup.forget(&Changed { all: true, ..Changed::default() });
                    *position = end;
                    return Ok(());
                }
            };
            let Some(end) = new.last() else { return Ok(()) };
            let end = read_position(end)?;
            lookup.forget(&read_changes(new)?);
            *position = end;
            if rows.len() <= BATCH as usize {
                return Ok(());
            }
        }
    }
}

/// Reads on for as long as there is a directory. While the database is away nothing is forgotten, and afterwards it goes on where it was.
pub(super) async fn follow(directory: Weak<Directory>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_away = false;
    loop {
        ticks.tick().await;
        let Some(directory) = directory.upgrade() else { return };
        let outcome = timeout(LONGEST_QUESTION, directory.catch_up()).await;
        let failure = match &outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        match failure {
            Some(error) if !is_away => {
                tracing::warn!(%error, "changes of keys cannot be read: known keys go on working as they are");
            }
            None if is_away => tracing::info!("changes of keys are read again"),
            _ => {}
        }
        is_away = !matches!(outcome, Ok(Ok(())));
    }
}

async fn last(database: &Database) -> Result<Position, StoreError> {
    let row = sqlx::query("SELECT seq, at FROM audit ORDER BY seq DESC LIMIT 1")
        .fetch_optional(database.readers())
        .await?;
    row.as_ref().map_or(Ok(Position::default()), read_position)
}

fn read_position(row: &AnyRow) -> Result<Position, StoreError> {
    Ok(Position { seq: row.try_get(0)?, at: row.try_get(1)? })
}

fn read_changes(rows: &[AnyRow]) -> Result<Changed, StoreError> {
    let mut changed = Changed::default();
    for row in rows {
        let (action, kind, id): (String, String, String) =
            (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
        match (action.as_str(), kind.as_str()) {
            // Nobody can have asked for it before it was made.
            ("create", _) => {}
            (_, "key") => {
                changed.keys.insert(id);
            }
            (_, "team") => {
                changed.teams.insert(id);
            }
            _ => {}
        }
    }
    Ok(changed)
}
