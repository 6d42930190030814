//! Opens a connection to an origin: its addresses in turn, then TLS.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::{LaneError, LanePool, TlsConnectorSlot};
use crate::h1::stream::Stream;
use crate::lane::LaneProtocol;
use crate::tls;

/// Which of several addresses is tried first: another one each time.
static TURN: AtomicUsize = AtomicUsize::new(0);

impl LanePool {
    /// Opens a connection.
    pub(super) async fn open(&self) -> Result<Stream, LaneError> {
        let failed = |source| LaneError::Connect { origin: self.origin.to_string(), source };
        if let Some(socket) = &self.options.socket {
            return Ok(Stream::Unix(UnixStream::connect(socket).await.map_err(failed)?));
        }
        let stream = self.connect_tcp().await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        if !self.origin.tls {
            return Ok(Stream::Plain(stream));
        }
        let name = self.options.server_name.as_ref().unwrap_or(&self.origin.host).clone();
        let name = ServerName::try_from(name).map_err(|error| LaneError::Tls(error.to_string()))?;
        Ok(Stream::Tls(Box::new(self.tls()?.connect(name, stream).await.map_err(failed)?)))
    }

    async fn connect_tcp(&self) -> std::io::Result<TcpStream> {
        if let Some(address) = self.options.address {
            return TcpStream::connect(address).await;
        }
        let (host, port) = (self.origin.host.as_str(), self.origin.port);
        let addresses = self.connector.names.addresses(host, port).await?;
        let turn = if addresses.len() > 1 { TURN.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let mut failure = std::io::Error::from(std::io::ErrorKind::NotFound);
        for place in 0..addresses.len() {
            let address: SocketAddr = addresses[(turn + place) % addresses.len()];
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        // Perhaps it has moved.
        self.connector.names.forget(host, port);
        Err(failure)
    }

    fn tls(&self) -> Result<&TlsConnector, LaneError> {
        if self.options.tls.is_none() && self.options.protocol == LaneProtocol::Http1 {
            return self.connector.tls();
        }
        if let Some(slot) = self.tls.get() {
            return Ok(&slot.0);
        }
        let protocols: &[&[u8]] = match self.options.protocol {
            LaneProtocol::Http1 => &[b"http/1.1"],
            LaneProtocol::Http2 => &[b"h2"],
            LaneProtocol::Offered => &[b"h2", b"http/1.1"],
        };
        let client = tls::client_with(self.options.tls.as_ref(), protocols);
        let client = client.map_err(|error| LaneError::Tls(error.to_string()))?;
        Ok(&self.tls.get_or_init(|| TlsConnectorSlot(client)).0)
    }
}
