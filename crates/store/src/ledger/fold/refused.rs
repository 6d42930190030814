//! Rows that the database refuses for what they are, such as one that a trigger of the owner forbids.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::StoreError;
use crate::ledger::block::Block;

/// Whether the database failed because of the rows, so that trying again cannot help: on Postgres data exceptions, integrity
/// constraints and limits of a statement (SQLSTATE classes 22, 23, 54), on SQLite `TOOBIG`, `CONSTRAINT`, `MISMATCH` and `RANGE`.
pub(super) fn is_for_the_rows(error: &StoreError) -> bool {
    let StoreError::Query(sqlx::Error::Database(error)) = error else { return false };
    let Some(code) = error.code() else { return false };
    match code.parse::<u32>() {
        Ok(code) if code > 0 && code < 10_000 => matches!(code & 0xff, 18 | 19 | 20 | 25),
        _ => ["22", "23", "54"].iter().any(|class| code.starts_with(class)),
    }
}

/// Writes them where a person finds them, a list a line. A row may stand there twice when the process ends at the wrong moment.
pub(super) fn set_aside(file: &Path, blocks: &[Block]) -> io::Result<()> {
    let mut lines = String::new();
    for block in blocks {
        lines.push_str(&block.text.replace('\n', ""));
        lines.push('\n');
        tracing::error!(
            "the ledger's database refuses a row; it stands in refused.jsonl in the journal's folder"
        );
    }
    OpenOptions::new().create(true).append(true).open(file)?.write_all(lines.as_bytes())
}
