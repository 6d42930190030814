//! What is silence, and what is only that nobody asks.

use crate::balance::balancer::Watch;
use crate::balance::{Gauge, Outcome};
use crate::health::{Event, HealthRules};

const SECOND: i64 = 1_000_000;

/// Three callers ask at `from` and hang up at `to` without an answer; what the next one finds who asks at `then`.
fn found(from: i64, to: i64, then: i64) -> Option<Event> {
    let (gauge, health) = (Gauge::default(), HealthRules::default());
    let watch = Watch { health: &health, usual: SECOND / 100, decay: 10 * SECOND };
    let tickets: Vec<_> = (0..3).map(|_| gauge.begin(watch, false, from).ticket.unwrap()).collect();
    for ticket in tickets {
        assert_eq!(gauge.end(ticket, watch, Outcome::Void, to), None);
    }
    gauge.begin(watch, false, then).event
}

#[test]
fn callers_who_hung_up_at_once_and_a_pause_in_which_nobody_asked_were_taken_for_silence() {
    assert_eq!(found(0, SECOND / 100, 60 * SECOND), None);
}

#[test]
fn callers_who_wait_in_vain_for_long_and_hang_up_are_silence() {
    assert!(matches!(found(0, 4 * SECOND, 60 * SECOND), Some(Event::Opened { .. })));
}
