//! The addresses of host names, looked up anew from time to time.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long addresses are taken as they were. The system's own resolver tells no TTL; most names of moving servers have 30 or
/// 60 seconds.
const FRESH: Duration = Duration::from_secs(30);
/// How long addresses are used on when the name cannot be looked up.
const STALE: Duration = Duration::from_secs(600);

/// What a resolver finds.
pub type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The addresses of host names.
pub struct Names {
    known: Mutex<HashMap<(String, u16), Known>>,
    resolver: Box<dyn Fn(String, u16) -> Found + Send + Sync>,
}

#[derive(Clone, Debug)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    since: Instant,
}

impl Default for Names {
    /// Asks the system.
    fn default() -> Self {
        Self::by(|host, port| {
            Box::pin(async move { Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect()) })
        })
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("known", &self.known).finish_non_exhaustive()
    }
}

impl Names {
    /// Asks that resolver.
    pub fn by(resolver: impl Fn(String, u16) -> Found + Send + Sync + 'static) -> Self {
        Self { known: Mutex::default(), resolver: Box::new(resolver) }
    }

    /// The addresses of a host, at least one; all of them serve. Looked up at most every 30 seconds; if that fails, the old
    /// ones are good for ten minutes.
    pub async fn addresses(&self, host: &str, port: u16) -> io::Result<Arc<[SocketAddr]>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Arc::new([SocketAddr::new(address, port)]));
        }
        let known = self.lock().get(&(host.to_owned(), port)).cloned();
        if let Some(known) = &known
            && known.since.elapsed() < FRESH
        {
            return Ok(known.addresses.clone());
        }
        match (self.look_up(host, port).await, known) {
            (Err(_), Some(known)) if known.since.elapsed() < STALE => Ok(known.addresses),
            (looked_up, _) => looked_up,
        }
    }

    /// Looks a host up now; its addresses are at least one.
    pub async fn look_up(&self, host: &str, port: u16) -> io::Result<Arc<[SocketAddr]>> {
        let addresses: Arc<[_]> = (self.resolver)(host.to_owned(), port).await?.into();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        let known = Known { addresses: addresses.clone(), since: Instant::now() };
        let mut all = self.lock();
        all.retain(|_, known| known.since.elapsed() < STALE);
        all.insert((host.to_owned(), port), known);
        Ok(addresses)
    }

    /// The addresses that a host had when it was last looked up, unless that is ten minutes ago.
    pub fn known(&self, host: &str, port: u16) -> Option<Arc<[SocketAddr]>> {
        let all = self.lock();
        let known = all.get(&(host.to_owned(), port))?;
        (known.since.elapsed() < STALE).then(|| known.addresses.clone())
    }

    /// Looks a name up anew next time: nobody answers at its addresses.
    pub fn forget(&self, host: &str, port: u16) {
        let mut all = self.lock();
        if let Some(known) = all.get_mut(&(host.to_owned(), port))
            && let Some(before) = Instant::now().checked_sub(FRESH)
        {
            known.since = known.since.min(before);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, u16), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
