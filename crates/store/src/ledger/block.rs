//! The day tables. Rows stand in them by the block: those that one process wrote down one after the other, as one JSON list. A block
//! costs the database what a single row would.

use std::cmp::Reverse;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::journal::Position;
use super::{Row, calendar};
use crate::StoreError;
use crate::transfer::Kind;

/// The columns: which process's journal, and which stretch of it the block was; how many rows, when they ended (Unix microseconds), and
/// the rows themselves.
pub(crate) const COLUMNS: [(&str, Kind); 8] = [
    ("journal", Kind::Text),
    ("segment", Kind::Integer),
    ("from_byte", Kind::Integer),
    ("to_byte", Kind::Integer),
    ("row_count", Kind::Integer),
    ("first_ended", Kind::Integer),
    ("last_ended", Kind::Integer),
    ("attempts", Kind::Text),
];

/// Rows of one day that came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The day, counted from 1970-01-01.
    pub(crate) day: i64,
    pub(crate) rows: i64,
    pub(crate) first_ended: i64,
    pub(crate) last_ended: i64,
    /// A JSON list with one row a line.
    pub(crate) text: String,
}

impl Block {
    /// An empty one with room for so many bytes of text.
    pub(crate) fn new(day: i64, room: usize) -> Self {
        let text = String::with_capacity(room);
        Self { day, rows: 0, first_ended: i64::MAX, last_ended: i64::MIN, text }
    }

    /// Puts a row in, as one line of JSON without its end.
    pub(crate) fn push(&mut self, ended: i64, line: &str) {
        self.text.push_str(if self.rows == 0 { "[" } else { ",\n" });
        self.text.push_str(line);
        self.rows += 1;
        self.first_ended = self.first_ended.min(ended);
        self.last_ended = self.last_ended.max(ended);
    }

    /// Ends the list.
    pub(crate) fn close(&mut self) {
        self.text.push(']');
    }
}

/// Visits the rows of a block's text.
pub(crate) fn visit<'t>(text: &'t str, mut visit: impl FnMut(Row<'t>)) -> Result<(), StoreError> {
    for line in text.split('\n') {
        let line = line.strip_prefix('[').unwrap_or(line);
        let row = line.strip_suffix([',', ']']).unwrap_or(line);
        let row = Row::read(row)
            .map_err(|error| StoreError::Unreadable(format!("a row of the ledger: {error}")))?;
        visit(row);
    }
    Ok(())
}

/// The name of a day's table.
pub(crate) fn table(day: i64) -> String {
    format!("ledger_{}", calendar::compact(day))
}

/// The statement that makes a day's table.
pub(crate) fn create(day: i64) -> String {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, kind)| match kind {
            Kind::Integer => format!("{name} BIGINT NOT NULL"),
            Kind::Text => format!("{name} TEXT NOT NULL"),
        })
        .collect();
    let (table, columns) = (table(day), columns.join(", "));
    format!("CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY (journal, segment, from_byte))")
}

/// How far the blocks of all days say that a journal has been folded.
pub(crate) async fn reached(
    connection: &mut AnyConnection,
    journal: &str,
) -> Result<Option<Position>, sqlx::Error> {
    let days: Vec<i64> = sqlx::query("SELECT day FROM ledger_days")
        .try_map(|row: AnyRow| row.try_get(0))
        .fetch_all(&mut *connection)
        .await?;
    let mut ends = Vec::new();
    for day in days {
        let last = format!(
            "SELECT segment, to_byte FROM {} WHERE journal = $1 ORDER BY segment DESC, from_byte DESC LIMIT 1",
            table(day)
        );
        let last = sqlx::query(AssertSqlSafe(last)).bind(journal).persistent(false);
        if let Some(row) = last.fetch_optional(&mut *connection).await? {
            ends.push(Position::read(&row)?);
        }
    }
    ends.sort_unstable_by_key(|end| Reverse(*end));
    Ok(ends.first().copied())
}

impl Position {
    /// Reads the first two columns: segment and byte.
    pub(crate) fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let number = |column| row.try_get::<i64, _>(column).map(|number| u64::try_from(number).unwrap_or(0));
        Ok(Self { segment: number(0)?, offset: number(1)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_json_list_and_gives_its_rows_back() {
        let mut block = Block::new(1, 0);
        let row = |id: &'static str, ended| Row { request_id: id.into(), ended, ..Row::default() };
        for row in [row("a],", 7), row("[b\n", 3)] {
            let mut line = Vec::new();
            row.write(&mut line);
            block.push(row.ended, std::str::from_utf8(&line).unwrap());
        }
        block.close();
        let text = block.text;
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap().as_array().unwrap().len(), 2);
        let mut found = Vec::new();
        visit(&text, |row| found.push(row.into_owned())).unwrap();
        assert_eq!(found, [row("a],", 7), row("[b\n", 3)]);
        assert_eq!((block.rows, block.first_ended, block.last_ended), (2, 3, 7));
        assert!(visit("[{}, nonsense]", |_| {}).is_err());
    }
}
