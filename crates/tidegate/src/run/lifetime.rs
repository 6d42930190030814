//! From the start to the end: signals and the drain.

use std::process::ExitCode;

use tidegate_proxy::Gateway;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::doors::Doors;

/// The signals that end a gateway. Made before it says that it listens, so that none of them kills it from then on.
pub(super) struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// Listens for SIGTERM and SIGINT.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Serves until a signal, then drains: `/ready` turns red, the doors close, open requests finish up to the limit. A second
    /// signal ends it at once, with exit code 1.
    pub(super) async fn serve(
        mut self,
        doors: &Doors,
        gateway: &Gateway,
    ) -> ExitCode {
        self.wait().await;
        // Whoever reads that it drains may ask `/ready` at once.
        gateway.set_draining();
        info!("draining: open requests may finish; a second signal ends them at once");
        doors.drain();
        doors.remove_sockets();
        tokio::select! {
            () = doors.closed() => ExitCode::SUCCESS,
            () = self.wait() => cut(),
        }
    }
}

fn cut() -> ExitCode {
    warn!("ended by a second signal; open requests were cut");
    ExitCode::FAILURE
}
