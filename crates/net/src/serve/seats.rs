//! How many connections there may be: of all, and of one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The places for connections; doors may share them.
#[derive(Debug)]
pub struct Seats {
    most: usize,
    most_by_address: usize,
    taken: AtomicUsize,
    refused: AtomicU64,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl Seats {
    /// At most that many connections, and that many from one address; an IPv6 network of 64 bits counts as one address.
    pub fn new(most: usize, most_by_address: usize) -> Self {
        Self {
            most,
            most_by_address,
            taken: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            by_address: Mutex::default(),
        }
    }

    /// Takes a seat for a connection whose address is not known yet; `None` when all are taken.
    pub fn take(self: &Arc<Self>) -> Option<Seat> {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.most {
            return Some(Seat { seats: self.clone(), address: None });
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Connections that have a seat.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Connections that got none, since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A connection's seat; free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    address: Option<IpAddr>,
}

impl Seat {
    /// Says whose connection it is. False when that address has too many.
    #[must_use]
    pub fn belongs_to(&mut self, address: IpAddr) -> bool {
        if self.seats.most_by_address == usize::MAX || self.address.is_some() {
            return true;
        }
        let address = network(address);
        let mut by_address = self.seats.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.seats.most_by_address {
            self.seats.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        *count += 1;
        self.address = Some(address);
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.fetch_sub(1, Ordering::Relaxed);
        let Some(address) = self.address else { return };
        let mut by_address = self.seats.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

/// What counts as one address: whoever has one IPv6 address has a network of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_for_all_and_for_each_address_and_come_back() {
        let seats = Arc::new(Seats::new(3, 2));
        let sit = |address: &str| {
            let mut seat = seats.take()?;
            seat.belongs_to(address.parse().unwrap()).then_some(seat)
        };
        let held = [sit("2001:db8::1").unwrap(), sit("2001:db8::2").unwrap()];
        assert!(sit("2001:db8::3").is_none(), "the same network of 64 bits");
        let other = sit("192.0.2.1").unwrap();
        assert!(sit("192.0.2.2").is_none(), "all are taken");
        assert_eq!((seats.taken(), seats.refused()), (3, 2));
        drop((held, other));
        assert_eq!(seats.taken(), 0);
        assert!(seats.by_address.lock().unwrap().is_empty());
        assert!(sit("2001:db8::3").is_some());
    }
}
