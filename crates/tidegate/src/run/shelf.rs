//! Where ACME accounts and certificates are kept: in the data directory, or in the Postgres that instances share.

use std::io;
use std::path::Path;
use std::time::Duration;

use tidegate_net::acme::{FileStore, Store, Stored};
use tidegate_store::certificates::{Lease, SharedCertificates};
use tidegate_store::{Database, StoreError};

/// The folder in the data directory.
const FOLDER: &str = "acme";
/// An answer to a challenge is forgotten after so long.
const ANSWERS: Duration = Duration::from_secs(24 * 60 * 60);

/// Where ACME accounts and certificates are kept.
#[derive(Clone, Debug)]
pub(super) enum CertificateShelf {
    /// In files.
    Folder(FileStore),
    /// In the shared database.
    Shared(SharedCertificates),
}

/// The right to order.
pub(super) enum Held {
    /// A locked file.
    File { _locked: std::fs::File },
    /// A lease in the database.
    Lease { _lease: Lease },
}

impl CertificateShelf {
    /// Shared if the database is.
    pub(super) fn open(data: &Path, database: &Database) -> io::Result<Self> {
        if !database.is_postgres() {
            return FileStore::new(&data.join(FOLDER)).map(Self::Folder);
        }
        let name = tidegate_proxy::chance::request_id(std::time::SystemTime::now()).to_string();
        Ok(Self::Shared(SharedCertificates::new(database.clone(), name)))
    }

    /// What another instance wants to be answered for a token.
    pub(super) async fn published(&self, token: &str) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::Shared(shared) => shared.read(&format!("answer-{token}")).await.ok().flatten(),
        }
    }
}

fn failed(error: StoreError) -> io::Error {
    io::Error::other(error)
}

impl Store for CertificateShelf {
    type Lock = Held;

    async fn lock(&self, name: &str) -> io::Result<Held> {
        match self {
            Self::Folder(files) => files.lock(name).await.map(|_locked| Held::File { _locked }),
            Self::Shared(shared) => {
                shared.lease(name).await.map(|_lease| Held::Lease { _lease }).map_err(failed)
            }
        }
    }

    async fn account(&self, name: &str) -> io::Result<Option<String>> {
        match self {
            Self::Folder(files) => files.account(name).await,
            Self::Shared(shared) => shared.read(&format!("account-{name}")).await.map_err(failed),
        }
    }

    async fn keep_account(&self, name: &str, text: &str) -> io::Result<()> {
        match self {
            Self::Folder(files) => files.keep_account(name, text).await,
            Self::Shared(shared) => shared.write(&format!("account-{name}"), text).await.map_err(failed),
        }
    }

    async fn certificate(&self, name: &str) -> io::Result<Option<Stored>> {
        match self {
            Self::Folder(files) => files.certificate(name).await,
            Self::Shared(shared) => {
                let text = shared.read(&format!("certificate-{name}")).await.map_err(failed)?;
                Ok(text.as_deref().and_then(Stored::from_text))
            }
        }
    }

    async fn keep_certificate(&self, name: &str, certificate: &Stored) -> io::Result<()> {
        match self {
            Self::Folder(files) => files.keep_certificate(name, certificate).await,
            Self::Shared(shared) => {
                let text = certificate.to_text();
                shared.write(&format!("certificate-{name}"), &text).await.map_err(failed)
            }
        }
    }

    async fn publish(&self, token: &str, answer: &str) -> io::Result<()> {
        let Self::Shared(shared) = self else { return Ok(()) };
        shared.forget("answer-", ANSWERS).await.map_err(failed)?;
        shared.write(&format!("answer-{token}"), answer).await.map_err(failed)
    }
}
