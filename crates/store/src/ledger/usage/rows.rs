//! The rows themselves, newest first.

use sqlx::any::AnyArguments;
use sqlx::{Arguments, AssertSqlSafe, Row as _};

use super::Filter;
use crate::ledger::calendar::DAY_MICROS;
use crate::ledger::{Row, columns};
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

/// Gives rows, those of the newest day first and by request id within the day. Needs no index but reads a day's table until it has
/// enough, so a rare key in a long time takes long.
pub async fn rows(database: &Database, question: &RowsQuestion) -> Result<Vec<Row>, StoreError> {
    let limit = if question.limit == 0 { DEFAULT_LIMIT } else { question.limit.min(MOST_ROWS) } as usize;
    let (from, to) = (micros(question.from), micros(question.to));
    let days = sqlx::query("SELECT day FROM ledger_days WHERE day >= $1 AND day <= $2 ORDER BY day DESC")
        .bind(from / DAY_MICROS)
        .bind(to / DAY_MICROS)
        .fetch_all(database.readers())
        .await?;
    let mut rows = Vec::new();
    for day in days {
        let mut arguments = AnyArguments::default();
        let conditions = conditions(question, from, to, &mut arguments)?;
        let sql = format!(
            "SELECT {} FROM {} WHERE {conditions} ORDER BY request_id DESC, attempt DESC LIMIT {}",
            columns::COLUMNS,
            columns::table(day.try_get(0)?),
            limit - rows.len()
        );
        let found = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(database.readers()).await?;
        for row in &found {
            rows.push(columns::read(row)?);
        }
        if rows.len() >= limit {
            break;
        }
    }
    Ok(rows)
}

fn micros(seconds: i64) -> i64 {
    seconds.clamp(0, i64::MAX / 1_000_000) * 1_000_000
}

fn conditions(
    question: &RowsQuestion,
    from: i64,
    to: i64,
    arguments: &mut AnyArguments,
) -> Result<String, sqlx::Error> {
    let mut sql = "ended >= $1 AND ended < $2".to_owned();
    arguments.add(from).map_err(sqlx::Error::Encode)?;
    arguments.add(to).map_err(sqlx::Error::Encode)?;
    let filter = &question.filter;
    for (column, text) in [
        ("request_id = ", &question.request_id),
        ("request_id < ", &question.before),
        ("key = ", &filter.key),
        ("team = ", &filter.team),
        ("end_user = ", &filter.user),
        ("model = ", &filter.model),
        ("provider = ", &filter.provider),
        ("endpoint = ", &filter.endpoint),
        ("outcome = ", &filter.outcome),
        ("key IN (SELECT key FROM key_tags WHERE tag = ", &filter.tag),
    ] {
        let Some(text) = text else { continue };
        // Postgres refuses NUL in texts, and no row has one.
        arguments.add(text.replace('\0', "\u{fffd}")).map_err(sqlx::Error::Encode)?;
        let end = if column.contains('(') { ")" } else { "" };
        sql.push_str(&format!(" AND {column}${}{end}", arguments.len()));
    }
    Ok(sql)
}
