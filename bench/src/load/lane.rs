//! One connection of the load generator, and the judge of what comes back over it.

use std::io;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use memchr::{memchr_iter, memmem};
use tokio::net::TcpStream;

use super::Aim;
use crate::wire::Wire;
use crate::work::Expected;

/// So many of a body's last bytes are kept.
const TAIL: usize = 64;

/// A keep-alive connection that asks the same thing again and again.
pub(crate) struct Lane {
    aim: Aim,
    wire: Wire,
    fresh: bool,
    /// How often it was closed between two requests, and connected anew.
    pub(crate) renewed: usize,
}

/// When a proper answer came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// The first piece of its body.
    pub(crate) first: Option<Instant>,
    pub(crate) end: Instant,
}

impl Lane {
    /// Connects.
    pub(crate) async fn connect(aim: &Aim) -> Result<Self> {
        Ok(Self { aim: aim.clone(), wire: connect(aim).await?, fresh: true, renewed: 0 })
    }

    /// Asks once. An error where the answer is not the expected one, to its last event.
    pub(crate) async fn exchange(&mut self) -> Result<Done> {
        match self.attempt().await? {
            Some(done) => Ok(done),
            // Closed between two requests, as servers may: once more on a new connection.
            None => {
                self.wire = connect(&self.aim).await?;
                self.fresh = true;
                self.renewed += 1;
                self.attempt().await?.context("the connection was closed before the first answer")
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Done>> {
        let fresh = std::mem::replace(&mut self.fresh, false);
        let head = match self.ask().await {
            Ok(Some(head)) => head,
            Ok(None) if !fresh => return Ok(None),
            Err(error) if !fresh && error.kind() == io::ErrorKind::BrokenPipe => return Ok(None),
            Ok(None) => bail!("the connection was closed before the first answer"),
            Err(error) => return Err(error.into()),
        };
        let mut tally = Tally { only_counts: self.aim.expected.length.is_some(), ..Tally::default() };
        let mut said = Vec::new();
        let proper = head.status == 200;
        self.wire
            .body(head.length, &mut |piece| {
                tally.see(piece);
                if !proper {
                    said.extend_from_slice(&piece[..piece.len().min(500)]);
                }
            })
            .await
            .with_context(|| format!("after {} events", tally.events))?;
        if !proper {
            bail!("status {}: {}", head.status, String::from_utf8_lossy(&said));
        }
        tally.judge(&self.aim.expected)?;
        Ok(Some(Done { first: tally.first, end: Instant::now() }))
    }

    async fn ask(&mut self) -> io::Result<Option<crate::wire::Head>> {
        self.wire.write(&self.aim.request).await?;
        self.wire.head().await
    }
}

async fn connect(aim: &Aim) -> Result<Wire> {
    let stream = TcpStream::connect(aim.address).await.with_context(|| format!("to {}", aim.address))?;
    match &aim.tls {
        None => Ok(Wire::with_room(stream, aim.room)?),
        Some(tls) => Ok(Wire::secured(super::handshake::shake(stream, tls).await?, aim.room)),
    }
}

/// What is known of a body without keeping it.
#[derive(Debug, Default)]
struct Tally {
    first: Option<Instant>,
    /// Empty lines seen, which is how events end.
    events: usize,
    newline: bool,
    tail: Vec<u8>,
    length: usize,
    /// Events are not looked for.
    only_counts: bool,
}

impl Tally {
    fn see(&mut self, piece: &[u8]) {
        self.first.get_or_insert_with(Instant::now);
        self.length += piece.len();
        if self.only_counts {
            return;
        }
        for place in memchr_iter(b'\n', piece) {
            let after_newline = if place == 0 { self.newline } else { piece[place - 1] == b'\n' };
            self.events += usize::from(after_newline);
        }
        self.newline = piece.last() == Some(&b'\n');
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }

    fn judge(&self, expected: &Expected) -> Result<()> {
        if let Some(length) = expected.length {
            ensure!(self.length == length, "a body of {} bytes instead of {length}", self.length);
            return Ok(());
        }
        if let Some((events, exact)) = expected.events
            && (self.events < events || (exact && self.events > events))
        {
            bail!("{} events instead of {events}", self.events);
        }
        if memmem::find(&self.tail, expected.end).is_none() {
            bail!("a body that ends with {:?}", String::from_utf8_lossy(&self.tail));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_however_they_are_cut() {
        let body = b"data: 1\n\ndata: 2\n\ndata: [DONE]\n\n";
        for size in 1..body.len() {
            let mut tally = Tally::default();
            body.chunks(size).for_each(|piece| tally.see(piece));
            tally.judge(&Expected { events: Some((3, true)), end: b"[DONE]", length: None }).unwrap();
            tally.judge(&Expected { events: Some((4, false)), end: b"[DONE]", length: None }).unwrap_err();
            tally.judge(&Expected { events: Some((2, true)), end: b"[DONE]", length: None }).unwrap_err();
            tally.judge(&Expected { events: None, end: b"[OTHER]", length: None }).unwrap_err();
        }
    }

    #[test]
    fn a_body_that_is_too_short_or_too_long_is_not_proper() {
        for (length, proper) in [(9, true), (8, false), (10, false)] {
            let mut tally = Tally { only_counts: true, ..Tally::default() };
            b"123456789".chunks(4).for_each(|piece| tally.see(piece));
            let expected = Expected { events: None, end: b"", length: Some(length) };
            assert_eq!(tally.judge(&expected).is_ok(), proper);
        }
    }
}
