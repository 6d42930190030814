//! The folder's task: folds once a second, syncs the journal once a second, looks after leftovers and old rows now and then.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Folder, now};

/// Rows wait at most so long for their batch.
const FOLD_EVERY: Duration = Duration::from_secs(1);
const SYNC_EVERY: Duration = Duration::from_secs(1);
const TAKE_OVER_EVERY: Duration = Duration::from_secs(30);
const DROP_EVERY: Duration = Duration::from_secs(3_600);
/// The wait after a failure begins with this …
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// … and doubles up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// What is left at the end of the process gets so much time; the rest is folded by the next process.
const LAST_FOLD: Duration = Duration::from_secs(5);

impl Folder {
    /// Works until `stop` completes, then folds what is left.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        tokio::select! {
            () = &mut stop => {}
            () = self.fold_on() => {}
            () = self.sync_on() => {}
            () = self.look_after() => {}
        }
        // A fold that was cut off here is taken up where the database says.
        let _ = timeout(LAST_FOLD, self.fold()).await;
        self.sync().await;
    }

    async fn fold_on(&self) {
        let mut wait = FOLD_EVERY;
        loop {
            // A batch that is full is not waited for after a failure.
            if wait == FOLD_EVERY {
                let _ = timeout(wait, self.journal.batch_waits()).await;
            } else {
                tokio::time::sleep(wait).await;
            }
            wait = match self.fold().await {
                Ok(_) => FOLD_EVERY,
                Err(_) if wait == FOLD_EVERY => FIRST_WAIT,
                Err(_) => LONGEST_WAIT.min(wait * 2),
            };
        }
    }

    async fn sync_on(&self) {
        let mut ticks = interval(SYNC_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.sync().await;
        }
    }

    /// The journal says itself when it cannot be written: it is full then.
    async fn sync(&self) {
        let journal = Arc::clone(&self.journal);
        let synced = tokio::task::spawn_blocking(move || journal.sync()).await;
        if let Ok(Err(error)) = synced {
            tracing::warn!(%error, "the ledger's journal cannot be brought to the disk");
        }
    }

    async fn look_after(&self) {
        let mut leftovers = interval(TAKE_OVER_EVERY);
        let mut old = interval(DROP_EVERY);
        loop {
            tokio::select! {
                _ = leftovers.tick() => {
                    let journal = Arc::clone(&self.journal);
                    let taken = tokio::task::spawn_blocking(move || journal.take_over()).await;
                    if let Ok(Err(error)) = taken {
                        tracing::warn!(%error, "journals of ended processes cannot be looked for");
                    }
                }
                _ = old.tick() => {
                    if let Err(error) = self.drop_old(now()).await {
                        tracing::warn!(%error, "old rows of the ledger cannot be dropped now");
                    }
                }
            }
        }
    }
}
