//! Where accounts and certificates are kept, and the lock that lets one instance order.

use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A certificate as it is kept: PEM texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The chain, leaf first.
    pub chain: String,
    /// The private key.
    pub key: String,
}

impl Stored {
    /// Key and chain as one PEM text.
    pub fn to_text(&self) -> String {
        format!("{}{}", self.key, self.chain)
    }

    /// What [`Stored::to_text`] has made.
    pub fn from_text(text: &str) -> Option<Self> {
        let (key, chain) = text.split_at(text.find(CHAIN)?);
        Some(Self { chain: chain.to_owned(), key: key.to_owned() })
    }
}

/// Where accounts and certificates are kept. Names are made of lower-case letters, digits, dots, hyphens and underscores.
pub trait Store: Send + Sync + 'static {
    /// Held while one instance orders; dropped, it is free.
    type Lock: Send;

    /// Waits for the lock of that name.
    fn lock(&self, name: &str) -> impl Future<Output = io::Result<Self::Lock>> + Send;
    /// The account's secret text, if there is one.
    fn account(&self, name: &str) -> impl Future<Output = io::Result<Option<String>>> + Send;
    /// Keeps the account's secret text.
    fn keep_account(&self, name: &str, text: &str) -> impl Future<Output = io::Result<()>> + Send;
    /// A certificate, if there is one.
    fn certificate(&self, name: &str) -> impl Future<Output = io::Result<Option<Stored>>> + Send;
    /// Lets other instances answer an HTTP-01 challenge too: behind a balancer, the server may ask any of them.
    fn publish(&self, token: &str, answer: &str) -> impl Future<Output = io::Result<()>> + Send {
        let _ = (token, answer);
        std::future::ready(Ok(()))
    }
    /// Keeps a certificate.
    fn keep_certificate(
        &self,
        name: &str,
        certificate: &Stored,
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// Keeps everything in a folder: `account-NAME.json`, and `NAME.pem` with key and chain, readable by the owner alone.
#[derive(Clone, Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// In that folder, which is made if it is not there.
    pub fn new(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn read(&self, file: &str) -> io::Result<Option<String>> {
        match std::fs::read_to_string(self.folder.join(file)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all: a reader never sees half a file.
    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let half = self.folder.join(format!(".{file}.{}", std::process::id()));
        let mut opened =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        opened.write_all(text.as_bytes())?;
        opened.sync_all()?;
        std::fs::rename(half, self.folder.join(file))
    }
}

/// Where the chain begins in a file that has both.
const CHAIN: &str = "-----BEGIN CERTIFICATE-----";

impl Store for FileStore {
    /// The system unlocks it when it is closed, even if the process is killed.
    type Lock = std::fs::File;

    async fn lock(&self, name: &str) -> io::Result<Self::Lock> {
        let path = self.folder.join(format!("{name}.lock"));
        let locking = tokio::task::spawn_blocking(move || {
            let file = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
            file.lock()?;
            Ok(file)
        });
        locking.await.map_err(io::Error::other)?
    }

    async fn account(&self, name: &str) -> io::Result<Option<String>> {
        self.read(&format!("account-{name}.json"))
    }

    async fn keep_account(&self, name: &str, text: &str) -> io::Result<()> {
        self.write(&format!("account-{name}.json"), text)
    }

    async fn certificate(&self, name: &str) -> io::Result<Option<Stored>> {
        Ok(self.read(&format!("{name}.pem"))?.as_deref().and_then(Stored::from_text))
    }

    async fn keep_certificate(&self, name: &str, certificate: &Stored) -> io::Result<()> {
        self.write(&format!("{name}.pem"), &certificate.to_text())
    }
}
