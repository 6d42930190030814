//! Callers' keys and their teams: made, kept, changed, found.
//!
//! A key is `tg-` and 43 characters of base64url. It is told once; the database has its HMAC under a secret that is not in the database
//! ([`Hasher`]). [`Keys`] is for those who administer, [`Directory`] for every request. Whatever changes is written to `audit` in the same
//! transaction; each instance reads on there and forgets what has changed, so that a revoked key stops everywhere within a second.
//! All times are Unix seconds.

mod admin;
mod audit;
mod change;
mod credential;
mod directory;
mod error;
mod feed;
mod forgotten;
mod guard;
mod hasher;
mod lookup;
mod memo;
mod moment;
mod page;
mod record;
mod registry;
mod settings;
mod spec;
mod tables;
mod teams;

pub use admin::AdminKey;
pub use audit::{AuditFilter, AuditRow};
pub use directory::{Directory, Found, Stats};
pub use error::{FieldError, KeysError};
pub use hasher::{Hasher, SECRET_FILE};
pub use page::Page;
pub use record::{KeyRecord, TeamRecord};
pub use registry::{KeyFilter, Keys};
pub use spec::{KeySpec, TeamSpec};
pub use tables::tables;
