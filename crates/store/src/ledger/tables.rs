//! The tables of the ledger, for those who move a database.

use sqlx::Row as _;

use super::{Sums, block};
use crate::transfer::Kind::{self, Integer, Text};
use crate::transfer::Table;
use crate::{Database, StoreError};

/// Blocks that are moved at once: a few MiB.
const BLOCKS: usize = 8;

/// Positions, sums, tags, and the blocks of every day that this database has.
pub async fn tables(of: &Database) -> Result<Vec<Table>, StoreError> {
    let mut all = vec![
        Table::new("ledger_days", &[("day", Integer)]),
        Table::new(
            "ledger_positions",
            &[("journal", Text), ("segment", Integer), ("at_byte", Integer), ("changed", Integer)],
        ),
        sums("usage_totals", "hour", &["model", "provider", "target_model", "endpoint", "outcome"]),
        sums(
            "usage_hours",
            "hour",
            &["key", "team", "model", "provider", "target_model", "endpoint", "outcome"],
        ),
        sums("usage_users", "day", &["key", "team", "end_user", "model"]),
        Table::new("key_tags", &[("tag", Text), ("key", Text)]),
    ];
    let days = sqlx::query("SELECT day FROM ledger_days ORDER BY day").fetch_all(of.readers()).await?;
    for day in days {
        let day: i64 = day.try_get(0)?;
        all.push(
            Table::new(block::table(day), &block::COLUMNS).made_with(block::create(day)).moved_by(BLOCKS),
        );
    }
    Ok(all)
}

fn sums(name: &str, time: &str, texts: &[&str]) -> Table {
    let mut columns: Vec<(&str, Kind)> = vec![(time, Integer)];
    columns.extend(texts.iter().map(|text| (*text, Text)));
    columns.extend(Sums::COLUMNS.iter().map(|column| (*column, Integer)));
    Table::new(name, &columns)
}
