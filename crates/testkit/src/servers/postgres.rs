//! A PostgreSQL server of the test's own.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;

use super::process::{Plan, Process, TRIES, blocking, free_port, run};

const MISSING: &str =
    "PostgreSQL is not installed: on Debian, the package `postgresql` (or set TIDEGATE_POSTGRES_BIN)";
const READY: &str = "database system is ready to accept connections";
/// Enough for ten instances with their pools.
const CONNECTIONS: u32 = 300;

/// A server with an empty data directory, without durability and passwords. It ends with this value or with the test's process.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    user: Option<(u32, u32)>,
    process: Option<Process>,
}

/// The server that all tests of a process share.
static SHARED: OnceCell<Postgres> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    /// Starts one; it takes about two seconds. Fails when PostgreSQL is not installed.
    pub async fn start() -> io::Result<Self> {
        blocking(|| {
            let binaries = binaries()?;
            let user = other_user()?;
            let folder = tempfile::Builder::new().prefix("tidegate-postgres-").tempdir()?;
            chown(folder.path(), user.map(|(user, _)| user), user.map(|(_, group)| group))?;
            let mut server = Self { binaries, folder: folder.keep(), port: 0, user, process: None };
            server.initialise()?;
            for _ in 1..TRIES {
                server.port = free_port()?;
                if server.launch().is_ok() {
                    return Ok(server);
                }
            }
            server.launch()?;
            Ok(server)
        })
        .await
    }

    /// The URL of a new, empty database on a server that all tests of this process share.
    pub async fn fresh_database() -> io::Result<String> {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        SHARED.get_or_try_init(Self::start).await?.create_database(&format!("fresh{number}")).await
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Makes one more database and gives its URL.
    pub async fn create_database(&self, name: &str) -> io::Result<String> {
        let mut createdb = Command::new(self.binaries.join("createdb"));
        createdb.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres"]);
        createdb.args(["--template", "template0", name]);
        blocking(move || run(&mut createdb)).await?;
        Ok(self.url_of(name))
    }

    /// Ends it at once, as a crash would: connections break, data stays.
    pub async fn stop(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(process) => blocking(move || process.end("QUIT")).await,
            None => Ok(()),
        }
    }

    /// Starts it again after [`Postgres::stop`], with the same data on the same port.
    pub async fn start_again(self) -> io::Result<Self> {
        blocking(move || {
            let mut server = self;
            if server.process.is_none() {
                server.launch()?;
            }
            Ok(server)
        })
        .await
    }

    /// Its first process, for signals.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    fn url_of(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    fn initialise(&self) -> io::Result<()> {
        let mut initdb = Command::new(self.binaries.join("initdb"));
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        initdb.arg("--pgdata").arg(self.data()).current_dir(&self.folder);
        if let Some((user, group)) = self.user {
            initdb.uid(user).gid(group);
        }
        run(&mut initdb)
    }

    fn launch(&mut self) -> io::Result<()> {
        let mut command = vec![self.binaries.join("postgres").into(), "-D".into(), self.data().into()];
        for setting in [
            "fsync=off".to_owned(),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("max_connections={CONNECTIONS}"),
            format!("unix_socket_directories={}", self.folder.display()),
        ] {
            command.extend(["-c".into(), setting.into()]);
        }
        self.process = Some(Process::start(&Plan {
            command,
            folder: &self.folder,
            user: self.user,
            end: "QUIT",
            ready: READY,
        })?);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.process.take());
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// The newest version's programs: Debian keeps them apart and out of the path.
fn binaries() -> io::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("TIDEGATE_POSTGRES_BIN") {
        return Ok(folder.into());
    }
    let version = |folder: &Path| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map_err(|_| io::Error::other(MISSING))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("bin/initdb").exists())
        .collect();
    folders.sort_by_key(|folder| version(folder));
    folders.pop().map(|folder| folder.join("bin")).ok_or_else(|| io::Error::other(MISSING))
}

/// PostgreSQL refuses to run as root; then it runs as Debian's user for it, or as nobody.
fn other_user() -> io::Result<Option<(u32, u32)>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).map(Some).ok_or_else(|| {
        io::Error::other("PostgreSQL does not run as root, and there is neither `postgres` nor `nobody`")
    })
}
