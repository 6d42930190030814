//! Thousands of connections, most of which wait at any moment.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;

use super::{Aim, CONNECTIONS, Counts, Lane, Measured, Span, each};
use crate::process::Gateway;

/// Open keep-alive connections; the one that has waited longest is first.
pub(crate) struct Crowd {
    lanes: VecDeque<Lane>,
}

impl Crowd {
    /// Opens so many, a few at a time.
    pub(crate) async fn open(aim: &Aim, count: usize) -> Result<Self> {
        let mut lanes = VecDeque::with_capacity(count);
        while lanes.len() < count {
            let few = CONNECTIONS.min(count - lanes.len());
            let opened = try_join_all((0..few).map(|_| Lane::connect(aim))).await;
            lanes.extend(opened.with_context(|| format!("with {} connections open", lanes.len()))?);
        }
        Ok(Self { lanes })
    }

    /// One request over each, a few at a time.
    pub(crate) async fn ask_each(&mut self) -> Result<()> {
        for few in self.lanes.make_contiguous().chunks_mut(CONNECTIONS) {
            try_join_all(few.iter_mut().map(Lane::exchange)).await?;
        }
        Ok(())
    }

    /// `at_once` requests are under way all the time, and go round over all connections.
    pub(crate) async fn saturate(
        &mut self,
        at_once: usize,
        span: Span,
        gateway: Option<&Gateway>,
    ) -> Result<Measured> {
        let lanes = Rc::new(RefCell::new(std::mem::take(&mut self.lanes)));
        let measured = each(at_once, |counts| turns(Rc::clone(&lanes), counts), span, gateway).await;
        self.lanes = lanes.take();
        measured
    }

    /// Connections that were closed by the gateway meanwhile.
    pub(crate) fn lost(&self) -> usize {
        self.lanes.iter().map(|lane| lane.renewed).sum()
    }
}

async fn turns(lanes: Rc<RefCell<VecDeque<Lane>>>, counts: Rc<Counts>) -> Result<()> {
    loop {
        let Some(mut lane) = lanes.borrow_mut().pop_front() else { return Ok(()) };
        let since = Instant::now();
        let done = lane.exchange().await?;
        counts.answer(since, done.first, done.end);
        lanes.borrow_mut().push_back(lane);
    }
}
