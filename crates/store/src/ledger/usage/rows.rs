//! The rows themselves, newest first.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::Filter;
use crate::ledger::calendar::DAY_MICROS;
use crate::ledger::{Row, block};
use crate::{Database, StoreError};

const DEFAULT_LIMIT: u32 = 100;
const MOST_ROWS: u32 = 10_000;

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsQuestion {
    /// When the attempt ended at the earliest, in Unix seconds.
    pub from: i64,
    /// Exclusive, likewise.
    pub to: i64,
    /// Of whom and what.
    pub filter: Filter,
    /// Only this exchange's.
    pub request_id: Option<String>,
    /// Only rows of exchanges before this one (the last of the page before).
    pub before: Option<String>,
    /// At most so many rows; 0: 100. More than 10,000 are never given. An exchange's rows may be cut by it.
    pub limit: u32,
}

/// Gives rows, those of the newest day first and by request id within the day. Has no index but reads a day's rows, so a long time
/// takes long.
pub async fn rows(database: &Database, question: &RowsQuestion) -> Result<Vec<Row<'static>>, StoreError> {
    let limit = if question.limit == 0 { DEFAULT_LIMIT } else { question.limit.min(MOST_ROWS) } as usize;
    let (from, to) = (micros(question.from), micros(question.to));
    let keys = match &question.filter.tag {
        Some(tag) => Some(keys_with(database, tag).await?),
        None => None,
    };
    let days = sqlx::query("SELECT day FROM ledger_days WHERE day >= $1 AND day <= $2 ORDER BY day DESC")
        .bind(from / DAY_MICROS)
        .bind(to / DAY_MICROS)
        .fetch_all(database.readers())
        .await?;
    let mut rows = Vec::new();
    for day in days {
        let mut last = Last { limit: limit - rows.len(), rows: Vec::new() };
        let select = format!(
            "SELECT attempts FROM {} WHERE last_ended >= $1 AND first_ended < $2",
            block::table(day.try_get(0)?)
        );
        let mut blocks = sqlx::query(AssertSqlSafe(select)).bind(from).bind(to).fetch(database.readers());
        while let Some(found) = blocks.try_next().await? {
            block::visit(found.try_get(0)?, |row| {
                let is_asked = (from..to).contains(&row.ended)
                    && keys.as_ref().is_none_or(|keys| keys.contains(&*row.key))
                    && matches(question, &row);
                if is_asked {
                    last.push(row);
                }
            })?;
        }
        rows.extend(last.end());
        if rows.len() >= limit {
            break;
        }
    }
    Ok(rows)
}

/// The rows that come first in the answer, of those of one day.
struct Last {
    limit: usize,
    rows: Vec<Row<'static>>,
}

impl Last {
    fn push(&mut self, row: Row<'_>) {
        self.rows.push(row.into_owned());
        if self.rows.len() >= self.limit * 2 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.rows.sort_unstable_by(|a, b| (&b.request_id, b.attempt).cmp(&(&a.request_id, a.attempt)));
        self.rows.truncate(self.limit);
    }

    fn end(mut self) -> Vec<Row<'static>> {
        self.cut();
        self.rows
    }
}

async fn keys_with(database: &Database, tag: &str) -> Result<HashSet<String>, StoreError> {
    let keys = sqlx::query("SELECT key FROM key_tags WHERE tag = $1")
        // Postgres refuses NUL in texts, and no row has one.
        .bind(tag.replace('\0', "\u{fffd}"))
        .try_map(|row: AnyRow| row.try_get(0))
        .fetch_all(database.readers())
        .await?;
    Ok(HashSet::from_iter(keys))
}

fn micros(seconds: i64) -> i64 {
    seconds.clamp(0, i64::MAX / 1_000_000) * 1_000_000
}

fn matches(question: &RowsQuestion, row: &Row<'_>) -> bool {
    let filter = &question.filter;
    let all = [
        (&question.request_id, &row.request_id),
        (&filter.key, &row.key),
        (&filter.team, &row.team),
        (&filter.user, &row.user),
        (&filter.model, &row.model),
        (&filter.provider, &row.provider),
        (&filter.endpoint, &row.endpoint),
        (&filter.outcome, &row.outcome),
    ];
    all.into_iter().all(|(asked, found)| asked.as_ref().is_none_or(|asked| asked == found))
        && question.before.as_ref().is_none_or(|before| row.request_id.as_ref() < before.as_str())
}
