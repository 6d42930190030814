//! Ties an upgraded caller to an upgraded lane: bytes both ways, whatever they mean.
//!
//! Nothing is buffered while nobody waits: a piece that the other side cannot take yet is held, and no more is read until it has
//! left. The end of one side's sending is passed on, and the other side may go on for as long as it says something. A caller has less time
//! for that: there are some that leave a stream of HTTP/2 open when its other end has closed, as RFC 8441 has no rule against it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};

use crate::Drain;
use crate::upgrade::OnUpgrade;

/// Most bytes that are read at once, and held for one direction.
const PIECE: usize = 16 * 1024;
/// Longest wait until the caller's connection is free of HTTP.
const SWITCH: Duration = Duration::from_secs(10);

/// How long a tunnel may live.
#[derive(Clone, Debug)]
pub struct TunnelLimits {
    /// Longest silence of both sides together.
    pub idle: Duration,
    /// Longest silence of the caller once the upstream has ended its sending, if that is shorter.
    pub left: Duration,
    /// How long it goes on after a drain has begun.
    pub drained: Duration,
    /// The drain.
    pub drain: Drain,
}

/// What became of a tunnel.
#[derive(Debug)]
pub struct Tunnelled {
    /// Bytes from the caller to the upstream.
    pub up: u64,
    /// Bytes from the upstream to the caller.
    pub down: u64,
    /// Why it ended.
    pub end: TunnelEnd,
}

/// Why a tunnel ended.
#[derive(Debug)]
pub enum TunnelEnd {
    /// Both sides have said all they wanted, or the caller says nothing to an upstream that has ended.
    Closed,
    /// Nobody said anything for too long.
    Idle,
    /// A drain cut it.
    Drained,
    /// A connection broke.
    Broken(io::Error),
}

/// Waits until the caller's connection is free, then [`tunnel`]s.
pub async fn tie<U>(caller: OnUpgrade, upstream: U, limits: &TunnelLimits) -> Tunnelled
where
    U: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error| Tunnelled { up: 0, down: 0, end: TunnelEnd::Broken(error) };
    match timeout(SWITCH, caller).await {
        Ok(Ok(caller)) => tunnel(caller, upstream, limits).await,
        Ok(Err(error)) => broken(error),
        Err(_) => broken(io::ErrorKind::TimedOut.into()),
    }
}

/// Carries bytes both ways until both sides have ended, or the limits say so. Dropping it closes both.
pub async fn tunnel<C, U>(mut caller: C, mut upstream: U, limits: &TunnelLimits) -> Tunnelled
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let (mut up, mut down) = (Direction::default(), Direction::default());
    let end = {
        let mut moved = 0;
        let mut last = Instant::now();
        let mut alarm = Box::pin(sleep_until(last + limits.idle));
        let mut silence = limits.idle;
        let carried = poll_fn(|context| {
            let ended = poll_both(context, &mut up, &mut down, &mut caller, &mut upstream);
            if moved != up.moved + down.moved {
                (moved, last) = (up.moved + down.moved, Instant::now());
            }
            if down.stage == Stage::Ended && silence > limits.left {
                (silence, last) = (limits.left, Instant::now());
                alarm.as_mut().reset(last + silence);
            }
            if let Poll::Ready(ended) = ended {
                return Poll::Ready(ended.map_or_else(TunnelEnd::Broken, |()| TunnelEnd::Closed));
            }
            // The alarm is set anew only when it rings: setting it for every piece would cost more than the piece.
            while alarm.as_mut().poll(context).is_ready() {
                let next = last + silence;
                if next <= Instant::now() {
                    let is_left = silence < limits.idle;
                    return Poll::Ready(if is_left { TunnelEnd::Closed } else { TunnelEnd::Idle });
                }
                alarm.as_mut().reset(next);
            }
            Poll::Pending
        });
        let drained = async {
            limits.drain.wait().await;
            tokio::time::sleep(limits.drained).await;
        };
        tokio::select! {
            end = carried => end,
            () = drained => TunnelEnd::Drained,
        }
    };
    Tunnelled { up: up.moved, down: down.moved, end }
}

/// Ready when both directions have ended, or one has failed.
fn poll_both<C, U>(
    context: &mut Context<'_>,
    up: &mut Direction,
    down: &mut Direction,
    caller: &mut C,
    upstream: &mut U,
) -> Poll<io::Result<()>>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let up = up.poll(context, caller, upstream)?;
    let down = down.poll(context, upstream, caller)?;
    if up.is_ready() && down.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
}

/// Bytes in one direction.
#[derive(Debug, Default)]
struct Direction {
    /// Was read, and could not be written yet.
    held: Bytes,
    stage: Stage,
    moved: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Carrying,
    /// What was written may not have left yet.
    Flushing,
    Ending,
    Ended,
}

impl Direction {
    fn poll<R, W>(&mut self, context: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        // On the stack, so that a silent tunnel holds no buffer.
        let mut room = [0; PIECE];
        loop {
            while !self.held.is_empty() {
                let count = ready!(Pin::new(&mut *to).poll_write(context, &self.held))?;
                self.wrote(count)?;
                self.held.advance(count);
            }
            match self.stage {
                Stage::Carrying | Stage::Flushing => {
                    let mut read = ReadBuf::new(&mut room);
                    match Pin::new(&mut *from).poll_read(context, &mut read)? {
                        Poll::Ready(()) if read.filled().is_empty() => self.stage = Stage::Ending,
                        Poll::Ready(()) => self.pass(context, read.filled(), to)?,
                        Poll::Pending => {
                            if self.stage == Stage::Flushing {
                                ready!(Pin::new(&mut *to).poll_flush(context))?;
                                self.stage = Stage::Carrying;
                            }
                            return Poll::Pending;
                        }
                    }
                }
                Stage::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(context)).or_else(already_gone)?;
                    self.stage = Stage::Ended;
                }
                Stage::Ended => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Writes what goes at once, and holds the rest.
    fn pass<W>(&mut self, context: &mut Context<'_>, mut bytes: &[u8], to: &mut W) -> io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        self.stage = Stage::Flushing;
        while !bytes.is_empty() {
            match Pin::new(&mut *to).poll_write(context, bytes)? {
                Poll::Ready(count) => {
                    self.wrote(count)?;
                    bytes = &bytes[count..];
                }
                Poll::Pending => {
                    self.held = Bytes::copy_from_slice(bytes);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn wrote(&mut self, count: usize) -> io::Result<()> {
        self.moved += count as u64;
        if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }
}

/// Who has gone already need not be told that nothing more comes.
fn already_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotConnected { Ok(()) } else { Err(error) }
}
