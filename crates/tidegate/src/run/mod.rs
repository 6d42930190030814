//! `tidegate run`: opens the doors, serves, reloads, drains.

mod access;
pub(crate) mod books;
mod certify;
mod doors;
mod greeting;
pub(crate) mod handed_over;
mod hints;
mod lifetime;
pub(crate) mod pid_file;
mod probes;
mod purge;
mod reload;
mod restore;
mod shelf;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tidegate_admin::{ConfigState, Door, Operators, Version};
use tidegate_net::handover::{self, Inherited};
use tidegate_proxy::Gateway;
use tidegate_proxy::access_log::AccessLog;
use tokio::runtime::{Builder, Runtime};

use crate::config::Loaded;
use crate::environment::Environment;
use crate::provision::{Lasting, Provisioned, provision};
use crate::report;
use books::Books;
pub(crate) use lifetime::START;

/// Longest wait for the threads to drop what was cut.
const CUT: Duration = Duration::from_secs(1);

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The config file; without one, `tidegate.yaml` of the current directory if there is one.
    pub config: Option<PathBuf>,
    /// Addresses in place of the config's `listen`.
    pub listen: Vec<SocketAddr>,
    /// Address in place of the config's `admin.address`.
    pub admin: Option<SocketAddr>,
}

/// Runs until a signal ends it. Exit code 2: the config is bad.
///
/// # Errors
/// When a door cannot be opened or the file cannot be read.
pub fn run(options: RunOptions) -> Result<ExitCode> {
    // Before anything else opens files.
    let inherited = Inherited::take().context("the sockets that were handed over cannot be used")?;
    let folder = std::env::current_dir().context("the current directory is gone")?;
    let environment = Environment::of_process(&folder);
    let path = config_path(options.config.clone(), &folder);
    let loaded = load(path.as_deref(), &options, &environment)?;
    let lasting = Lasting::default();
    let provisioned = provision(&loaded, &environment, &lasting);
    report::to_stderr(&loaded, &provisioned.problems);
    if !provisioned.is_good() {
        return Ok(ExitCode::from(2));
    }
    let runtime = runtime_of(loaded.config.worker_count()).context("cannot start the worker threads")?;
    let start = Start { options, path, folder, loaded, provisioned, lasting, environment, inherited };
    let served = runtime.block_on(start.serve());
    // What is still running after the drain has had its time; dropped, it settles and so comes into the log.
    runtime.shutdown_timeout(CUT);
    let (code, log) = served?;
    log.close();
    Ok(code)
}

/// How many sockets that are ready one look at the system tells of. A worker keeps at most 256 waiting tasks for
/// itself and puts more than that behind all others: where hundreds of connections were ready at once, some of their
/// requests waited four times as long as the rest. What is not told of now is told of first at the next look.
const READY_AT_ONCE: usize = 32;

/// What requests run on. A single worker has nobody to share its work with, and need not keep it ready to be shared.
fn runtime_of(workers: usize) -> std::io::Result<Runtime> {
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(workers).max_io_events_per_tick(READY_AT_ONCE).enable_all().build()
}

/// Reads the file as the command line wants it.
fn load(path: Option<&Path>, options: &RunOptions, environment: &Environment) -> Result<Loaded> {
    let mut loaded = match path {
        Some(path) => Loaded::from_path(path, environment)
            .with_context(|| format!("cannot read the config file {}", path.display()))?,
        None => Loaded::defaults(),
    };
    loaded.override_doors(&options.listen, options.admin);
    Ok(loaded)
}

/// The file that holds when none is named: `./tidegate.yaml`, if it is there.
pub(crate) fn config_path(named: Option<PathBuf>, folder: &Path) -> Option<PathBuf> {
    let usual = PathBuf::from("tidegate.yaml");
    named.or_else(|| folder.join(&usual).exists().then_some(usual))
}

/// Everything that is known before the first socket opens.
struct Start {
    options: RunOptions,
    path: Option<PathBuf>,
    folder: PathBuf,
    loaded: Loaded,
    provisioned: Provisioned,
    lasting: Lasting,
    environment: Environment,
    inherited: Inherited,
}

impl Start {
    /// Serves to the end; gives the log, which is still open.
    async fn serve(mut self) -> Result<(ExitCode, Arc<AccessLog>)> {
        let bound = doors::bind_all(&self.provisioned.doors, &mut self.inherited).await?;
        let log = access::open(&self.loaded.config.access_log, &self.loaded.folder)?;
        let books = Books::open(&self.loaded, &self.environment, &self.lasting).await?;
        books.directory.set_fixed(self.provisioned.keys.clone());
        restore::restore(&books, &self.provisioned).await.context("cannot restore the limits' counters")?;
        let (snapshot, meters) = (self.provisioned.snapshot.clone(), self.lasting.meters.clone());
        let gateway = Gateway::new(snapshot, meters, log.clone(), books.desk.clone());
        tokio::spawn(purge::run());
        if let Some(told) = books::hints(&self.loaded.config)? {
            tokio::spawn(hints::run(told, self.lasting.live.clone()));
        }
        let (text, files) = (&self.loaded.source.text, self.provisioned.doors.files());
        let occasions = reload::Occasions::watch(self.path.as_deref(), text, files)
            .context("cannot listen for signals")?;
        let ending = lifetime::Ending::listen().context("cannot listen for signals")?;
        greeting::print(&self.loaded, &self.provisioned, &bound, books.new_admin_key.as_ref());
        let state = Arc::new(ConfigState::default());
        let operators = Operators::new(operators_door(&gateway, &state, &books));
        let shelf = shelf::CertificateShelf::open(&books.data, &books.database);
        let shelf = shelf.context("there is no place for certificates")?;
        let made = Arc::new(doors::Made::new(shelf.clone()));
        let doors = Arc::new(doors::Doors::new(gateway.clone(), operators, made.clone()));
        doors.begin(bound)?;
        let mut certifier = certify::Certifier::new(
            doors.clone(),
            shelf,
            made.challenges.clone(),
            self.lasting.connector.clone(),
            state.clone(),
        );
        certifier.take_over(&self.provisioned.doors);
        let pid_file = pid_file::path(&self.loaded);
        let program = lifetime::Program::of_process(&self.folder, pid_file.clone());
        let reloader = reload::Reloader {
            options: self.options,
            path: self.path,
            folder: self.folder,
            lasting: self.lasting,
            gateway: gateway.clone(),
            directory: books.directory.clone(),
            doors: doors.clone(),
            certifier,
            state,
            started_with: self.loaded.config.clone(),
        };
        tokio::spawn(probes::go_rounds(gateway.clone()));
        tokio::spawn(reloader.run(occasions));
        tokio::spawn(lifetime::stay_alive());
        let _written = pid_file.as_deref().map(pid_file::PidFile::write).transpose()?;
        // A predecessor ends when it hears this.
        handover::announce().context("whoever started this process cannot be told that it serves")?;
        let code = ending.serve(&doors, &gateway, &program).await;
        books.close().await;
        Ok((code, log))
    }
}

/// What operators are shown.
fn operators_door(gateway: &Arc<Gateway>, state: &Arc<ConfigState>, books: &Books) -> Door {
    let version = Version {
        name: "tidegate",
        version: env!("CARGO_PKG_VERSION"),
        prices: gateway.snapshot().prices.version().to_owned(),
    };
    let administered = tidegate_admin::Books {
        database: books.database.clone(),
        keys: books.keys.clone(),
        limiter: books.limiter.clone(),
        admin_key: books.admin_key.clone(),
    };
    Door { gateway: gateway.clone(), config: state.clone(), version, books: Some(administered) }
}
