//! The key of those who administer the gateway.

use tidegate_core::Secret;

use super::hasher::Hash;
use super::{Hasher, KeysError, credential, settings};
use crate::Database;

/// The admin key, as its hash.
#[derive(Clone)]
pub struct AdminKey {
    hasher: Hasher,
    hash: Hash,
}

impl AdminKey {
    /// A key that is given (`TIDEGATE_ADMIN_KEY`); the database's is not looked at.
    pub fn given(hasher: &Hasher, key: &Secret) -> Self {
        Self { hasher: hasher.clone(), hash: hasher.hash(key.expose()) }
    }

    /// The database's key. At the first start of all there is none: then one is made and comes with it, to be shown once. Of several
    /// instances that start at once one has it to show. The hasher must be confirmed before.
    pub async fn first(database: &Database, hasher: &Hasher) -> Result<(Self, Option<Secret>), KeysError> {
        let new = credential::make(credential::ADMIN)?;
        let hash = hasher.hash(new.expose());
        if settings::write_first(database, settings::ADMIN_KEY, &hash.hex()).await? {
            return Ok((Self { hasher: hasher.clone(), hash }, Some(new)));
        }
        let text = settings::read(database, settings::ADMIN_KEY).await?.unwrap_or_default();
        let hash = Hash::from_hex(&text)
            .ok_or_else(|| crate::StoreError::Unreadable("the admin key's hash".to_owned()))?;
        Ok((Self { hasher: hasher.clone(), hash }, None))
    }

    /// Replaces the database's key, for those who lost it. Running instances know the one before until they start again.
    pub async fn renew(database: &Database, hasher: &Hasher) -> Result<Secret, KeysError> {
        let new = credential::make(credential::ADMIN)?;
        settings::write(database, settings::ADMIN_KEY, &hasher.hash(new.expose()).hex()).await?;
        Ok(new)
    }

    /// Whether this is the admin key; in constant time.
    pub fn is_admin(&self, presented: &str) -> bool {
        credential::is_plausible(presented) && self.hasher.hash(presented).fits(self.hash)
    }
}

impl std::fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminKey")
    }
}
