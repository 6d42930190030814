//! The signal to finish: listeners stop accepting, connections end after their current exchange.

use std::time::Duration;

use tokio::sync::watch;

/// How long a connection on which nothing is under way is kept when nobody listens any more: a caller who has just sent a
/// request, or is about to, is no caller to turn away.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A handle that everybody who must finish holds. Clones share the signal.
#[derive(Clone, Debug)]
pub struct Drain {
    signal: watch::Sender<Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// Nobody serves after us.
    Ending,
    /// Somebody else does, at the same address.
    HandedOver,
}

impl Default for Drain {
    fn default() -> Self {
        Self { signal: watch::Sender::new(Stage::Serving) }
    }
}

impl Drain {
    /// Starts the drain. A connection on which nothing is under way ends soon. Idempotent; the first start holds.
    pub fn start(&self) {
        self.begin(Stage::Ending);
    }

    /// Starts the drain where somebody else listens on. A connection on which nothing is under way is kept as long as it would have been,
    /// for one more request, whose answer says that it was the last: closed without a word, it could cost its caller a request.
    pub fn hand_over(&self) {
        self.begin(Stage::HandedOver);
    }

    fn begin(&self, stage: Stage) {
        self.signal.send_if_modified(|now| {
            let begins = *now == Stage::Serving;
            if begins {
                *now = stage;
            }
            begins
        });
    }

    /// Whether the drain has started.
    pub fn started(&self) -> bool {
        *self.signal.borrow() != Stage::Serving
    }

    /// How long a connection is kept on which nothing is under way; `None`: as long as ever.
    pub(crate) fn patience(&self) -> Option<Duration> {
        (*self.signal.borrow() == Stage::Ending).then_some(LAST_WORD)
    }

    /// Waits for the start of the drain.
    pub async fn wait(&self) {
        // An error means that every sender is gone; we hold one, so it cannot be.
        let _ = self.signal.subscribe().wait_for(|stage| *stage != Stage::Serving).await;
    }
}
