//! The columns of the day tables: how a row is bound to them, and read back.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::error::BoxDynError;
use sqlx::{Arguments, Row as _};

use super::{Row, Tokens, calendar};
use crate::transfer::Kind;

/// The columns, in the order in which they are bound.
pub(crate) const COLUMNS: &str = "request_id, attempt, is_last, ended, key, team, end_user, tags, client, endpoint, model, provider, \
     target_model, upstream_id, outcome, status, error, is_stream, input, output, cache_read, cache_write, reasoning, audio, image, \
     estimated, cost, prices, price_version, first_token, duration, cache, region";

/// How many columns there are.
pub(crate) const COLUMN_COUNT: usize = 33;

/// The name of a day's table.
pub(crate) fn table(day: i64) -> String {
    format!("ledger_{}", calendar::compact(day))
}

/// The statement that makes a day's table. Request ids sort by time, so that rows are put in at the end of its only index.
pub(crate) fn create(day: i64, is_postgres: bool) -> String {
    let columns: Vec<String> = COLUMNS
        .split(", ")
        .map(|column| match column.trim() {
            optional @ ("cost" | "first_token") => format!("{optional} BIGINT"),
            number if is_number(number) => format!("{number} BIGINT NOT NULL"),
            text => format!("{text} TEXT NOT NULL"),
        })
        .collect();
    let without = if is_postgres { "" } else { " WITHOUT ROWID" };
    let (table, columns) = (table(day), columns.join(", "));
    format!("CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY (request_id, attempt)){without}")
}

/// The columns with what they hold.
pub(crate) fn kinds() -> Vec<(&'static str, Kind)> {
    let kind = |name| {
        let is_integer = is_number(name) || matches!(name, "cost" | "first_token");
        (name, if is_integer { Kind::Integer } else { Kind::Text })
    };
    COLUMNS.split(", ").map(|column| kind(column.trim())).collect()
}

fn is_number(column: &str) -> bool {
    let sums = ["input", "output", "cache_read", "cache_write", "reasoning", "audio", "image"];
    let others = ["attempt", "is_last", "ended", "status", "is_stream", "estimated", "duration"];
    sums.contains(&column) || others.contains(&column)
}

/// Binds a row.
pub(crate) fn bind(row: &Row, to: &mut AnyArguments) -> Result<(), BoxDynError> {
    let tags = if row.tags.is_empty() { String::new() } else { serde_json::to_string(&row.tags)? };
    to.add(row.request_id.as_str())?;
    to.add(i64::from(row.attempt))?;
    to.add(i64::from(row.last))?;
    to.add(row.ended)?;
    for text in [&row.key, &row.team, &row.user, &tags, &row.client, &row.endpoint, &row.model] {
        to.add(text.as_str())?;
    }
    for text in [&row.provider, &row.target_model, &row.upstream_id, &row.outcome] {
        to.add(text.as_str())?;
    }
    to.add(i64::from(row.status))?;
    to.add(row.error.as_str())?;
    to.add(i64::from(row.stream))?;
    let tokens = &row.tokens;
    for count in [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write] {
        to.add(count)?;
    }
    for count in [tokens.reasoning, tokens.audio, tokens.image, i64::from(row.estimated)] {
        to.add(count)?;
    }
    to.add(row.cost)?;
    to.add(row.prices.as_str())?;
    to.add(row.price_version.as_str())?;
    to.add(row.first_token)?;
    to.add(row.duration)?;
    to.add(row.cache.as_str())?;
    to.add(row.region.as_str())
}

/// Reads a row whose columns were selected as [`COLUMNS`].
pub(crate) fn read(from: &AnyRow) -> Result<Row, sqlx::Error> {
    let mut next = 0;
    let mut place = || {
        next += 1;
        next - 1
    };
    macro_rules! text {
        () => {
            from.try_get::<String, _>(place())?
        };
    }
    macro_rules! number {
        () => {
            from.try_get::<i64, _>(place())?
        };
    }
    Ok(Row {
        request_id: text!(),
        attempt: u32::try_from(number!()).unwrap_or(0),
        last: number!() != 0,
        ended: number!(),
        key: text!(),
        team: text!(),
        user: text!(),
        tags: serde_json::from_str(&text!()).unwrap_or_default(),
        client: text!(),
        endpoint: text!(),
        model: text!(),
        provider: text!(),
        target_model: text!(),
        upstream_id: text!(),
        outcome: text!(),
        status: u16::try_from(number!()).unwrap_or(0),
        error: text!(),
        stream: number!() != 0,
        tokens: Tokens {
            input: number!(),
            output: number!(),
            cache_read: number!(),
            cache_write: number!(),
            reasoning: number!(),
            audio: number!(),
            image: number!(),
        },
        estimated: number!() != 0,
        cost: from.try_get(place())?,
        prices: text!(),
        price_version: text!(),
        first_token: from.try_get(place())?,
        duration: number!(),
        cache: text!(),
        region: text!(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_bound() {
        let mut arguments = AnyArguments::default();
        bind(&Row::default(), &mut arguments).unwrap();
        assert_eq!(arguments.len(), COLUMN_COUNT);
        assert_eq!(COLUMNS.split(", ").count(), COLUMN_COUNT);
    }
}
