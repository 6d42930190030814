//! Opens the doors and serves them.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Error, Result, anyhow};
use tidegate_admin::Door;
use tidegate_net::{Drain, listen, serve};
use tidegate_proxy::Gateway;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::error;

use crate::config::written::Config;

/// Open listening sockets.
pub(super) struct Doors {
    callers: Vec<TcpListener>,
    admin: TcpListener,
}

/// Opens all doors, or none.
pub(super) fn open(config: &Config) -> Result<Doors> {
    let callers: Result<Vec<_>> = config.listen.iter().map(|door| bind(door.address.0, "--listen")).collect();
    Ok(Doors { callers: callers?, admin: bind(config.admin.address.0, "--admin")? })
}

fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    listen::bind(address).map_err(|error| advise(address, flag, &error))
}

fn advise(address: SocketAddr, flag: &str, error: &std::io::Error) -> Error {
    let other = SocketAddr::new(address.ip(), address.port().checked_add(10).unwrap_or(8090));
    match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {address}: another program has the port\n\
             help: take another one with `tidegate run {flag} {other}`, or see who has it with `ss -ltnp 'sport = :{}'`",
            address.port()
        ),
        ErrorKind::PermissionDenied => anyhow!(
            "cannot listen on {address}: ports below 1024 need a privilege\n\
             help: take a higher one with `tidegate run {flag} {}:8080`, or grant CAP_NET_BIND_SERVICE",
            address.ip()
        ),
        ErrorKind::AddrNotAvailable => {
            anyhow!("cannot listen on {address}: this machine has no such address")
        }
        _ => anyhow!("cannot listen on {address}: {error}"),
    }
}

impl Doors {
    /// The addresses for callers, with the real ports.
    pub(super) fn caller_addresses(&self) -> Vec<SocketAddr> {
        self.callers.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The operators' address, with the real port.
    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.local_addr().ok()
    }

    /// Serves all doors. The future is over when the drain has begun and callers' connections have ended.
    pub(super) fn serve(
        self,
        config: &Config,
        gateway: Arc<Gateway>,
        door: Door,
        drain: &Drain,
    ) -> impl Future<Output = ()> + use<> {
        let mut serving = JoinSet::new();
        for (listener, entry) in self.callers.into_iter().zip(&config.listen) {
            serving.spawn(serve(
                listener,
                gateway.clone(),
                entry.serve_limits(config.drain.0),
                drain.clone(),
            ));
        }
        // Operators can look until the very end.
        let admin = tidegate_admin::serve(self.admin, door, std::future::pending());
        tokio::spawn(async move {
            if let Err(error) = admin.await {
                error!(%error, "the operators' door has closed");
            }
        });
        async move { while serving.join_next().await.is_some() {} }
    }
}
