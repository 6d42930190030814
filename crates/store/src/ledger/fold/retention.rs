//! How long rows and sums are kept. Rows go by the day: a table is dropped, nothing is deleted row by row.

use sqlx::{AssertSqlSafe, Row as _};

use super::Folder;
use crate::StoreError;
use crate::ledger::block;
use crate::ledger::calendar::DAY_MICROS;

/// How long the ledger is kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Rows of single attempts.
    pub rows: u32,
    /// Sums by hour and day.
    pub sums: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { rows: 90, sums: 400 }
    }
}

impl Folder {
    /// Drops what is older than the retention allows at a moment (Unix microseconds); tells how many days of rows went.
    pub async fn drop_old(&self, now: i64) -> Result<u64, StoreError> {
        let today = now / DAY_MICROS;
        let oldest = today - i64::from(self.retention.rows);
        let days = sqlx::query("SELECT day FROM ledger_days WHERE day < $1 ORDER BY day")
            .bind(oldest)
            .fetch_all(self.database.readers())
            .await?;
        for day in &days {
            self.drop_day(day.try_get(0)?).await?;
        }
        let oldest = today - i64::from(self.retention.sums);
        for (table, column, before) in [
            ("usage_totals", "hour", oldest * 24),
            ("usage_hours", "hour", oldest * 24),
            ("usage_users", "day", oldest),
        ] {
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE {column} < $1")))
                .bind(before)
                .execute(self.database.writer())
                .await?;
        }
        Ok(days.len() as u64)
    }

    /// A folder that has the day's table in mind fails once, and makes it again.
    async fn drop_day(&self, day: i64) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        sqlx::query("DELETE FROM ledger_days WHERE day = $1").bind(day).execute(&mut *transaction).await?;
        let drop = format!("DROP TABLE IF EXISTS {}", block::table(day));
        sqlx::query(AssertSqlSafe(drop)).persistent(false).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}
