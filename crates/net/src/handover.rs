//! Listening sockets from whoever started us, and to whom we start: systemd's socket activation and binary upgrades. Both use the
//! same words, `LISTEN_FDS` and descriptors from 3 on (sd_listen_fds(3)).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command};

use command_fds::{CommandFdExt, FdMapping};
use listenfd::ListenFd;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::net::{TcpListener, UnixListener};

use crate::listen::Listener;

/// The first descriptor that is handed over.
const FIRST: i32 = 3;
/// Where a child that was started by [`Handover::start`] finds the pipe on which it says that it is ready.
const READY: &str = "TIDEGATE_READY_FD";

/// Listening sockets that were open when this process began.
#[derive(Debug, Default)]
pub struct Inherited {
    tcp: Vec<std::net::TcpListener>,
    unix: Vec<std::os::unix::net::UnixListener>,
}

impl Inherited {
    /// Takes them. Call it once, before anything else opens files; a second call finds none.
    pub fn take() -> io::Result<Self> {
        let mut all = ListenFd::from_env();
        let mut taken = Self::default();
        for place in 0..all.len() {
            match all.take_unix_listener(place) {
                Ok(Some(listener)) => taken.unix.push(listener),
                _ => taken.tcp.extend(all.take_tcp_listener(place)?),
            }
        }
        Ok(taken)
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.unix.is_empty()
    }

    /// Those that listen on that address: several if it is shared. `0.0.0.0` also finds `[::]`, which is what systemd makes of a bare
    /// port. Must be called inside a tokio runtime.
    pub fn tcp(&mut self, address: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let wild = address.ip().is_unspecified();
        let fits = |local: SocketAddr| {
            local == address || (wild && local.ip().is_unspecified() && local.port() == address.port())
        };
        let listens = |listener: &mut std::net::TcpListener| listener.local_addr().is_ok_and(fits);
        self.tcp.extract_if(.., listens).map(ready).collect()
    }

    /// The first of those that are left on that IP address, whatever its port. Must be called inside a tokio runtime.
    pub fn tcp_any_port(&mut self, address: IpAddr) -> io::Result<Option<TcpListener>> {
        let listens =
            |listener: &std::net::TcpListener| listener.local_addr().is_ok_and(|local| local.ip() == address);
        let place = self.tcp.iter().position(listens);
        place.map(|place| ready(self.tcp.remove(place))).transpose()
    }

    /// The addresses of those that nobody has taken.
    pub fn left(&self) -> Vec<String> {
        let tcp = self.tcp.iter().filter_map(|listener| listener.local_addr().ok());
        let unix = self.unix.iter().filter_map(|listener| listener.local_addr().ok());
        let path = |address: std::os::unix::net::SocketAddr| {
            address.as_pathname().map_or("unix:".to_owned(), |path| format!("unix:{}", path.display()))
        };
        tcp.map(|address| address.to_string()).chain(unix.map(path)).collect()
    }

    /// The one that listens on that path. Must be called inside a tokio runtime.
    pub fn unix(&mut self, path: &Path) -> io::Result<Option<UnixListener>> {
        let listens = |listener: &std::os::unix::net::UnixListener| {
            listener.local_addr().is_ok_and(|local| local.as_pathname() == Some(path))
        };
        let Some(place) = self.unix.iter().position(listens) else { return Ok(None) };
        let listener = self.unix.swap_remove(place);
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener).map(Some)
    }
}

fn ready(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Sockets for a child.
#[derive(Debug, Default)]
pub struct Handover {
    sockets: Vec<OwnedFd>,
}

impl Handover {
    /// Adds a listening socket. Ours stays open: both processes accept from the same queue, so nobody is refused, whichever
    /// of the two ends.
    pub fn add(&mut self, listener: &Listener) -> io::Result<()> {
        self.sockets.push(match listener {
            Listener::Tcp(listener) => listener.as_fd().try_clone_to_owned()?,
            Listener::Unix(listener) => listener.as_fd().try_clone_to_owned()?,
        });
        Ok(())
    }

    /// Starts the child. It blocks on nothing; whether the child is ready is told by [`Successor::wait_ready`].
    pub fn start(self, mut command: Command) -> io::Result<Successor> {
        let (read, write) = io::pipe()?;
        let count = self.sockets.len();
        let mut handed: Vec<OwnedFd> = self.sockets;
        handed.push(write.into());
        let mappings = handed.into_iter().zip(FIRST..);
        let mappings =
            mappings.map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect::<Vec<_>>();
        let ready = FIRST + i32::try_from(count).map_err(io::Error::other)?;
        command.env("LISTEN_FDS", count.to_string()).env(READY, ready.to_string());
        // The child's process id is not known before there is a child; without this variable the sockets are for whoever has them.
        command.env_remove("LISTEN_PID").env_remove("LISTEN_FDNAMES").env_remove("WATCHDOG_PID");
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        let child = command.spawn()?;
        Ok(Successor { child, ready: read })
    }
}

/// A child that takes over.
#[derive(Debug)]
pub struct Successor {
    child: Child,
    ready: io::PipeReader,
}

impl Successor {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the child says that it serves ([`announce`]). An error when it ends before; the child is there still if the
    /// wait is given up.
    pub async fn wait_ready(self) -> io::Result<Child> {
        let Self { child, ready } = self;
        let mut word = [0; 1];
        match Receiver::from_owned_fd(ready.into())?.read(&mut word).await? {
            1 => Ok(child),
            _ => Err(io::Error::other("the new process ended before it was ready")),
        }
    }
}

/// Says that this process serves: to whoever handed it its sockets, and to systemd (`sd_notify(3)`). Costs nothing where nobody
/// wants to know.
pub fn announce() -> io::Result<()> {
    if let Ok(descriptor) = std::env::var(READY)
        && descriptor.bytes().all(|byte| byte.is_ascii_digit())
    {
        // Through the file system, as taking a descriptor by its number is not safe Rust.
        std::fs::OpenOptions::new()
            .write(true)
            .open(format!("/proc/self/fd/{descriptor}"))
            .and_then(|mut pipe| io::Write::write_all(&mut pipe, b"1"))?;
    }
    sd_notify::notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::MainPid(std::process::id())])
}

/// Tells systemd that this process ends, or that it reads its config anew.
pub fn tell(state: sd_notify::NotifyState<'_>) -> io::Result<()> {
    sd_notify::notify(&[state])
}
