//! Guessing the admin key is slowed down: each network has a number of wrong keys a minute.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Different wrong keys in a window, from one network. The same key again is no further guess: a program with an old key
/// shuts nobody out.
const TRIES: usize = 20;
/// From a network's first wrong key to the time when all are forgotten.
const WINDOW: Duration = Duration::from_secs(60);
/// Networks that are remembered.
const NETWORKS: usize = 4096;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the one.
    Right,
    /// It is not.
    Wrong,
    /// Nobody looked at it; it may be shown again in so many seconds.
    SlowDown(u64),
}

/// Wrong keys by network.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    networks: Mutex<HashMap<IpAddr, Wrong>>,
    state: RandomState,
}

#[derive(Debug)]
struct Wrong {
    since: Instant,
    keys: Vec<u64>,
}

impl Guesses {
    /// Looks at a key unless its network has guessed too often. All under one lock: many guesses at once are no way around.
    pub(super) fn judge(
        &self,
        key: &str,
        from: IpAddr,
        now: Instant,
        is_right: impl FnOnce(&str) -> bool,
    ) -> Verdict {
        let network = network(from);
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wrong) = networks.get(&network) {
            let age = now.saturating_duration_since(wrong.since);
            if age >= WINDOW {
                networks.remove(&network);
            } else if wrong.keys.len() >= TRIES {
                return Verdict::SlowDown((WINDOW - age).as_secs() + 1);
            }
        }
        if is_right(key) {
            return Verdict::Right;
        }
        make_room(&mut networks, now);
        let wrong = networks.entry(network).or_insert_with(|| Wrong { since: now, keys: Vec::new() });
        let hash = self.state.hash_one(key);
        if !wrong.keys.contains(&hash) {
            wrong.keys.push(hash);
        }
        Verdict::Wrong
    }
}

fn make_room(networks: &mut HashMap<IpAddr, Wrong>, now: Instant) {
    if networks.len() < NETWORKS {
        return;
    }
    networks.retain(|_, wrong| now.saturating_duration_since(wrong.since) < WINDOW);
    if networks.len() >= NETWORKS {
        let oldest = networks.iter().min_by_key(|(_, wrong)| wrong.since).map(|(network, _)| *network);
        oldest.map(|network| networks.remove(&network));
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

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99));
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

    fn show(guesses: &Guesses, key: &str, from: IpAddr, now: Instant) -> Verdict {
        guesses.judge(key, from, now, |key| key == "right")
    }

    #[test]
    fn a_network_that_guesses_is_not_listened_to_for_a_minute() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for number in 0..TRIES {
            assert_eq!(show(&guesses, &number.to_string(), HERE, now), Verdict::Wrong);
        }
        let later = now + WINDOW / 2;
        assert!(matches!(show(&guesses, "right", NEIGHBOUR, later), Verdict::SlowDown(30 | 31)));
        assert_eq!(show(&guesses, "right", ELSEWHERE, later), Verdict::Right);
        assert_eq!(show(&guesses, "right", HERE, now + WINDOW), Verdict::Right);
    }

    #[test]
    fn the_same_wrong_key_again_is_no_further_guess() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for _ in 0..10 * TRIES {
            assert_eq!(show(&guesses, "old", HERE, now), Verdict::Wrong);
        }
        assert_eq!(show(&guesses, "right", HERE, now), Verdict::Right);
    }

    #[test]
    fn many_networks_take_no_more_than_their_room() {
        let (guesses, now) = (Guesses::default(), Instant::now());
        for number in 0..NETWORKS + 20 {
            let from = Ipv4Addr::from_bits(u32::try_from(number << 8).unwrap());
            show(&guesses, "x", from.into(), now);
        }
        assert!(guesses.networks.lock().unwrap().len() <= NETWORKS);
    }
}
