//! An empty database of either sort, and what tests do with it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tempfile::TempDir;
use tidegate_core::Secret;
use tidegate_store::database::Place;
use tidegate_store::keys::{Directory, Found, Hasher, KeySpec, Keys};
use tidegate_store::{Database, StoreError};
use tidegate_testkit::servers::Postgres;

/// Runs tests on both databases: each is a function of a [`Home`].
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::place::Home::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::place::Home::postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_both;

/// Where callers come from.
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub(crate) struct Home {
    pub(crate) place: Place,
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { place: Place::Sqlite(folder.path().join("tidegate.db")), folder }
    }

    pub(crate) async fn postgres() -> Self {
        let url = Postgres::fresh_database().await.unwrap();
        Self { place: Place::Postgres(Secret::new(url)), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) async fn open(&self) -> Database {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Database, StoreError> {
        Database::open(&self.place).await
    }

    /// An instance with its keys and its directory.
    pub(crate) async fn instance(&self) -> Instance {
        let database = self.open().await;
        let hasher = hasher();
        hasher.confirm(&database).await.unwrap();
        let directory = Directory::open(database.clone(), hasher.clone()).await.unwrap();
        Instance { keys: Keys::new(database.clone(), hasher), directory, database }
    }
}

pub(crate) struct Instance {
    pub(crate) database: Database,
    pub(crate) keys: Keys,
    pub(crate) directory: Arc<Directory>,
}

impl Instance {
    pub(crate) async fn find(&self, presented: &str) -> Found {
        self.directory.find(presented, HERE).await
    }

    /// The id of the key that it finds.
    pub(crate) async fn id_of(&self, secret: &Secret) -> Option<String> {
        match self.find(secret.expose()).await {
            Found::Key(key) => Some(key.id.to_string()),
            _ => None,
        }
    }
}

pub(crate) const SECRET: &str = "a secret that all instances share";

pub(crate) fn hasher() -> Hasher {
    Hasher::given(&Secret::new(SECRET)).unwrap()
}

pub(crate) fn named(name: &str) -> KeySpec {
    KeySpec { name: name.to_owned(), ..KeySpec::default() }
}
