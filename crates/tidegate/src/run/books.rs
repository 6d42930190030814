//! Opens what lasts: the data directory, the database, the counters, the journal; and closes it at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tidegate_core::Secret;
use tidegate_policy::expect::Expect;
use tidegate_proxy::desk::{Desk, unbounded};
use tidegate_proxy::traffic::Decisions;
use tidegate_store::Database;
use tidegate_store::counters::{Clock, Hints, Limiter, OnFailure as StoreOnFailure, RedisPlace, RedisRules};
use tidegate_store::database::Place;
use tidegate_store::keys::{AdminKey, Directory, Hasher, Keys};
use tidegate_store::ledger::{Folder, Journal, Retention};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Loaded;
use crate::config::written::{Config, OnFailure};
use crate::environment::Environment;
use crate::provision::Lasting;

/// How long the end waits for the journal to be folded, and for Redis to be told of the last settlements.
const CLOSING: Duration = Duration::from_secs(3);

/// Everything that lasts beyond a snapshot.
pub(crate) struct Books {
    /// What requests ask.
    pub(crate) desk: Arc<Desk>,
    /// Who has which key.
    pub(crate) directory: Arc<Directory>,
    /// For those who administer keys.
    pub(crate) keys: Keys,
    /// Theirs.
    pub(crate) admin_key: AdminKey,
    /// The admin key, if it was made just now: to be shown once.
    pub(crate) new_admin_key: Option<Secret>,
    /// Brings rows from the journal into the database. `None`: the ledger is off.
    pub(crate) folder: Option<Arc<Folder>>,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Keys and ledger.
    pub(crate) database: Database,
    /// Counters.
    pub(crate) limiter: Arc<Limiter>,
    folding: Option<Folding>,
}

/// The task that folds.
struct Folding {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The database and what keys are hashed with: all that the commands `keys`, `usage` and so on need.
pub(crate) struct Shelf {
    /// Where everything is kept that is a file.
    pub(crate) folder: PathBuf,
    /// Keys and ledger.
    pub(crate) database: Database,
    /// What keys are hashed with.
    pub(crate) hasher: Hasher,
}

impl Shelf {
    /// Opens the database that the config names, and makes the data directory if need be.
    pub(crate) async fn open(loaded: &Loaded, environment: &Environment) -> Result<Self> {
        let folder = data_folder(loaded, environment);
        make_private(&folder).with_context(|| {
            format!(
                "cannot make the data directory {}\nhelp: name another one with `data:`",
                folder.display()
            )
        })?;
        let place = match &loaded.config.database {
            Some(url) => Place::Postgres(url.0.clone()),
            None => Place::Sqlite(folder.join("tidegate.db")),
        };
        let database = Database::open(&place).await?;
        let hasher = match environment.get("TIDEGATE_KEY_SECRET") {
            Some(secret) => Hasher::given(&Secret::new(secret))?,
            None => Hasher::in_folder(&folder)?,
        };
        hasher.confirm(&database).await?;
        Ok(Self { folder, database, hasher })
    }
}

impl Books {
    /// Opens everything.
    pub(crate) async fn open(loaded: &Loaded, environment: &Environment, lasting: &Lasting) -> Result<Self> {
        let Shelf { folder: data, database, hasher } = Shelf::open(loaded, environment).await?;
        let (admin_key, new_admin_key) = match environment.get("TIDEGATE_ADMIN_KEY") {
            Some(key) => (AdminKey::given(&hasher, &Secret::new(key)), None),
            None => AdminKey::first(&database, &hasher).await?,
        };
        let limiter = limiter(&loaded.config)?;
        let journal = journal(&loaded.config, &data)?;
        let retention = Retention { rows: loaded.config.ledger.retention_days, ..Retention::default() };
        let of = |journal: &Arc<Journal>| Arc::new(Folder::new(database.clone(), journal.clone(), retention));
        let folder = journal.as_ref().map(of);
        let directory = Directory::open(database.clone(), hasher.clone()).await?;
        let desk = Desk {
            directory: Some(directory.clone()),
            limiter: limiter.clone(),
            journal,
            database: Some(database.clone()),
            live: lasting.live.clone(),
            cache: lasting.cache.clone(),
            memory: unbounded(),
            decisions: Decisions::default(),
            expect: Expect::new(),
        };
        Ok(Self {
            desk: Arc::new(desk),
            directory,
            keys: Keys::new(database.clone(), hasher),
            admin_key,
            new_admin_key,
            limiter,
            folding: folder.clone().map(Folding::start),
            folder,
            data,
            database,
        })
    }

    /// Folds what is in the journal, and tells Redis of the last settlements, within a few seconds. What is left keeps in the journal.
    pub(crate) async fn close(self) {
        let folded = async {
            if let Some(folding) = self.folding {
                folding.end().await;
            }
        };
        tokio::join!(folded, self.limiter.close(CLOSING));
    }
}

impl Folding {
    fn start(folder: Arc<Folder>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(folder.run(async { drop(stopped.await) }));
        Self { stop, task }
    }

    async fn end(self) {
        let _ = self.stop.send(());
        if tokio::time::timeout(CLOSING, self.task).await.is_err() {
            tracing::warn!("the journal was not folded whole; the next start goes on with it");
        }
    }
}

fn journal(config: &Config, folder: &Path) -> Result<Option<Arc<Journal>>> {
    if !config.ledger.enabled {
        return Ok(None);
    }
    let journal = Journal::open(&folder.join("journal"), config.ledger.journal.0);
    Ok(Some(Arc::new(journal.context("the ledger's journal cannot be opened")?)))
}

/// What instances that share a Redis tell each other, each by a name of chance.
pub(super) fn hints(config: &Config) -> Result<Option<Hints>> {
    let Some(entry) = &config.redis else { return Ok(None) };
    let terms = entry.terms();
    let name = tidegate_proxy::chance::request_id(std::time::SystemTime::now()).to_string();
    let place = RedisPlace { url: terms.url.0, prefix: terms.prefix };
    Hints::new(&place, terms.time_limit.0, &name).map(Some).context("`redis` cannot be used")
}

fn limiter(config: &Config) -> Result<Arc<Limiter>> {
    let clock = Clock::system();
    let Some(entry) = &config.redis else { return Ok(Limiter::in_memory(clock)) };
    let terms = entry.terms();
    let place = RedisPlace { url: terms.url.0, prefix: terms.prefix };
    let rules = RedisRules {
        time_limit: terms.time_limit.0,
        on_failure: match terms.on_failure {
            OnFailure::Share => StoreOnFailure::Share,
            OnFailure::Deny => StoreOnFailure::Deny,
        },
        instances: terms.instances,
    };
    Limiter::with_redis(&place, rules, clock).context("`redis` cannot be used")
}

/// Where files are kept: `data`, `TIDEGATE_DATA`, or where the user's programs keep theirs.
pub(crate) fn data_folder(loaded: &Loaded, environment: &Environment) -> PathBuf {
    let named = loaded.config.data.as_deref().map(|path| loaded.folder.join(path));
    let by_variable = || environment.get("TIDEGATE_DATA").map(PathBuf::from);
    let by_custom = || environment.get("XDG_DATA_HOME").map(|home| Path::new(home).join("tidegate"));
    let at_home = || environment.get("HOME").map(|home| Path::new(home).join(".local/share/tidegate"));
    named.or_else(by_variable).or_else(by_custom).or_else(at_home).unwrap_or_else(|| "tidegate-data".into())
}

/// A directory that only its owner can look into.
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
