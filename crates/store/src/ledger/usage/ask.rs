//! A question becomes SQL on the smallest table of sums that knows the answer.

use serde::Serialize;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Arguments, AssertSqlSafe, Row as _};

use super::{By, Filter, Order, Question, UsageError};
use crate::Database;
use crate::ledger::{Sums, calendar};

const MOST_DIMENSIONS: usize = 5;
const DEFAULT_LIMIT: u32 = 1_000;
const MOST_ROWS: u32 = 100_000;

/// One line of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// One text for each dimension of the question.
    pub group: Vec<String>,
    /// The sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// The tables of sums, smallest first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Totals,
    Hours,
    Users,
}

/// Answers a question from the sums: what has been folded, a second ago at most while the database is well.
pub async fn ask(database: &Database, question: &Question) -> Result<Vec<UsageRow>, UsageError> {
    if question.by.len() > MOST_DIMENSIONS {
        return Err(UsageError::TooMany);
    }
    let table = Table::of(question)?;
    let mut arguments = AnyArguments::default();
    let sql = sql(question, table, &mut arguments)?;
    let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(database.readers()).await?;
    rows.iter().map(|row| read(row, &question.by)).collect()
}

impl Table {
    fn of(question: &Question) -> Result<Self, UsageError> {
        let Filter { key, team, user, model: _, provider, endpoint, outcome, tag } = &question.filter;
        let asks = |by| question.by.contains(&by);
        if !asks(By::User) && user.is_none() {
            let of_keys = asks(By::Key) || asks(By::Team) || asks(By::Tag);
            let is_total = !of_keys && key.is_none() && team.is_none() && tag.is_none();
            return Ok(if is_total { Self::Totals } else { Self::Hours });
        }
        for (by, is_filtered) in [
            (By::Provider, provider.is_some()),
            (By::TargetModel, false),
            (By::Endpoint, endpoint.is_some()),
            (By::Outcome, outcome.is_some()),
            (By::Hour, false),
        ] {
            if asks(by) || is_filtered {
                return Err(UsageError::NotByUser(by.word()));
            }
        }
        Ok(Self::Users)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Totals => "usage_totals",
            Self::Hours => "usage_hours",
            Self::Users => "usage_users",
        }
    }

    /// The column of the time, and its length in seconds.
    const fn time(self) -> (&'static str, i64) {
        match self {
            Self::Totals | Self::Hours => ("u.hour", 3_600),
            Self::Users => ("u.day", 86_400),
        }
    }

    const fn column(self, by: By) -> &'static str {
        match by {
            By::Key => "u.key",
            By::Team => "u.team",
            By::User => "u.end_user",
            By::Model => "u.model",
            By::Provider => "u.provider",
            By::TargetModel => "u.target_model",
            By::Tag => "t.tag",
            By::Endpoint => "u.endpoint",
            By::Outcome => "u.outcome",
            By::Hour => "u.hour",
            By::Day if matches!(self, Self::Users) => "u.day",
            By::Day => "u.hour / 24",
        }
    }
}

fn sql(question: &Question, table: Table, arguments: &mut AnyArguments) -> Result<String, UsageError> {
    let groups: Vec<&str> = question.by.iter().map(|by| table.column(*by)).collect();
    let sums = Sums::COLUMNS.map(|column| format!("CAST(COALESCE(SUM(u.{column}), 0) AS BIGINT)"));
    let mut columns: Vec<&str> = groups.clone();
    columns.extend(sums.iter().map(String::as_str));
    let mut sql = format!("SELECT {} FROM {} u", columns.join(", "), table.name());
    if question.by.contains(&By::Tag) {
        sql.push_str(" JOIN key_tags t ON t.key = u.key");
    }
    sql.push_str(&conditions(question, table, arguments)?);
    if !groups.is_empty() {
        let order = match question.order {
            Order::Cost => "SUM(u.cost) DESC, ",
            Order::Tokens => "SUM(u.input) + SUM(u.output) DESC, ",
            Order::Requests => "SUM(u.requests) DESC, ",
            Order::Group => "",
        };
        let groups = groups.join(", ");
        sql.push_str(&format!(" GROUP BY {groups} ORDER BY {order}{groups}"));
    }
    let limit = if question.limit == 0 { DEFAULT_LIMIT } else { question.limit.min(MOST_ROWS) };
    sql.push_str(&format!(" LIMIT {limit}"));
    Ok(sql)
}

fn conditions(question: &Question, table: Table, arguments: &mut AnyArguments) -> Result<String, UsageError> {
    let (time, seconds) = table.time();
    let mut sql = format!(" WHERE {time} >= $1 AND {time} < $2");
    let encode = sqlx::Error::Encode;
    arguments.add(question.from.div_euclid(seconds)).map_err(encode)?;
    arguments.add(question.to.saturating_add(seconds - 1).div_euclid(seconds)).map_err(encode)?;
    let filter = &question.filter;
    for (column, text) in [
        ("u.key = ", &filter.key),
        ("u.team = ", &filter.team),
        ("u.end_user = ", &filter.user),
        ("u.model = ", &filter.model),
        ("u.provider = ", &filter.provider),
        ("u.endpoint = ", &filter.endpoint),
        ("u.outcome = ", &filter.outcome),
        ("u.key IN (SELECT key FROM key_tags WHERE tag = ", &filter.tag),
    ] {
        let Some(text) = text else { continue };
        // Postgres refuses NUL in texts, and no row has one.
        arguments.add(text.replace('\0', "\u{fffd}")).map_err(encode)?;
        let end = if column.contains('(') { ")" } else { "" };
        sql.push_str(&format!(" AND {column}${}{end}", arguments.len()));
    }
    Ok(sql)
}

fn read(row: &AnyRow, by: &[By]) -> Result<UsageRow, UsageError> {
    let mut group = Vec::with_capacity(by.len());
    for (place, by) in by.iter().enumerate() {
        group.push(match by {
            By::Hour => calendar::moment(row.try_get::<i64, _>(place)? * 3_600),
            By::Day => calendar::date(row.try_get(place)?),
            _ => row.try_get(place)?,
        });
    }
    let mut values = [0; Sums::COLUMNS.len()];
    for (place, value) in values.iter_mut().enumerate() {
        *value = row.try_get(by.len() + place)?;
    }
    Ok(UsageRow { group, sums: Sums::from_values(values) })
}
