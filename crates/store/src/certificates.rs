//! What instances share of certificates: ACME accounts, certificates, answers to challenges, and the lease that lets one of them order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::Row;

use crate::{Database, StoreError};

/// A lease ends after so long if its holder is gone. Orders take seconds, and at most a few minutes.
const LEASE: Duration = Duration::from_secs(300);
/// Between two looks at a lease that somebody else has.
const LOOK: Duration = Duration::from_millis(500);

/// Texts under names, in the database.
#[derive(Clone, Debug)]
pub struct SharedCertificates {
    database: Database,
    /// A name of chance for this process.
    holder: String,
}

/// A lease; given back when this is dropped.
#[derive(Debug)]
pub struct Lease {
    shelf: SharedCertificates,
    name: String,
}

impl SharedCertificates {
    /// In that database; `holder` is a name that no other process has.
    pub fn new(database: Database, holder: String) -> Self {
        Self { database, holder }
    }

    /// The text under that name.
    pub async fn read(&self, name: &str) -> Result<Option<String>, StoreError> {
        let found = sqlx::query("SELECT text FROM certificates WHERE name = $1").bind(name.to_owned());
        let found = found.fetch_optional(self.database.readers()).await?;
        Ok(found.map(|row| row.try_get(0)).transpose()?)
    }

    /// Puts a text under that name, in the place of what was there.
    pub async fn write(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO certificates (name, text, written) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET text = excluded.text, written = excluded.written",
        );
        let now = i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX);
        query.bind(name.to_owned()).bind(text.to_owned()).bind(now).execute(self.database.writer()).await?;
        Ok(())
    }

    /// Forgets texts whose name begins so and that were written that long ago.
    pub async fn forget(&self, beginning: &str, age: Duration) -> Result<(), StoreError> {
        let before = since_1970().saturating_sub(age);
        sqlx::query("DELETE FROM certificates WHERE name LIKE $1 AND written < $2")
            .bind(format!("{beginning}%"))
            .bind(i64::try_from(before.as_secs()).unwrap_or(i64::MAX))
            .execute(self.database.writer())
            .await?;
        Ok(())
    }

    /// Waits for the lease of that name.
    pub async fn lease(&self, name: &str) -> Result<Lease, StoreError> {
        while !self.takes(name).await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(Lease { shelf: self.clone(), name: name.to_owned() })
    }

    async fn takes(&self, name: &str) -> Result<bool, StoreError> {
        let now = since_1970();
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let taken = sqlx::query(
            "INSERT INTO leases (name, holder, ends) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends = excluded.ends \
             WHERE leases.ends < $4",
        );
        let taken = taken
            .bind(name.to_owned())
            .bind(self.holder.clone())
            .bind(millis(now + LEASE))
            .bind(millis(now))
            .execute(self.database.writer())
            .await?;
        Ok(taken.rows_affected() == 1)
    }

    async fn give_back(&self, name: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM leases WHERE name = $1 AND holder = $2")
            .bind(name.to_owned())
            .bind(self.holder.clone())
            .execute(self.database.writer())
            .await?;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (shelf, name) = (self.shelf.clone(), std::mem::take(&mut self.name));
        // Outside a runtime, or if the database is gone, it ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { shelf.give_back(&name).await });
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Place;

    #[tokio::test]
    async fn one_of_two_has_the_lease_and_both_see_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Place::Sqlite(folder.path().join("t.db"))).await.unwrap();
        let one = SharedCertificates::new(database.clone(), "one".to_owned());
        let other = SharedCertificates::new(database, "other".to_owned());
        let lease = one.lease("a").await.unwrap();
        assert!(!other.takes("a").await.unwrap() && other.takes("b").await.unwrap());
        one.write("cert-a", "first").await.unwrap();
        one.write("cert-a", "second").await.unwrap();
        drop(lease);
        let _lease = other.lease("a").await.unwrap();
        assert_eq!(other.read("cert-a").await.unwrap().as_deref(), Some("second"));
        other.forget("cert-", Duration::from_secs(60)).await.unwrap();
        assert!(one.read("cert-a").await.unwrap().is_some() && one.read("none").await.unwrap().is_none());
        other.forget("cert-", Duration::ZERO).await.unwrap();
    }
}
