//! Listening sockets from whoever started us, and to whom we start: systemd's socket activation and binary upgrades. Both use the
//! same words, `LISTEN_FDS` and descriptors from 3 on (sd_listen_fds(3)).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use command_fds::{CommandFdExt, FdMapping};
use listenfd::ListenFd;
use sd_notify::NotifyState;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::net::{TcpListener, UnixListener};

use crate::listen::{Listener, bound_unsent};

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
    bound_unsent(SockRef::from(&listener));
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

    /// Starts the child; whether it is ready is told by [`Successor::wait_ready`]. Must be called inside a tokio runtime.
    pub fn start(self, mut command: Command) -> io::Result<Successor> {
        let (read, write) = io::pipe()?;
        let ready = Receiver::from_owned_fd(read.into())?;
        let count = self.sockets.len();
        let mut handed: Vec<OwnedFd> = self.sockets;
        handed.push(write.into());
        let mappings = handed.into_iter().zip(FIRST..);
        let mappings =
            mappings.map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect::<Vec<_>>();
        let descriptor = FIRST + i32::try_from(count).map_err(io::Error::other)?;
        command.env("LISTEN_FDS", count.to_string()).env(READY, descriptor.to_string());
        // The child's process id is not known before there is a child; without these variables sockets and watchdog are for
        // whoever has them.
        command.env_remove("LISTEN_PID").env_remove("LISTEN_FDNAMES").env_remove("WATCHDOG_PID");
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        let child = command.spawn()?;
        Ok(Successor { child, ready })
    }
}

/// A child that takes over.
#[derive(Debug)]
pub struct Successor {
    child: Child,
    ready: Receiver,
}

impl Successor {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the child says that it serves ([`announce`]). An error when it ends before.
    pub async fn wait_ready(&mut self) -> io::Result<()> {
        let mut word = [0; 1];
        match self.ready.read(&mut word).await? {
            1 => Ok(()),
            _ => Err(io::Error::other("the new process ended before it was ready")),
        }
    }

    /// Ends the child, if it has not ended by itself.
    pub fn give_up(mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
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
    sd_notify::notify(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())])
}

/// What a service manager is told. Costs nothing where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// This process reads its config anew.
    Reloading,
    /// It has done so.
    Reloaded,
    /// It ends.
    Stopping,
    /// It is alive.
    Alive,
    /// Another process is the service from now on.
    Successor(u32),
}

/// Tells the service manager, `sd_notify(3)`.
pub fn tell(word: Word) -> io::Result<()> {
    match word {
        Word::Reloading => sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?]),
        Word::Reloaded => sd_notify::notify(&[NotifyState::Ready]),
        Word::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        Word::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        Word::Successor(id) => sd_notify::notify(&[NotifyState::MainPid(id)]),
    }
}

/// How often the service manager wants to hear [`Word::Alive`] at least.
pub fn watchdog() -> Option<std::time::Duration> {
    sd_notify::watchdog_enabled()
}
