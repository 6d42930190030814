//! The addresses of host names, looked up anew from time to time.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long addresses are taken as they were. The system's own resolver tells no TTL; most names of moving servers have 30 or
/// 60 seconds.
const FRESH: Duration = Duration::from_secs(30);
/// How long addresses are used on when the name cannot be looked up.
const STALE: Duration = Duration::from_secs(600);

/// The addresses of host names.
#[derive(Debug, Default)]
pub struct Names {
    known: Mutex<HashMap<(String, u16), Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    since: Instant,
}

impl Names {
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
        let looked_up = tokio::net::lookup_host((host, port)).await;
        match (looked_up.map(|found| found.collect::<Arc<[_]>>()), known) {
            (Ok(addresses), _) if !addresses.is_empty() => {
                let known = Known { addresses: addresses.clone(), since: Instant::now() };
                let mut all = self.lock();
                all.retain(|_, known| known.since.elapsed() < STALE);
                all.insert((host.to_owned(), port), known);
                Ok(addresses)
            }
            (_, Some(known)) if known.since.elapsed() < STALE => Ok(known.addresses),
            (Ok(_), _) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
            (Err(error), _) => Err(error),
        }
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
