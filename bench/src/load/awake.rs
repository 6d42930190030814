//! The load generator's core, kept from sleeping.

use tokio::task::JoinHandle;

use crate::process;

/// Keeps the core of the load generator and of the servers behind the gateways from sleeping while this lives. To wake another core costs
/// whoever sends to it more than the sending itself, in a virtual machine above all; and the slower a gateway is, the more often the other
/// core would sleep. Nobody pays for that where requests come from a network.
pub(super) struct Awake(JoinHandle<()>);

impl Awake {
    /// None where the gateway would have to share that core.
    pub(super) fn start() -> Option<Self> {
        process::is_pinned().then(|| {
            Self(tokio::spawn(async {
                loop {
                    tokio::task::yield_now().await;
                }
            }))
        })
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.abort();
    }
}
