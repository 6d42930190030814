//! What was used since a moment, for limits that are counted in memory and begin anew with the process.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{Folder, clean, read};
use crate::StoreError;
use crate::ledger::calendar::{DAY_MICROS, MINUTE_MICROS};
use crate::ledger::journal::{BATCH_ROWS, Position};
use crate::ledger::{Row, columns};

/// What was used in one minute by one combination of subjects. The same combination may come several times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
                let mut chunk = read(span, BATCH_ROWS).await?;
                position = chunk.end;
                chunk.rows.iter_mut().for_each(clean::clean);
                chunk.rows.iter().filter(|row| row.ended >= from).for_each(|row| visit(&UsedRow::of(row)));
            }
        }
        Ok(())
    }
}

async fn positions(connection: &mut AnyConnection) -> Result<HashMap<String, Position>, sqlx::Error> {
    sqlx::query("SELECT journal, segment, at_byte FROM ledger_positions")
        .try_map(|row: AnyRow| {
            let number =
                |column| row.try_get::<i64, _>(column).map(|number| u64::try_from(number).unwrap_or(0));
            Ok((row.try_get(0)?, Position { segment: number(1)?, offset: number(2)? }))
        })
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
    let select = format!(
        "SELECT key, team, end_user, client, model, provider, endpoint, ended / {MINUTE_MICROS} AS slot, \
         CAST(SUM(is_last) AS BIGINT), CAST(SUM(input) AS BIGINT), CAST(SUM(output) AS BIGINT), \
         CAST(SUM(COALESCE(cost, 0)) AS BIGINT) FROM {} WHERE ended >= $1 \
         GROUP BY key, team, end_user, client, model, provider, endpoint, slot",
        columns::table(day)
    );
    let mut rows = sqlx::query(AssertSqlSafe(select)).bind(from).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        visit(&UsedRow::read(&row)?);
    }
    Ok(())
}

impl UsedRow {
    fn of(row: &Row) -> Self {
        Self {
            key: row.key.clone(),
            team: row.team.clone(),
            user: row.user.clone(),
            client: row.client.clone(),
            model: row.model.clone(),
            provider: row.provider.clone(),
            endpoint: row.endpoint.clone(),
            at: row.ended / MINUTE_MICROS * 60,
            requests: i64::from(row.last),
            input: row.tokens.input,
            output: row.tokens.output,
            cost: row.cost.unwrap_or(0),
        }
    }

    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key: row.try_get(0)?,
            team: row.try_get(1)?,
            user: row.try_get(2)?,
            client: row.try_get(3)?,
            model: row.try_get(4)?,
            provider: row.try_get(5)?,
            endpoint: row.try_get(6)?,
            at: row.try_get::<i64, _>(7)? * 60,
            requests: row.try_get(8)?,
            input: row.try_get(9)?,
            output: row.try_get(10)?,
            cost: row.try_get(11)?,
        })
    }
}
