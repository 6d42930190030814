//! What the admin API works on.

use std::sync::Arc;

use tidegate_store::Database;
use tidegate_store::counters::Limiter;
use tidegate_store::keys::{AdminKey, Keys};

/// What lasts beyond a snapshot, for those who administer.
#[derive(Clone, Debug)]
pub struct Books {
    /// Where the ledger is folded into.
    pub database: Database,
    /// Keys and teams.
    pub keys: Keys,
    /// The counters of all limits.
    pub limiter: Arc<Limiter>,
    /// Opens the API. It should be `tga-…` or anything else that does not begin with `tg-`: such keys are never compared with it.
    pub admin_key: AdminKey,
}
