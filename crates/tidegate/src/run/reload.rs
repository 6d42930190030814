//! Takes over a changed config: on SIGHUP, and when the file changes. Atomic; a bad file changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tidegate_admin::ConfigState;
use tidegate_net::handover::Word;
use tidegate_proxy::Gateway;
use tidegate_store::keys::Directory;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{debug, error, info, warn};

use super::RunOptions;
use super::certify::Certifier;
use super::doors::Doors;
use super::lifetime::told;
use crate::config::read_text;
use crate::config::written::Config;
use crate::environment::Environment;
use crate::provision::{Lasting, check, provision};
use crate::report;

/// Editors and `kubectl` write in several steps; this long after the last one the file is read.
const QUIET: Duration = Duration::from_millis(200);

/// Reloads.
pub(super) struct Reloader {
    pub(super) options: RunOptions,
    /// The file; without one, SIGHUP looks for new keys in the environment file.
    pub(super) path: Option<PathBuf>,
    /// The current directory at the start, where `.env` is.
    pub(super) folder: PathBuf,
    pub(super) lasting: Lasting,
    pub(super) gateway: Arc<Gateway>,
    pub(super) directory: Arc<Directory>,
    pub(super) doors: Arc<Doors>,
    pub(super) certifier: Certifier,
    pub(super) state: Arc<ConfigState>,
    /// What threads and stores were made by.
    pub(super) started_with: Config,
}

/// What a reloader waits for. Made before the gateway says that it listens, so that nothing is missed from then on.
pub(super) struct Occasions {
    hang_up: Signal,
    changes: Receiver<()>,
    seen: Seen,
    /// The files of certificates.
    files: Vec<PathBuf>,
    /// Dropped, it watches no more.
    watcher: Option<RecommendedWatcher>,
}

impl Occasions {
    /// Listens for SIGHUP and watches the config, of which that was read, and the files of certificates.
    pub(super) fn watch(path: Option<&Path>, text: &str, files: Vec<PathBuf>) -> std::io::Result<Self> {
        let (sender, changes) = channel(1);
        // The file may have changed since it was read: look once.
        let _ = sender.try_send(());
        let mut this = Self {
            hang_up: signal(SignalKind::hangup())?,
            changes,
            seen: Seen { text: Some(text.to_owned()), files: Vec::new() },
            files: Vec::new(),
            watcher: watcher(path, sender),
        };
        this.watch_too(files);
        Ok(this)
    }

    /// Also watches those files, by their folders.
    fn watch_too(&mut self, files: Vec<PathBuf>) {
        if self.files == files {
            return;
        }
        if let Some(watcher) = &mut self.watcher {
            files.iter().for_each(|file| watch(watcher, file));
        }
        self.seen.files = contents(&files);
        self.files = files;
    }
}

impl Reloader {
    /// Waits for signals and changes, until this process drains: an address that is new in the config is for the one that takes over.
    pub(super) async fn run(mut self, mut occasions: Occasions) {
        loop {
            tokio::select! {
                _ = occasions.hang_up.recv() => {}
                () = quiet_after_change(&mut occasions.changes) => {
                    if self.look(&occasions) == occasions.seen {
                        continue;
                    }
                }
            }
            if self.doors.is_draining() {
                return info!("this process drains, and reads no config any more");
            }
            // Before it is taken over, so that no change is missed in between.
            occasions.seen = self.look(&occasions);
            if let Some(files) = self.reload().await {
                occasions.watch_too(files);
            }
        }
    }

    /// What there is now; a config that is gone is as it was.
    fn look(&self, occasions: &Occasions) -> Seen {
        let text = self.path.as_ref().and_then(|path| read_text(path).ok());
        Seen { text: text.or_else(|| occasions.seen.text.clone()), files: contents(&occasions.files) }
    }

    /// Gives the files of certificates that are to be watched from now on; nothing if all stays as it was.
    async fn reload(&mut self) -> Option<Vec<PathBuf>> {
        told(Word::Reloading);
        let files = self.take_over().await;
        told(Word::Reloaded);
        files
    }

    async fn take_over(&mut self) -> Option<Vec<PathBuf>> {
        let environment = Environment::of_process(&self.folder);
        let loaded = match super::load(self.path.as_deref(), &self.options, &environment) {
            Ok(loaded) => loaded,
            Err(error) => return self.refuse(&format!("{error:#}")),
        };
        // First a look that touches nothing, so that a bad file leaves no trace in lanes and meters.
        let looked = check(&loaded, &environment);
        report::to_stderr(&loaded, &looked.problems);
        if !looked.is_good() {
            let first = looked
                .problems
                .iter()
                .find(|problem| problem.severity == crate::config::problem::Severity::Error);
            return self.refuse(first.map_or("", |problem| problem.title.as_str()));
        }
        let new_doors = match self.doors.open_new(&looked.doors).await {
            Ok(new_doors) => new_doors,
            Err(error) => return self.refuse(&format!("{error:#}")),
        };
        let provisioned = provision(&loaded, &environment, &self.lasting);
        self.directory.set_fixed(provisioned.keys);
        self.gateway.swap(provisioned.snapshot);
        // As looked at: a certificate's file may have changed since.
        self.doors.take_over(&looked.doors, new_doors);
        self.certifier.take_over(&looked.doors);
        self.lasting.live.tidy();
        self.state.count_good();
        self.warn_of_restarts(&loaded.config);
        info!(providers = self.gateway.snapshot().providers.len(), "the config was taken over");
        Some(looked.doors.files())
    }

    fn refuse<T>(&self, problem: &str) -> Option<T> {
        error!(problem, "the config was not taken over; the one before goes on");
        self.state.count_bad(problem.to_owned());
        None
    }

    fn warn_of_restarts(&self, now: &Config) {
        let before = &self.started_with;
        let stores = |config: &Config| serde_json::to_value((&config.data, &config.ledger)).ok();
        let urls =
            |config: &Config| (config.database.clone(), config.redis.as_ref().map(|redis| redis.terms().url));
        let changed = [
            ("admin.address", before.admin.address != now.admin.address),
            ("pid_file", before.pid_file != now.pid_file),
            ("workers", before.workers != now.workers),
            ("access_log", before.access_log != now.access_log),
            ("data or ledger", stores(before) != stores(now)),
            ("database or redis", urls(before) != urls(now)),
        ];
        for (setting, _) in changed.into_iter().filter(|(_, changed)| *changed) {
            warn!(setting, "changed in the config, but needs a restart");
        }
    }
}

/// What is watched, to tell a change from a touch.
#[derive(Debug, PartialEq)]
struct Seen {
    text: Option<String>,
    files: Vec<Option<Vec<u8>>>,
}

fn contents(files: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    files.iter().map(|file| std::fs::read(file).ok()).collect()
}

fn watcher(path: Option<&Path>, changed: Sender<()>) -> Option<RecommendedWatcher> {
    let told = move |event: notify::Result<Event>| {
        // Reading the file is an event too; reacting to it would never end.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // Full means that a change is waiting already.
            let _ = changed.try_send(());
        }
    };
    match notify::recommended_watcher(told) {
        Ok(mut watcher) => {
            path.into_iter().for_each(|path| watch(&mut watcher, path));
            Some(watcher)
        }
        Err(error) => {
            warn!(%error, "files cannot be watched; use SIGHUP");
            None
        }
    }
}

/// Watches the *folder*: editors replace the file, and Kubernetes swaps a symbolic link beside it.
fn watch(watcher: &mut RecommendedWatcher, path: &Path) {
    let parent = |path: &Path| {
        path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
    };
    let mut folders = vec![parent(path)];
    // A link may lead elsewhere.
    folders.extend(std::fs::canonicalize(path).ok().map(|real| parent(&real)));
    for folder in folders {
        match watcher.watch(&folder, RecursiveMode::NonRecursive) {
            Ok(()) => debug!(folder = %folder.display(), "watching"),
            Err(error) => warn!(%error, folder = %folder.display(), "cannot be watched; use SIGHUP"),
        }
    }
}

/// Waits for a change and then until nothing more has changed for a moment.
async fn quiet_after_change(changes: &mut Receiver<()>) {
    if changes.recv().await.is_none() {
        return std::future::pending().await;
    }
    while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|change| change.is_some()) {}
}
