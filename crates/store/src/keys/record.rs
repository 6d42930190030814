//! Keys and teams as they stand in the database.

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::{KeySpec, TeamSpec};
use crate::StoreError;

/// A key as it stands in the database. Nothing in it helps to use the key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyRecord {
    /// `key_…`.
    pub id: String,
    /// Its first 6 and last 4 characters.
    pub hint: String,
    /// What was written.
    #[serde(flatten)]
    pub spec: KeySpec,
    /// When it was made, in Unix seconds.
    pub created: i64,
    /// When it was last changed, in Unix seconds.
    pub changed: i64,
    /// After a rotation: until when the key before works, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_until: Option<i64>,
}

/// A team as it stands in the database.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeamRecord {
    /// `team_…`.
    pub id: String,
    /// What was written.
    #[serde(flatten)]
    pub spec: TeamSpec,
    /// When it was made, in Unix seconds.
    pub created: i64,
    /// When it was last changed, in Unix seconds.
    pub changed: i64,
}

impl KeyRecord {
    /// Reads `id, hint, team, spec, created, changed, old_until`.
    pub(super) fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let spec = read_json::<KeySpec>(&row.try_get::<String, _>(3)?)?;
        Ok(Self {
            id: row.try_get(0)?,
            hint: row.try_get(1)?,
            spec: KeySpec { team: row.try_get(2)?, ..spec },
            created: row.try_get(4)?,
            changed: row.try_get(5)?,
            old_until: row.try_get(6)?,
        })
    }
}

impl TeamRecord {
    /// Reads `id, spec, created, changed`.
    pub(super) fn read(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get(0)?,
            spec: read_json(&row.try_get::<String, _>(1)?)?,
            created: row.try_get(2)?,
            changed: row.try_get(3)?,
        })
    }
}

/// Reads what [`write_json`] wrote.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn write_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}
