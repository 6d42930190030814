//! Teams for those who administer them.

use serde_json::json;
use sqlx::{Any, Row, Transaction};

use super::change::{self, Deed};
use super::record::write_json;
use super::{KeyFilter, Keys, KeysError, Page, TeamRecord, TeamSpec, credential, moment, page};
use crate::StoreError;

impl Keys {
    /// Makes a team.
    pub async fn create_team(&self, spec: &TeamSpec, actor: &str) -> Result<TeamRecord, KeysError> {
        spec.check().map_err(KeysError::Wrong)?;
        let now = moment::now();
        let id = credential::make_id("team", moment::now_millis())?;
        let record = TeamRecord { id, spec: spec.clone(), created: now, changed: now };
        let mut change = change::begin(&self.database).await?;
        sqlx::query("INSERT INTO teams (id, name, spec, created, changed) VALUES ($1, $2, $3, $4, $4)")
            .bind(record.id.clone())
            .bind(spec.name.clone())
            .bind(write_json(spec)?)
            .bind(now)
            .execute(&mut *change)
            .await
            .map_err(|error| name_taken(error, &spec.name))?;
        let detail = json!({ "after": spec });
        change::finish(change, Deed { actor, action: "create", kind: "team", id: &record.id, detail })
            .await?;
        Ok(record)
    }

    /// One team.
    pub async fn get_team(&self, id: &str) -> Result<TeamRecord, KeysError> {
        if !credential::is_id(id, "team") {
            return Err(missing(id));
        }
        let row = sqlx::query("SELECT id, spec, created, changed FROM teams WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(self.database.readers())
            .await?;
        Ok(TeamRecord::read(&row.ok_or_else(|| missing(id))?)?)
    }

    /// A page of teams, oldest first. Of the filter, `team` is one team's id.
    pub async fn list_teams(&self, filter: &KeyFilter) -> Result<Page<TeamRecord>, KeysError> {
        let after = filter.cursor.as_deref().map(page::read_cursor).transpose()?.unwrap_or_default();
        if !after.is_empty() && !credential::is_id(&after, "team") {
            return Err(KeysError::BadCursor);
        }
        let team = filter.team.clone().unwrap_or_default();
        let text = page::pattern(filter.text.as_deref().unwrap_or_default());
        let Some(text) = text.filter(|_| !team.contains('\0')) else { return Ok(Page::empty()) };
        let length = page::length(filter.limit);
        let rows = sqlx::query(
            "SELECT id, spec, created, changed FROM teams WHERE id > $1 AND ($2 = '' OR id = $2) \
             AND ($3 = '' OR LOWER(name) LIKE $3 ESCAPE '\\' OR id LIKE $3 ESCAPE '\\') ORDER BY id LIMIT $4",
        )
        .bind(after)
        .bind(team)
        .bind(text)
        .bind(length as i64 + 1)
        .fetch_all(self.database.readers())
        .await?;
        let records = rows.iter().map(TeamRecord::read).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Page::of(records, length, |record| record.id.clone()))
    }

    /// Writes a team anew.
    pub async fn update_team(&self, id: &str, spec: &TeamSpec, actor: &str) -> Result<TeamRecord, KeysError> {
        spec.check().map_err(KeysError::Wrong)?;
        let mut change = change::begin(&self.database).await?;
        let before = read_for_change(&mut change, id).await?;
        let detail = json!({ "before": before.spec, "after": spec });
        let record = TeamRecord { spec: spec.clone(), changed: moment::now(), ..before };
        sqlx::query("UPDATE teams SET name = $2, spec = $3, changed = $4 WHERE id = $1")
            .bind(id.to_owned())
            .bind(spec.name.clone())
            .bind(write_json(spec)?)
            .bind(record.changed)
            .execute(&mut *change)
            .await
            .map_err(|error| name_taken(error, &spec.name))?;
        change::finish(change, Deed { actor, action: "update", kind: "team", id, detail }).await?;
        Ok(record)
    }

    /// Deletes a team without keys.
    pub async fn delete_team(&self, id: &str, actor: &str) -> Result<(), KeysError> {
        let mut change = change::begin(&self.database).await?;
        let before = read_for_change(&mut change, id).await?;
        let keys: i64 = sqlx::query("SELECT count(*) FROM keys WHERE team = $1")
            .bind(id.to_owned())
            .fetch_one(&mut *change)
            .await?
            .try_get(0)?;
        if keys > 0 {
            return Err(KeysError::TeamInUse(keys));
        }
        sqlx::query("DELETE FROM teams WHERE id = $1").bind(id.to_owned()).execute(&mut *change).await?;
        let detail = json!({ "before": before.spec });
        Ok(change::finish(change, Deed { actor, action: "delete", kind: "team", id, detail }).await?)
    }
}

fn missing(id: &str) -> KeysError {
    KeysError::Missing { kind: "team", id: id.to_owned() }
}

fn name_taken(error: sqlx::Error, name: &str) -> StoreError {
    if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
        return StoreError::Taken(format!("a team named `{name}`"));
    }
    error.into()
}

async fn read_for_change(change: &mut Transaction<'static, Any>, id: &str) -> Result<TeamRecord, KeysError> {
    if !credential::is_id(id, "team") {
        return Err(missing(id));
    }
    let row = sqlx::query("SELECT id, spec, created, changed FROM teams WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(&mut **change)
        .await?;
    Ok(TeamRecord::read(&row.ok_or_else(|| missing(id))?)?)
}
