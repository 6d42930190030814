//! The signal to finish: listeners stop accepting, connections end after their current exchange.

use tokio::sync::watch;

/// A handle that everybody who must finish holds. Clones share the signal.
#[derive(Clone, Debug)]
pub struct Drain {
    signal: watch::Sender<bool>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { signal: watch::Sender::new(false) }
    }
}

impl Drain {
    /// Starts the drain. Idempotent.
    pub fn start(&self) {
        self.signal.send_replace(true);
    }

    /// Whether the drain has started.
    pub fn started(&self) -> bool {
        *self.signal.borrow()
    }

    /// Waits for the start of the drain.
    pub async fn wait(&self) {
        // An error means that every sender is gone; we hold one, so it cannot be.
        let _ = self.signal.subscribe().wait_for(|started| *started).await;
    }
}
