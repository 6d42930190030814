//! Memory that nobody needs any more goes back to the system also when nobody asks.

use std::hint::black_box;
use std::time::Duration;

use tokio::time::interval;

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// So much is allocated and freed. It is more than any size of which the allocator keeps some at hand.
const OCCASION: usize = 1 << 20;

/// The allocator keeps what was freed for a second, in case it is needed again, and looks what is past its time only when something is
/// freed: this gives it occasion after a rush, when no request does. Without it, what a rush has needed stays for as long as it is quiet.
pub(super) async fn run() {
    let mut beat = interval(EVERY);
    loop {
        beat.tick().await;
        drop(black_box(Vec::<u8>::with_capacity(OCCASION)));
    }
}
