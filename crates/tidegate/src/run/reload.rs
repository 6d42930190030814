//! Takes over a changed config: on SIGHUP, and when the file changes. Atomic; a bad file changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tidegate_admin::ConfigState;
use tidegate_proxy::Gateway;
use tidegate_store::keys::Directory;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{debug, error, info, warn};

use super::RunOptions;
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
    pub(super) state: Arc<ConfigState>,
    /// What the doors and threads were made by.
    pub(super) started_with: Config,
}

/// What a reloader waits for. Made before the gateway says that it listens, so that nothing is missed from then on.
pub(super) struct Occasions {
    hang_up: Signal,
    changes: Receiver<()>,
    /// Dropped, it watches no more.
    _watcher: Option<RecommendedWatcher>,
}

impl Occasions {
    /// Listens for SIGHUP and watches the file.
    pub(super) fn watch(path: Option<&Path>) -> std::io::Result<Self> {
        let (sender, changes) = channel(1);
        // The file may have changed since it was read: look once.
        let _ = sender.try_send(());
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            changes,
            _watcher: path.and_then(|path| watch(path, sender)),
        })
    }
}

impl Reloader {
    /// Waits for signals and changes for ever. `text` is what was read at the start.
    pub(super) async fn run(self, mut occasions: Occasions, mut text: String) {
        loop {
            tokio::select! {
                _ = occasions.hang_up.recv() => {}
                () = quiet_after_change(&mut occasions.changes) => {
                    let Some(now) = self.text() else { continue };
                    if now == text {
                        continue;
                    }
                }
            }
            text = self.text().unwrap_or(text);
            self.reload();
        }
    }

    fn text(&self) -> Option<String> {
        read_text(self.path.as_ref()?).ok()
    }

    fn reload(&self) {
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
        let provisioned = provision(&loaded, &environment, &self.lasting);
        self.directory.set_fixed(provisioned.keys);
        self.gateway.swap(provisioned.snapshot);
        self.lasting.live.tidy();
        self.state.count_good();
        self.warn_of_restarts(&loaded.config);
        info!(providers = self.gateway.snapshot().providers.len(), "the config was taken over");
    }

    fn refuse(&self, problem: &str) {
        error!(problem, "the config was not taken over; the one before goes on");
        self.state.count_bad(problem.to_owned());
    }

    fn warn_of_restarts(&self, now: &Config) {
        let before = &self.started_with;
        let doors = |config: &Config| serde_json::to_value((&config.listen, &config.admin)).ok();
        let stores = |config: &Config| serde_json::to_value((&config.data, &config.ledger)).ok();
        let urls =
            |config: &Config| (config.database.clone(), config.redis.as_ref().map(|redis| redis.terms().url));
        let changed = [
            ("listen or admin", doors(before) != doors(now)),
            ("workers", before.workers != now.workers),
            ("drain", before.drain != now.drain),
            ("access_log", before.access_log != now.access_log),
            ("data or ledger", stores(before) != stores(now)),
            ("database or redis", urls(before) != urls(now)),
        ];
        for (setting, _) in changed.into_iter().filter(|(_, changed)| *changed) {
            warn!(setting, "changed in the config, but needs a restart");
        }
    }
}

/// Watches the *folder*: editors replace the file, and Kubernetes swaps a symbolic link beside it.
fn watch(path: &Path, changed: Sender<()>) -> Option<RecommendedWatcher> {
    let told = move |event: notify::Result<Event>| {
        // Reading the file is an event too; reacting to it would never end.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // Full means that a change is waiting already.
            let _ = changed.try_send(());
        }
    };
    let mut watcher = match notify::recommended_watcher(told) {
        Ok(watcher) => watcher,
        Err(error) => {
            warn!(%error, "the config file cannot be watched; use SIGHUP");
            return None;
        }
    };
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
    Some(watcher)
}

/// Waits for a change and then until nothing more has changed for a moment.
async fn quiet_after_change(changes: &mut Receiver<()>) {
    if changes.recv().await.is_none() {
        return std::future::pending().await;
    }
    while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|change| change.is_some()) {}
}
