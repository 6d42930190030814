//! The clock of a fixed rate, on its own thread: tokio's timers are a millisecond coarse.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Sends the time of each request when it is due, for so long or until nobody listens.
pub(super) fn start(rate: f64, duration: Duration) -> Result<UnboundedReceiver<Instant>> {
    let (sender, receiver) = unbounded_channel();
    let count = (rate * duration.as_secs_f64()).ceil() as u32;
    let between = Duration::from_secs_f64(1.0 / rate);
    std::thread::Builder::new().name("ticker".to_owned()).spawn(move || {
        let start = Instant::now();
        for number in 0..count {
            let due = start + between * number;
            if let Some(wait) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(wait);
            }
            // The clock starts when this thread is awake: how late that is, is not the gateway's doing.
            if sender.send(Instant::now()).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}
