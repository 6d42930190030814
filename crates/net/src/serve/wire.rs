//! How HTTP/1 reads a caller's connection: into no more room than what has come needs, while little comes.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::line::{Line, Socket};
use crate::h1::server::connection::Wire;
use crate::h1::stream::{Transport, fill_plain, make_room};

/// Up to so much is read on the stack.
const LITTLE: usize = 8 * 1024;

impl Transport for Line {
    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        match self.socket() {
            Socket::Tls(stream) => fill_plain(context, &mut **stream, buffer),
            Socket::Tcp(stream) if room > LITTLE => {
                ready!(stream.poll_read_ready(context))?;
                make_room(buffer, room);
                pin!(stream.read_buf(buffer)).poll(context)
            }
            Socket::Tcp(stream) => fill_little(context, stream, buffer),
            Socket::Unix(ahead) => match ahead.plain().filter(|_| room > LITTLE) {
                Some(stream) => {
                    ready!(stream.poll_read_ready(context))?;
                    make_room(buffer, room);
                    pin!(stream.read_buf(buffer)).poll(context)
                }
                None => fill_little(context, ahead, buffer),
            },
        }
    }
}

/// Reads on the stack, and copies it into no more room than it needs.
fn fill_little(
    context: &mut Context<'_>,
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let mut space = [const { MaybeUninit::uninit() }; LITTLE];
    let mut read = ReadBuf::uninit(&mut space);
    ready!(Pin::new(stream).poll_read(context, &mut read))?;
    buffer.extend_from_slice(read.filled());
    Poll::Ready(Ok(read.filled().len()))
}

impl Wire for Line {
    fn reset_on_drop(&self) {
        let linger = Some(Duration::ZERO);
        // Where it fails, the connection has ended already.
        let _ = match self.socket_ref() {
            Socket::Tcp(stream) => SockRef::from(stream).set_linger(linger),
            Socket::Tls(stream) => SockRef::from(stream.get_ref().0).set_linger(linger),
            Socket::Unix(_) => Ok(()),
        };
    }
}
