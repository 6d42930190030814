//! A connection's one timer, which is set anew only when it rings.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a moment that is moved often, and mostly to a later one.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Rings at that moment.
    pub(crate) fn at(moment: Instant) -> Self {
        Self { at: Some(moment), timer: None }
    }

    /// Rings after that time.
    pub(crate) fn set(&mut self, after: Duration) {
        self.at = Some(Instant::now() + after);
    }

    /// Rings after that time, or before if it was set so.
    pub(crate) fn advance(&mut self, after: Duration) {
        let moment = Instant::now() + after;
        self.at = Some(self.at.map_or(moment, |at| at.min(moment)));
    }

    /// Never rings.
    pub(crate) fn stop(&mut self) {
        self.at = None;
    }

    /// Whether it will ring.
    pub(crate) fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Ready when the moment has come.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if at < timer.deadline() {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(context).is_ready() {
            if at <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}
