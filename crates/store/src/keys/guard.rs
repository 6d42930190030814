//! Guessing is slowed down: each network has a number of wrong keys a minute.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Wrong keys in a window, from one network.
pub(super) const TRIES: usize = 20;
/// From the first wrong key to the time when all is forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// Networks that are remembered; the one that was seen longest ago goes first.
const NETWORKS: u64 = 65_536;

/// Counts wrong keys by network. A question costs a try while it is open, and gets it back unless the key is wrong: however many wrong keys
/// come at once, no more than the tries are asked for, and right ones wait for each other at most.
#[derive(Debug)]
pub(super) struct Guard {
    networks: Cache<IpAddr, Arc<Watch>>,
    window: Duration,
}

/// What is known of a network.
#[derive(Debug)]
pub(super) struct Watch {
    since: Instant,
    tries: Semaphore,
    wrong: AtomicUsize,
}

/// The right to ask for one key.
#[derive(Debug)]
pub(super) struct Try<'a> {
    watch: &'a Watch,
    permit: SemaphorePermit<'a>,
}

impl Guard {
    pub(super) fn new() -> Self {
        Self::with_window(WINDOW)
    }

    fn with_window(window: Duration) -> Self {
        let networks = Cache::builder()
            .max_capacity(NETWORKS)
            .time_to_live(window)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { networks, window }
    }

    /// What is known of the address's network.
    pub(super) fn watch(&self, from: IpAddr) -> Arc<Watch> {
        self.networks.get_with(network(from), || {
            Arc::new(Watch {
                since: Instant::now(),
                tries: Semaphore::new(TRIES),
                wrong: AtomicUsize::new(0),
            })
        })
    }

    /// How long until the network's wrong keys are forgotten.
    pub(super) fn wait(&self, watch: &Watch) -> Duration {
        self.window.saturating_sub(watch.since.elapsed()).max(Duration::from_secs(1))
    }
}

impl Watch {
    /// A right to ask; it may have to be waited for. `None`: there were too many wrong keys.
    pub(super) async fn enter(&self) -> Option<Try<'_>> {
        Some(Try { watch: self, permit: self.tries.acquire().await.ok()? })
    }
}

impl Try<'_> {
    /// The key was wrong: the try is used up.
    pub(super) fn was_wrong(self) {
        self.permit.forget();
        if self.watch.wrong.fetch_add(1, Ordering::AcqRel) + 1 >= TRIES {
            self.watch.tries.close();
        }
    }
}

/// The /24 of an IPv4 address, the /56 of an IPv6 one: what one customer of an access provider usually has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (!0 << 8))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (!0 << 72))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_network() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("192.0.2.1", "192.0.2.254") && !same("192.0.2.1", "192.0.3.1"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.7"));
        assert!(same("2001:db8:0:1200::1", "2001:db8:0:12ff::1"));
        assert!(!same("2001:db8:0:1200::1", "2001:db8:0:1300::1"));
    }

    #[tokio::test]
    async fn wrong_keys_use_tries_up_and_right_ones_do_not() {
        let guard = Guard::new();
        let watch = guard.watch("192.0.2.1".parse().unwrap());
        for _ in 0..3 * TRIES {
            drop(watch.enter().await.unwrap());
        }
        for _ in 0..TRIES {
            watch.enter().await.unwrap().was_wrong();
        }
        assert!(watch.enter().await.is_none());
        assert!(guard.wait(&watch) > Duration::from_secs(50));
        assert!(guard.watch("192.0.3.1".parse().unwrap()).enter().await.is_some());
    }

    #[tokio::test]
    async fn a_right_key_waits_for_open_questions_and_gets_its_turn() {
        let guard = Guard::new();
        let watch = guard.watch("192.0.2.1".parse().unwrap());
        let mut open = Vec::new();
        for _ in 0..TRIES {
            open.push(watch.enter().await.unwrap());
        }
        let mut waiting = looked(watch.enter());
        assert!(waiting.is_pending());
        open.pop();
        assert!(!waiting.is_pending());
    }

    /// A future that is looked at once in a while.
    struct Looked<F>(std::pin::Pin<Box<F>>);

    fn looked<F: Future>(future: F) -> Looked<F> {
        Looked(Box::pin(future))
    }

    impl<F: Future> Looked<F> {
        fn is_pending(&mut self) -> bool {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            self.0.as_mut().poll(&mut context).is_pending()
        }
    }

    #[tokio::test]
    async fn after_the_window_all_is_forgotten() {
        let guard = Guard::with_window(Duration::from_millis(20));
        let here = "192.0.2.1".parse().unwrap();
        for _ in 0..TRIES {
            guard.watch(here).enter().await.unwrap().was_wrong();
        }
        let begin = Instant::now();
        while guard.watch(here).enter().await.is_none() {
            assert!(begin.elapsed() < Duration::from_secs(5), "never forgotten");
            tokio::task::yield_now().await;
        }
    }
}
