//! From the start to the end: signals and the drain.

use std::future::Future;
use std::process::ExitCode;

use tidegate_net::Drain;
use tidegate_proxy::Gateway;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

/// Serves until SIGTERM or SIGINT, then drains: `/ready` turns red, the doors close, open requests finish up to the limit.
/// A second signal ends it at once, with exit code 1.
pub(super) async fn until_the_end(
    serving: impl Future<Output = ()>,
    gateway: &Gateway,
    drain: &Drain,
) -> ExitCode {
    let (Some(mut terminate), Some(mut interrupt)) =
        (listen(SignalKind::terminate()), listen(SignalKind::interrupt()))
    else {
        return ExitCode::FAILURE;
    };
    tokio::pin!(serving);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = &mut serving => {
            error!("all doors have closed");
            return ExitCode::FAILURE;
        }
    }
    info!("draining: open requests may finish; a second signal ends them at once");
    gateway.set_draining();
    drain.start();
    tokio::select! {
        () = &mut serving => ExitCode::SUCCESS,
        _ = terminate.recv() => cut(),
        _ = interrupt.recv() => cut(),
    }
}

fn cut() -> ExitCode {
    warn!("ended by a second signal; open requests were cut");
    ExitCode::FAILURE
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).map_err(|error| error!(%error, "cannot listen for signals")).ok()
}
