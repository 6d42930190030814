//! Keys for those who administer them: make, look at, change, rotate, delete.

use std::time::Duration;

use serde_json::json;
use sqlx::{Any, Row, Transaction};
use tidegate_core::Secret;

use super::change::{self, Deed};
use super::record::write_json;
use super::{FieldError, Hasher, KeyRecord, KeySpec, KeysError, Page, credential, moment, page, settings};
use crate::{Database, StoreError};

/// Longest time that a rotated key goes on working.
const LONGEST_GRACE: Duration = Duration::from_secs(90 * 86_400);

/// Keys and teams in a database.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(super) database: Database,
    hasher: Hasher,
}

/// Which keys are wanted.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Only of this team, by id; left out: all.
    pub team: Option<String>,
    /// Only those with this text in their name, hint or id, in any case.
    pub text: Option<String>,
    /// Where to begin, from the page before.
    pub cursor: Option<String>,
    /// How many at most; 100 when left out, 1000 at most.
    pub limit: Option<u32>,
}

impl Keys {
    /// Keys in this database, hashed with the hasher's secret; see [`Hasher::confirm`].
    pub fn new(database: Database, hasher: Hasher) -> Self {
        Self { database, hasher }
    }

    /// Makes a key. The secret is told here and never again.
    pub async fn create(&self, spec: &KeySpec, actor: &str) -> Result<(KeyRecord, Secret), KeysError> {
        spec.check().map_err(KeysError::Wrong)?;
        let secret = credential::make(credential::CALLER)?;
        let id = credential::make_id("key", moment::now_millis())?;
        let now = moment::now();
        let mut change = change::begin(&self.database).await?;
        self.confirm_secret(&mut change).await?;
        let spec = with_team_id(&mut change, spec).await?;
        let hint = credential::hint(&secret);
        let record = KeyRecord { id, hint, spec, created: now, changed: now, old_until: None };
        sqlx::query(
            "INSERT INTO keys (id, name, hash, hint, team, spec, created, changed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(record.id.clone())
        .bind(record.spec.name.clone())
        .bind(self.hasher.hash(secret.expose()).hex())
        .bind(record.hint.clone())
        .bind(record.spec.team.clone())
        .bind(write_json(&record.spec)?)
        .bind(now)
        .execute(&mut *change)
        .await?;
        let detail = json!({ "after": record.spec });
        let deed = Deed { actor, action: "create", kind: "key", id: &record.id, detail };
        change::finish(change, deed).await?;
        Ok((record, secret))
    }

    /// One key.
    pub async fn get(&self, id: &str) -> Result<KeyRecord, KeysError> {
        if !credential::is_id(id, "key") {
            return Err(missing(id));
        }
        let row =
            sqlx::query("SELECT id, hint, team, spec, created, changed, old_until FROM keys WHERE id = $1")
                .bind(id.to_owned())
                .fetch_optional(self.database.readers())
                .await?;
        Ok(KeyRecord::read(&row.ok_or_else(|| missing(id))?)?)
    }

    /// A page of keys, oldest first.
    pub async fn list(&self, filter: &KeyFilter) -> Result<Page<KeyRecord>, KeysError> {
        let after = filter.cursor.as_deref().map(page::read_cursor).transpose()?.unwrap_or_default();
        if !after.is_empty() && !credential::is_id(&after, "key") {
            return Err(KeysError::BadCursor);
        }
        let team = filter.team.clone().unwrap_or_default();
        let text = page::pattern(filter.text.as_deref().unwrap_or_default());
        let Some(text) = text.filter(|_| !team.contains('\0')) else { return Ok(Page::empty()) };
        let length = page::length(filter.limit);
        let rows = sqlx::query(
            "SELECT id, hint, team, spec, created, changed, old_until FROM keys \
             WHERE id > $1 AND ($2 = '' OR team = $2) AND ($3 = '' OR LOWER(name) LIKE $3 ESCAPE '\\' \
             OR LOWER(hint) LIKE $3 ESCAPE '\\' OR id LIKE $3 ESCAPE '\\') ORDER BY id LIMIT $4",
        )
        .bind(after)
        .bind(team)
        .bind(text)
        .bind(length as i64 + 1)
        .fetch_all(self.database.readers())
        .await?;
        let records = rows.iter().map(KeyRecord::read).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Page::of(records, length, |record| record.id.clone()))
    }

    /// Writes a key anew; its secret stays.
    pub async fn update(&self, id: &str, spec: &KeySpec, actor: &str) -> Result<KeyRecord, KeysError> {
        spec.check().map_err(KeysError::Wrong)?;
        let mut change = change::begin(&self.database).await?;
        let before = read_for_change(&mut change, id).await?;
        let spec = with_team_id(&mut change, spec).await?;
        let detail = json!({ "before": before.spec, "after": spec });
        let record = KeyRecord { spec, changed: moment::now(), ..before };
        sqlx::query("UPDATE keys SET name = $2, team = $3, spec = $4, changed = $5 WHERE id = $1")
            .bind(id.to_owned())
            .bind(record.spec.name.clone())
            .bind(record.spec.team.clone())
            .bind(write_json(&record.spec)?)
            .bind(record.changed)
            .execute(&mut *change)
            .await?;
        change::finish(change, Deed { actor, action: "update", kind: "key", id, detail }).await?;
        Ok(record)
    }

    /// Gives a key a new secret; the one before goes on working for the grace time (90 days at most). One that was rotated out earlier
    /// stops at once.
    pub async fn rotate(
        &self,
        id: &str,
        grace: Duration,
        actor: &str,
    ) -> Result<(KeyRecord, Secret), KeysError> {
        if grace > LONGEST_GRACE {
            let message = format!("must be at most {} days", LONGEST_GRACE.as_secs() / 86_400);
            return Err(KeysError::Wrong(vec![FieldError { field: "grace".to_owned(), message }]));
        }
        let secret = credential::make(credential::CALLER)?;
        let mut change = change::begin(&self.database).await?;
        self.confirm_secret(&mut change).await?;
        let before = read_for_change(&mut change, id).await?;
        let now = moment::now();
        let old_until = (!grace.is_zero()).then_some(now + grace.as_secs() as i64);
        let hint = credential::hint(&secret);
        let detail =
            json!({ "before": { "hint": before.hint }, "after": { "hint": hint, "old_until": old_until } });
        let record = KeyRecord { hint, changed: now, old_until, ..before };
        // The expression on the right is the value before the change, in both databases.
        sqlx::query(
            "UPDATE keys SET old_hash = CASE WHEN $2 = 1 THEN hash ELSE NULL END, hash = $3, hint = $4, \
             changed = $5, old_until = $6 WHERE id = $1",
        )
        .bind(id.to_owned())
        .bind(i64::from(old_until.is_some()))
        .bind(self.hasher.hash(secret.expose()).hex())
        .bind(record.hint.clone())
        .bind(now)
        .bind(old_until)
        .execute(&mut *change)
        .await?;
        change::finish(change, Deed { actor, action: "rotate", kind: "key", id, detail }).await?;
        Ok((record, secret))
    }

    /// Deletes a key: it stops working everywhere within a second.
    pub async fn delete(&self, id: &str, actor: &str) -> Result<(), KeysError> {
        let mut change = change::begin(&self.database).await?;
        let before = read_for_change(&mut change, id).await?;
        sqlx::query("DELETE FROM keys WHERE id = $1").bind(id.to_owned()).execute(&mut *change).await?;
        let detail = json!({ "before": before.spec });
        Ok(change::finish(change, Deed { actor, action: "delete", kind: "key", id, detail }).await?)
    }

    /// Another instance may have taken an empty database over with another secret: a key of ours would never work then.
    async fn confirm_secret(&self, change: &mut Transaction<'static, Any>) -> Result<(), KeysError> {
        let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
            .bind(settings::KEY_CHECK)
            .fetch_optional(&mut **change)
            .await?;
        let check: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        if check.is_some_and(|check| check != self.hasher.check()) {
            return Err(KeysError::WrongSecret("that of this instance".to_owned()));
        }
        Ok(())
    }
}

fn missing(id: &str) -> KeysError {
    KeysError::Missing { kind: "key", id: id.to_owned() }
}

async fn read_for_change(change: &mut Transaction<'static, Any>, id: &str) -> Result<KeyRecord, KeysError> {
    if !credential::is_id(id, "key") {
        return Err(missing(id));
    }
    let row = sqlx::query("SELECT id, hint, team, spec, created, changed, old_until FROM keys WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(&mut **change)
        .await?;
    Ok(KeyRecord::read(&row.ok_or_else(|| missing(id))?)?)
}

/// The same key with its team by id.
async fn with_team_id(change: &mut Transaction<'static, Any>, spec: &KeySpec) -> Result<KeySpec, KeysError> {
    let Some(team) = &spec.team else { return Ok(spec.clone()) };
    let row = sqlx::query("SELECT id FROM teams WHERE id = $1 OR name = $1")
        .bind(team.clone())
        .fetch_optional(&mut **change)
        .await?;
    let Some(row) = row else {
        let message = "must be the id or name of a team that exists".to_owned();
        return Err(KeysError::Wrong(vec![FieldError { field: "team".to_owned(), message }]));
    };
    Ok(KeySpec { team: Some(row.try_get(0)?), ..spec.clone() })
}
