//! One change: a transaction that also says in `audit` who did what.

use serde_json::Value;
use sqlx::{Any, Transaction};

use super::moment;
use crate::{Database, StoreError};

/// What was done, for `audit`.
#[derive(Debug)]
pub(super) struct Deed<'a> {
    pub(super) actor: &'a str,
    pub(super) action: &'static str,
    /// `key`, `team` or `target`.
    pub(super) kind: &'static str,
    pub(super) id: &'a str,
    /// Before and after; never a secret.
    pub(super) detail: Value,
}

/// Names the lock that changes take on Postgres; the letters of `tidegate`. (A lock on the table would wait for its vacuum, too.)
const TURN: i64 = i64::from_be_bytes(*b"tidegate");

/// Begins a change. Changes go one after another, so that the numbers in `audit` come to be seen in their order: a reader that has read
/// up to one will never miss a smaller one that is committed later.
pub(super) async fn begin(database: &Database) -> Result<Transaction<'static, Any>, StoreError> {
    let mut change = database.begin().await?;
    if database.is_postgres() {
        sqlx::query("SELECT pg_advisory_xact_lock($1) IS NULL").bind(TURN).execute(&mut *change).await?;
    }
    Ok(change)
}

/// Writes the deed down and makes the change last.
pub(super) async fn finish(mut change: Transaction<'static, Any>, deed: Deed<'_>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO audit (at, actor, action, kind, id, detail) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(moment::now())
        .bind(deed.actor.to_owned())
        .bind(deed.action)
        .bind(deed.kind)
        .bind(deed.id.to_owned())
        .bind(deed.detail.to_string())
        .execute(&mut *change)
        .await?;
    Ok(change.commit().await?)
}
