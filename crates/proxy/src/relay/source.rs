//! A provider's answer as it comes in: decompressed, and never later than its time limits allow.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::body::ReadFailure;
use crate::error::GatewayError;
use crate::inflate::{Encoding, Inflater};
use crate::upstream::UpstreamBody;

/// The largest plain size of one compressed stream.
const INFLATED_LIMIT: usize = 1 << 30;

/// Bytes of a whole answer that count as a sign of life: what trickles is given up for another target after the idle limit.
const LEAST: usize = 64;

/// Pieces of an answer's body.
#[derive(Debug)]
pub struct Source {
    body: UpstreamBody,
    inflater: Option<Inflater>,
    /// One timer for both limits. It is not reset for every piece: when it fires it looks whether there was life since.
    timer: Pin<Box<Sleep>>,
    idle: Duration,
    last_sign: Instant,
    end: Instant,
    total: Duration,
}

impl Source {
    /// Reads `body`, which must give a sign of life every `idle` and end before `end` (`total` after the start).
    pub fn new(
        body: UpstreamBody,
        encoding: Encoding,
        idle: Duration,
        end: Instant,
        total: Duration,
    ) -> Self {
        let now = Instant::now();
        let timer = Box::pin(sleep_until(end.min(now + idle)));
        let inflater = Inflater::new(encoding, INFLATED_LIMIT);
        Self { body, inflater, timer, idle, last_sign: now, end, total }
    }

    /// The provider said something that counts (a comment or half an event does not): the idle limit starts anew.
    pub fn sign_of_life(&mut self) {
        self.last_sign = Instant::now();
    }

    /// From now on a sign of life must come every `idle`, beginning now.
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
        self.last_sign = Instant::now();
        self.timer.as_mut().reset(self.end.min(self.last_sign + idle));
    }

    /// From now on wait at most `idle` for a sign of life. For a stream that has said why it ended.
    pub fn hurry(&mut self, idle: Duration) {
        if idle < self.idle {
            self.idle = idle;
            self.timer.as_mut().reset(self.end.min(self.last_sign + idle));
        }
    }

    /// The next piece; `None` at the end.
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, GatewayError>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => return self.poll_limits(context).map(|error| Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(GatewayError::Broken))),
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    let piece = match &mut self.inflater {
                        None => piece,
                        Some(inflater) => match inflater.push(&piece) {
                            Ok(plain) => plain,
                            Err(failure) => return Poll::Ready(Some(Err(unfoldable(failure)))),
                        },
                    };
                    if !piece.is_empty() {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
            }
        }
    }

    fn poll_limits(&mut self, context: &mut Context<'_>) -> Poll<GatewayError> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            if now >= self.end {
                return Poll::Ready(GatewayError::Timeout { stage: "end", limit: self.total });
            }
            let idle_end = self.last_sign + self.idle;
            if now >= idle_end {
                return Poll::Ready(GatewayError::Timeout { stage: "next byte", limit: self.idle });
            }
            self.timer.as_mut().reset(self.end.min(idle_end));
        }
    }

    /// Reads on for at most `limit`, so that the lane can be used again, and then lets go.
    pub async fn drain(mut self, limit: Duration) {
        let rest = async {
            while let Some(Ok(_)) = std::future::poll_fn(|context| self.poll_piece(context)).await {}
        };
        // Too slow: dropping the source closes the lane.
        let _ = tokio::time::timeout(limit, rest).await;
    }

    /// Reads the whole body within `limit` bytes.
    pub async fn read_whole(mut self, limit: usize) -> Result<Bytes, GatewayError> {
        let mut first = Bytes::new();
        let mut all = Vec::new();
        let mut unheeded = 0;
        while let Some(piece) = std::future::poll_fn(|context| self.poll_piece(context)).await {
            let piece = piece?;
            unheeded += piece.len();
            if unheeded >= LEAST {
                self.sign_of_life();
                unheeded = 0;
            }
            if first.len() + all.len() + piece.len() > limit {
                return Err(GatewayError::Nonsense(format!("it is larger than {limit} bytes")));
            }
            if first.is_empty() && all.is_empty() {
                first = piece;
                continue;
            }
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&piece);
        }
        Ok(if all.is_empty() { first } else { all.into() })
    }
}

fn unfoldable(failure: ReadFailure) -> GatewayError {
    match failure {
        ReadFailure::TooLarge => GatewayError::Nonsense("it unfolds to more than a gigabyte".into()),
        ReadFailure::Broken(cause) => GatewayError::Nonsense(format!("it cannot be decompressed: {cause}")),
    }
}
