//! Opens listening sockets, or takes those that somebody has opened for us.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use anyhow::{Error, Result, anyhow};
use tidegate_net::handover::Inherited;
use tidegate_net::listen::{self, Listener};
use tracing::{info, warn};

use crate::config::written::DoorAddress;
use crate::provision::{DoorPlan, Doors};

/// Who may connect to a Unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// A door with its open sockets.
pub(in crate::run) struct Bound {
    /// How it is to be served.
    pub(super) plan: DoorPlan,
    /// Several if others share the address (`SO_REUSEPORT`).
    pub(super) sockets: Vec<Listener>,
}

impl Bound {
    /// The address with its real port, as clients write it.
    pub(in crate::run) fn url(&self) -> String {
        let scheme = if self.plan.terms.is_secure { "https" } else { "http" };
        match (&self.plan.address, self.address()) {
            (_, Some(address)) => format!("{scheme}://{address}"),
            (address, None) => address.to_string(),
        }
    }

    /// The port of `https`, if everybody is sent there.
    pub(in crate::run) fn redirect(&self) -> Option<u16> {
        self.plan.terms.redirect
    }

    /// The address with its real port; `None` on a Unix socket.
    pub(in crate::run) fn address(&self) -> Option<SocketAddr> {
        self.sockets.first().and_then(Listener::address)
    }
}

/// Opens all doors, or none; the operators' is the last.
pub(in crate::run) async fn bind_all(doors: &Doors, inherited: &mut Inherited) -> Result<Vec<Bound>> {
    let mut found = Vec::new();
    // Those with a port of their own first, so that a free port takes nobody's.
    for plan in doors.all() {
        found.push(inherited_for(plan, inherited)?);
    }
    let mut all = Vec::new();
    for (plan, mut sockets) in doors.all().zip(found) {
        if let DoorAddress::Tcp(address) = plan.address
            && address.port() == 0
            && let Some(first) = inherited.tcp_any_port(address.ip())?
        {
            let shared = inherited.tcp(first.local_addr()?)?;
            sockets.extend(std::iter::once(first).chain(shared).map(Listener::from));
        }
        if sockets.is_empty() {
            let flag = if std::ptr::eq(plan, &doors.admin) { "--admin" } else { "--listen" };
            let bound = bind(plan).await;
            sockets = bound.map_err(|error| advise(&plan.address, flag, &error))?;
        } else {
            info!(address = %plan.address, "the socket was open already");
        }
        all.push(Bound { plan: plan.clone(), sockets });
    }
    for address in inherited.left() {
        warn!(address, "a socket was handed over that the config has no door for; it is closed");
    }
    *inherited = Inherited::default();
    Ok(all)
}

fn inherited_for(plan: &DoorPlan, inherited: &mut Inherited) -> io::Result<Vec<Listener>> {
    Ok(match &plan.address {
        DoorAddress::Tcp(address) if address.port() == 0 => Vec::new(),
        DoorAddress::Tcp(address) => inherited.tcp(*address)?.into_iter().map(Listener::from).collect(),
        DoorAddress::Unix(path) => inherited.unix(path)?.into_iter().map(Listener::from).collect(),
    })
}

/// Opens a door's sockets.
pub(super) async fn bind(plan: &DoorPlan) -> io::Result<Vec<Listener>> {
    Ok(match &plan.address {
        DoorAddress::Tcp(address) if plan.shards > 1 => {
            listen::bind_shards(*address, plan.shards)?.into_iter().map(Listener::from).collect()
        }
        DoorAddress::Tcp(address) => vec![listen::bind(*address)?.into()],
        DoorAddress::Unix(path) => vec![listen::bind_unix(path, SOCKET_MODE).await?.into()],
    })
}

fn advise(address: &DoorAddress, flag: &str, error: &io::Error) -> Error {
    let DoorAddress::Tcp(address) = address else { return anyhow!("cannot listen on {address}: {error}") };
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
