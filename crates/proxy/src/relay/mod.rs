//! Stop 8 of a request's way: hold the first events back until the stream is known to be good (the commit point), then tell
//! the caller every piece as it comes, and end truthfully.
//!
//! Nothing is buffered beyond what came in one piece: the caller's reading is what drives the provider's writing. Dropping
//! a relay cancels the provider's work and settles the exchange.

mod source;
mod voice;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tidegate_core::FaultKind;
use tidegate_llm::UpstreamFault;
use tidegate_llm::progress::Progress;
use tidegate_policy::TimeLimits;

pub use source::Source;
pub use voice::{Taken, Voice};

use crate::error::GatewayError;
use crate::estimate;
use crate::exchange::{Exchange, Outcome};

/// How long a stream that said why it ended is waited for to say so formally (case 17).
const AFTER_FINISH: Duration = Duration::from_secs(2);
/// Most bytes that are held back before the stream is known to be good. Responses begin with the whole request, twice.
const HELD: usize = 64 << 20;
/// How long the rest of an answer is read so that its lane can be used again.
const DRAIN: Duration = Duration::from_millis(500);

/// An answer on its way from a provider to the caller.
#[derive(Debug)]
pub struct Relay {
    source: Option<Source>,
    voice: Voice,
    ready: VecDeque<Bytes>,
    /// Bytes that came before the stream was known to be good.
    held: usize,
    /// `None` before the commit and after the settlement.
    exchange: Option<Exchange>,
    /// A provider's error event that was passed on or translated.
    fault: Option<UpstreamFault>,
    /// Breaks the connection off once everything ready has been told.
    abort: bool,
    /// Has given the server time to send everything before the break.
    flushed: bool,
}

impl Relay {
    /// A relay that has not committed.
    pub fn new(source: Source, voice: Voice) -> Self {
        Self {
            source: Some(source),
            voice,
            ready: VecDeque::new(),
            held: 0,
            exchange: None,
            fault: None,
            abort: false,
            flushed: false,
        }
    }

    /// Reads on until the stream is known to be good, and keeps what it said so far. Anything else is an error that another
    /// target may mend; the caller has seen nothing. The first content must come within `limits.first_token` of `sent`;
    /// until then nothing else hurries a model that thinks.
    pub async fn hold(&mut self, sent: Instant, limits: &TimeLimits) -> Result<(), GatewayError> {
        if let Some(source) = &mut self.source {
            source.set_idle(limits.first_token);
        }
        let good = poll_fn(|context| self.poll_good(context));
        match tokio::time::timeout_at((sent + limits.first_token).into(), good).await {
            Ok(result) => result?,
            Err(_) => {
                return Err(GatewayError::Timeout { stage: "first token", limit: limits.first_token });
            }
        }
        if let Some(source) = &mut self.source {
            source.set_idle(limits.idle);
            if self.voice.progress().finished {
                source.hurry(AFTER_FINISH);
            }
        }
        Ok(())
    }

    /// THE COMMIT POINT. From here on the exchange belongs to the answer's body.
    pub fn commit(&mut self, exchange: Exchange) {
        self.exchange = Some(exchange);
    }

    fn poll_good(&mut self, context: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        loop {
            if self.voice.progress().good {
                return Poll::Ready(Ok(()));
            }
            let Some(source) = &mut self.source else {
                return Poll::Ready(Err(GatewayError::Broken));
            };
            match ready!(source.poll_piece(context)) {
                Some(Ok(piece)) => {
                    self.held += piece.len();
                    if self.held > HELD {
                        let cause = format!("it says nothing in {HELD} bytes");
                        return Poll::Ready(Err(GatewayError::Nonsense(cause)));
                    }
                    let taken = self.voice.take(piece);
                    if let Some(error) = early_error(&taken) {
                        return Poll::Ready(Err(error));
                    }
                    self.keep(taken);
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(self.end_before_good()),
            }
        }
    }

    /// A stream may end without any content and still be whole: an empty answer.
    fn end_before_good(&mut self) -> Result<(), GatewayError> {
        self.source = None;
        let taken = self.voice.finish();
        if let Some(error) = early_error(&taken) {
            return Err(error);
        }
        self.ready.extend(taken.bytes);
        let progress = self.voice.progress();
        if progress.ended || progress.good {
            return Ok(());
        }
        if progress.malformed > 0 || self.ready.is_empty() {
            return Err(GatewayError::Nonsense("it is no event stream".into()));
        }
        Err(GatewayError::Broken)
    }

    fn keep(&mut self, taken: Taken) {
        self.ready.extend(taken.bytes);
        if let Some(source) = &mut self.source {
            if taken.alive {
                source.sign_of_life();
            }
            if self.voice.progress().finished {
                source.hurry(AFTER_FINISH);
            }
        }
    }

    /// The next bytes for the caller.
    pub fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<std::io::Result<Bytes>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            if std::mem::take(&mut self.abort) {
                // An error drops what the server has not sent yet: let it send first.
                self.flushed = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.flushed {
                self.settle();
                return Poll::Ready(Some(Err(std::io::Error::other("the answer broke off"))));
            }
            let Some(source) = &mut self.source else {
                self.settle();
                return Poll::Ready(None);
            };
            match source.poll_piece(context) {
                Poll::Pending if self.voice.progress().ended => self.let_go(),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(piece))) => self.tell(piece),
                Poll::Ready(Some(Err(error))) => self.break_off(&error),
                Poll::Ready(None) => {
                    self.source = None;
                    self.finish(None);
                }
            }
        }
    }

    fn tell(&mut self, piece: Bytes) {
        let progress = self.voice.progress();
        if progress.ended || progress.failed {
            return; // Heartbeats behind the end (case 17) are nobody's business.
        }
        let mut taken = self.voice.take(piece);
        let unreadable = taken.unreadable.take();
        let fault = taken.fault.take();
        self.keep(taken);
        if let Some(fault) = fault {
            self.reported(fault);
        } else if let Some(cause) = unreadable {
            self.break_off(&GatewayError::Nonsense(cause));
        }
    }

    /// The provider reported an error inside the stream. Where bytes pass, its event has been passed on already.
    fn reported(&mut self, fault: UpstreamFault) {
        self.fault = Some(fault.clone());
        if let Voice::Translate { .. } = self.voice {
            self.ready.extend(self.voice.fail(fault));
        }
        self.source = None;
    }

    /// Everything has been said, but the body goes on: the rest is read elsewhere, so that the lane can be used again.
    fn let_go(&mut self) {
        if let Some(source) = self.source.take() {
            tokio::spawn(source.drain(DRAIN));
        }
    }

    /// The provider's body ended; `cause` tells why, if it did not end by itself.
    fn finish(&mut self, cause: Option<&GatewayError>) {
        // Events may have said that all is told before the connection broke; bytes that nobody reads say nothing.
        if cause.is_none() || !matches!(self.voice, Voice::Raw(_)) {
            let taken = self.voice.finish();
            self.ready.extend(taken.bytes);
            if let Some(fault) = taken.fault {
                return self.reported(fault);
            }
        }
        let progress = self.voice.progress();
        if progress.ended || progress.failed {
            return;
        }
        let fault = match cause {
            Some(error) => {
                UpstreamFault::new(error.kind(), error.to_string()).with_code(Some(error.code().to_owned()))
            }
            None => UpstreamFault::new(FaultKind::Upstream, "the provider's stream broke off before its end")
                .with_code(Some(GatewayError::Broken.code().to_owned())),
        };
        self.fault = Some(fault.clone());
        match self.voice.fail(fault) {
            Some(event) => self.ready.push_back(event),
            None => self.abort = true,
        }
    }

    fn break_off(&mut self, error: &GatewayError) {
        self.source = None;
        self.finish(Some(error));
    }

    fn settle(&mut self) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let progress = self.voice.progress();
        let told_error = self.fault.is_some() || progress.failed;
        exchange.outcome = if told_error { Outcome::Failed } else { Outcome::Complete };
        exchange.error =
            self.fault.take().map(|fault| fault.code.unwrap_or_else(|| fault.kind.word().to_owned()));
        note(&mut exchange, progress);
    }
}

impl Drop for Relay {
    /// The caller went away, or had taken everything: what came so far is billed either way.
    fn drop(&mut self) {
        let is_told = self.ready.is_empty() && !self.abort && !self.flushed;
        if is_told && (self.voice.progress().ended || self.fault.is_some()) {
            return self.settle();
        }
        if let Some(mut exchange) = self.exchange.take() {
            exchange.outcome = Outcome::Cancelled;
            note(&mut exchange, self.voice.progress());
        }
    }
}

/// Writes down what the answer amounted to.
fn note(exchange: &mut Exchange, progress: &Progress) {
    exchange.malformed = u64::from(progress.malformed);
    if exchange.endpoint != "forward" {
        let told = progress.usage.clone();
        let request_bytes = exchange.request_bytes;
        exchange.usage = Some(estimate::tokens(told, progress.ended, request_bytes, progress.text_bytes));
    }
}

/// An error before the commit, as far as one piece tells it.
fn early_error(taken: &Taken) -> Option<GatewayError> {
    if let Some(fault) = &taken.fault {
        return Some(fault.clone().into());
    }
    taken.unreadable.clone().map(GatewayError::Nonsense)
}

/// Since when a wait has lasted, added up into `waited` when it ends.
#[derive(Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Stops and adds to `waited`.
    pub fn add_to(self, waited: &mut Duration) {
        *waited += self.0.elapsed();
    }
}
