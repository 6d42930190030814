//! What was used since a moment, for limits that are counted in memory and begin anew with the process.

use std::collections::HashMap;
use std::mem::take;

use futures_util::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{Folder, clean, read};
use crate::StoreError;
use crate::ledger::calendar::{DAY_MICROS, MINUTE_MICROS};
use crate::ledger::journal::Position;
use crate::ledger::{Row, block};

/// Sums that are kept in memory before they are told.
const MOST_AT_ONCE: usize = 10_000;

/// What was used in one minute by one combination of subjects. The same combination may come several times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UsedRow {
    /// The key; empty for an anonymous caller.
    pub key: String,
    /// The key's team.
    pub team: String,
    /// The end user.
    pub user: String,
    /// The caller's address.
    pub client: String,
    /// The model as the caller named it.
    pub model: String,
    /// Who was asked.
    pub provider: String,
    /// The endpoint's word.
    pub endpoint: String,
    /// The minute's begin, in Unix seconds.
    pub at: i64,
    /// Exchanges that ended.
    pub requests: i64,
    /// Attempts at the provider.
    pub attempts: i64,
    /// Prompt tokens.
    pub input: i64,
    /// Answer tokens.
    pub output: i64,
    /// Billionths of a US dollar.
    pub cost: i64,
}

impl Folder {
    /// Visits what was used since a moment (Unix seconds, rounded down to the minute): first what stands in the database, of all
    /// instances, then what waits in this process's journals. Nothing is missed or visited twice while folding goes on;
    /// it waits meanwhile.
    pub async fn used_since(
        &self,
        from: i64,
        visit: &mut (dyn FnMut(&UsedRow) + Send),
    ) -> Result<(), StoreError> {
        let from = from.clamp(0, i64::MAX / 1_000_000) / 60 * MINUTE_MICROS;
        let _work = self.work.lock().await;
        // One snapshot of rows and positions, so that each row is on one side only.
        let begin = if self.database.is_postgres() {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        } else {
            "BEGIN"
        };
        let mut snapshot = self.database.readers().begin_with(begin).await?;
        let positions = positions(&mut snapshot).await?;
        let days: Vec<i64> = sqlx::query("SELECT day FROM ledger_days WHERE day >= $1 ORDER BY day")
            .bind(from / DAY_MICROS)
            .try_map(|row: AnyRow| row.try_get(0))
            .fetch_all(&mut *snapshot)
            .await?;
        for day in days {
            visit_day(&mut snapshot, day, from, visit).await?;
        }
        snapshot.rollback().await?;
        for id in self.journal.ids() {
            let mut position = positions.get(&id).copied().unwrap_or_default();
            while let Some(span) = self.journal.next(&id, position) {
                let (found, used) = read(span, move |stretch| {
                    let mut used = Used::default();
                    let found = stretch.rows(usize::MAX, |_, row| {
                        clean::clean(row);
                        used.add(row, from);
                    });
                    (found, used)
                })
                .await?;
                position = found.end;
                used.visit(visit);
            }
        }
        Ok(())
    }
}

/// Rows of the same minute, summed up to keep them few.
#[derive(Debug, Default)]
struct Used(HashMap<UsedRow, Amounts>);

#[derive(Debug, Default)]
struct Amounts {
    requests: i64,
    attempts: i64,
    input: i64,
    output: i64,
    cost: i64,
}

impl Used {
    fn add(&mut self, row: &Row<'_>, from: i64) {
        if row.ended >= from {
            let sum = self.0.entry(UsedRow::of(row)).or_default();
            sum.requests += i64::from(row.last);
            sum.attempts += i64::from(row.attempt > 0);
            sum.input = sum.input.saturating_add(row.tokens.input);
            sum.output = sum.output.saturating_add(row.tokens.output);
            sum.cost = sum.cost.saturating_add(row.cost.unwrap_or(0));
        }
    }

    fn visit(self, visit: &mut (dyn FnMut(&UsedRow) + Send)) {
        for (row, Amounts { requests, attempts, input, output, cost }) in self.0 {
            visit(&UsedRow { requests, attempts, input, output, cost, ..row });
        }
    }
}

async fn positions(connection: &mut AnyConnection) -> Result<HashMap<String, Position>, sqlx::Error> {
    sqlx::query("SELECT segment, at_byte, journal FROM ledger_positions")
        .try_map(|row: AnyRow| Ok((row.try_get(2)?, Position::read(&row)?)))
        .fetch_all(connection)
        .await
        .map(HashMap::from_iter)
}

async fn visit_day(
    connection: &mut AnyConnection,
    day: i64,
    from: i64,
    visit: &mut (dyn FnMut(&UsedRow) + Send),
) -> Result<(), StoreError> {
    let select = format!("SELECT attempts FROM {} WHERE last_ended >= $1", block::table(day));
    let mut blocks = sqlx::query(AssertSqlSafe(select)).bind(from).fetch(connection);
    let mut used = Used::default();
    while let Some(found) = blocks.try_next().await? {
        block::visit(found.try_get(0)?, |row| used.add(&row, from))?;
        if used.0.len() >= MOST_AT_ONCE {
            take(&mut used).visit(visit);
        }
    }
    used.visit(visit);
    Ok(())
}

impl UsedRow {
    /// Who and what, without amounts.
    fn of(row: &Row<'_>) -> Self {
        Self {
            key: row.key.to_string(),
            team: row.team.to_string(),
            user: row.user.to_string(),
            client: row.client.to_string(),
            model: row.model.to_string(),
            provider: row.provider.to_string(),
            endpoint: row.endpoint.to_string(),
            at: row.ended / MINUTE_MICROS * 60,
            ..Self::default()
        }
    }
}
