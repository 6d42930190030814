//! Opening listening sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// Pending connections that the kernel keeps for us.
const BACKLOG: i32 = 4096;
/// Most bytes that a caller's connection holds in the kernel before they are sent. Without a bound it is up to 4 MiB for everyone who reads
/// slowly; what is under way on a fast line is not counted.
const UNSENT: u32 = 128 * 1024;

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// On an IP address.
    Tcp(TcpListener),
    /// On a path.
    Unix(UnixListener),
}

impl Listener {
    /// A second handle of the same socket: both accept from one queue, and it listens until the last of them is closed. Must be
    /// called inside a tokio runtime.
    pub fn second(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => {
                let second = std::net::TcpListener::from(listener.as_fd().try_clone_to_owned()?);
                TcpListener::from_std(second).map(Self::Tcp)
            }
            Self::Unix(listener) => {
                let second = std::os::unix::net::UnixListener::from(listener.as_fd().try_clone_to_owned()?);
                UnixListener::from_std(second).map(Self::Unix)
            }
        }
    }

    /// The address with its real port; `None` on a path.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// Binds a TCP listener. Must be called inside a tokio runtime.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    bind_one(address, false)
}

/// Binds several listeners to one address, among which the kernel spreads connections (`SO_REUSEPORT`). Must be called inside
/// a tokio runtime. Connections that wait at a listener are lost when it is closed: all of them must live equally long.
pub fn bind_shards(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = bind_one(address, true)?;
    // With port 0, the others take the port that the first got.
    let address = first.local_addr()?;
    let mut all = vec![first];
    for _ in 1..count {
        all.push(bind_one(address, true)?);
    }
    Ok(all)
}

fn bind_one(address: SocketAddr, shares: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shares {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    bound_unsent(SockRef::from(&socket));
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Bounds what the kernel holds for the connections that are accepted from this socket.
pub(crate) fn bound_unsent(socket: SockRef<'_>) {
    // Where that cannot be had, it takes more memory.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(UNSENT);
}

/// Binds a listener to a path, with those permissions (such as `0o660`). A socket that somebody left there is removed, one
/// that somebody listens on is not: `AddrInUse`.
pub async fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}
