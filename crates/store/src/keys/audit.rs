//! Who did what, newest first.

use serde::Serialize;
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::change::{self, Deed};
use super::record::read_json;
use super::{Keys, KeysError, Page, page};
use crate::StoreError;

/// One change.
#[derive(Clone, Debug, Serialize)]
pub struct AuditRow {
    /// Its number; later changes have greater ones.
    pub seq: i64,
    /// When, in Unix seconds.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// `create`, `update`, `rotate` or `delete`; of a target `open` or `close`.
    pub action: String,
    /// `key`, `team` or `target`.
    pub kind: String,
    /// Which: an id, or a target's label.
    pub id: String,
    /// `before` and `after`, without secrets.
    pub detail: Value,
}

/// Which changes are wanted.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only this key or team; left out: all.
    pub id: Option<String>,
    /// Where to begin, from the page before.
    pub cursor: Option<String>,
    /// How many at most.
    pub limit: Option<u32>,
}

impl Keys {
    /// Writes down that somebody opened or closed a target's breaker by hand (`action`: `open`, `close`).
    pub async fn note_switch(
        &self,
        actor: &str,
        action: &'static str,
        target: &str,
    ) -> Result<(), KeysError> {
        let detail = Value::Object(serde_json::Map::new());
        let change = change::begin(&self.database).await?;
        Ok(change::finish(change, Deed { actor, action, kind: "target", id: target, detail }).await?)
    }

    /// A page of changes, newest first.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Page<AuditRow>, KeysError> {
        let before = match &filter.cursor {
            None => i64::MAX,
            Some(cursor) => page::read_cursor(cursor)?.parse().map_err(|_| KeysError::BadCursor)?,
        };
        let id = filter.id.clone().unwrap_or_default();
        if id.contains('\0') {
            return Ok(Page::empty());
        }
        let length = page::length(filter.limit);
        let rows = sqlx::query(
            "SELECT seq, at, actor, action, kind, id, detail FROM audit \
             WHERE seq < $1 AND ($2 = '' OR id = $2) ORDER BY seq DESC LIMIT $3",
        )
        .bind(before)
        .bind(id)
        .bind(length as i64 + 1)
        .fetch_all(self.database.readers())
        .await?;
        let rows = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Page::of(rows, length, |row| row.seq.to_string()))
    }
}

fn read(row: &AnyRow) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        seq: row.try_get(0)?,
        at: row.try_get(1)?,
        actor: row.try_get(2)?,
        action: row.try_get(3)?,
        kind: row.try_get(4)?,
        id: row.try_get(5)?,
        detail: read_json(&row.try_get::<String, _>(6)?)?,
    })
}
