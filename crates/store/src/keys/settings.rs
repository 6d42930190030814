//! Values of one database: which secret its keys are hashed with, the admin key's hash.

use sqlx::Row;

use super::KeysError;
use crate::{Database, StoreError};

/// Tells the secret that keys are hashed with from others.
pub(super) const KEY_CHECK: &str = "key_check";
/// The admin key's hash.
pub(super) const ADMIN_KEY: &str = "admin_key";

/// The value, if it has been written.
pub(super) async fn read(database: &Database, name: &str) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
        .bind(name.to_owned())
        .fetch_optional(database.readers())
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Writes the value if there is none yet; whether it did. Of several instances one does.
pub(super) async fn write_first(database: &Database, name: &str, value: &str) -> Result<bool, StoreError> {
    let written =
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name.to_owned())
            .bind(value.to_owned())
            .execute(database.writer())
            .await?;
    Ok(written.rows_affected() == 1)
}

/// Writes the value, whatever was there.
pub(super) async fn write(database: &Database, name: &str, value: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name.to_owned())
    .bind(value.to_owned())
    .execute(database.writer())
    .await?;
    Ok(())
}

/// Replaces the check value if there are no keys yet, and forgets the admin key, whose hash nobody can confirm any more.
pub(super) async fn take_over(database: &Database, check: &str) -> Result<bool, KeysError> {
    let mut change = super::change::begin(database).await?;
    let keys: i64 = sqlx::query("SELECT count(*) FROM keys").fetch_one(&mut *change).await?.try_get(0)?;
    if keys > 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE settings SET value = $1 WHERE name = $2")
        .bind(check.to_owned())
        .bind(KEY_CHECK)
        .execute(&mut *change)
        .await?;
    sqlx::query("DELETE FROM settings WHERE name = $1").bind(ADMIN_KEY).execute(&mut *change).await?;
    change.commit().await?;
    Ok(true)
}
