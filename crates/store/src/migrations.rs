//! The steps that bring a database's tables up to date. A step that has been released is never changed: a new one is added.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType};

/// The steps for SQLite.
pub(crate) fn sqlite() -> Vec<Migration> {
    vec![
        step(1, "keys", include_str!("../migrations/sqlite/0001_keys.sql")),
        step(2, "ledger", include_str!("../migrations/sqlite/0002_ledger.sql")),
        step(3, "certificates", include_str!("../migrations/sqlite/0003_certificates.sql")),
    ]
}

/// The steps for Postgres.
pub(crate) fn postgres() -> Vec<Migration> {
    vec![
        step(1, "keys", include_str!("../migrations/postgres/0001_keys.sql")),
        step(2, "ledger", include_str!("../migrations/postgres/0002_ledger.sql")),
        step(3, "certificates", include_str!("../migrations/postgres/0003_certificates.sql")),
    ]
}

fn step(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}
