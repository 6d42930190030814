//! A door with a handler that tells who asked, certificates, and TLS clients.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tidegate_net::tls::{Certificate, self_signed};
use tidegate_net::{
    Answering, Certificates, Door, Drain, Handler, Incoming, Peer, TlsServer, TlsSettings, listen,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Tells who asked.
pub(crate) struct Teller;

impl Handler for Teller {
    type Body = Full<Bytes>;

    fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            let path = request.uri().path();
            if let Some(count) = path.strip_prefix("/bytes/") {
                return Response::new(Full::from(vec![b'x'; count.parse().unwrap()]));
            }
            let name = |secured: &tidegate_net::tls::Secured| {
                let caller = secured.caller.as_ref().map_or("nobody", |caller| &caller.subject);
                format!("{} {:?} {caller}", secured.version, secured.server_name)
            };
            let secured = peer.secured.as_deref().map_or("clear".to_owned(), name);
            let version = request.version();
            Response::new(Full::from(format!(
                "{version:?} {secured} from {} via {:?}",
                peer.address, peer.via
            )))
        })
    }
}

/// A served door.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) drain: Drain,
    pub(crate) served: JoinHandle<()>,
}

impl House {
    /// Serves what is made of a listener on a free port.
    pub(crate) fn open(door: impl FnOnce(TcpListener) -> Door) -> Self {
        Self::open_with(door, Arc::new(Teller))
    }

    pub(crate) fn open_with<H: Handler>(door: impl FnOnce(TcpListener) -> Door, handler: Arc<H>) -> Self {
        let listener = listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::default();
        let served = tokio::spawn(door(listener).serve(handler, drain.clone()));
        Self { address, drain, served }
    }

    /// Serves TLS with those settings.
    pub(crate) fn secure(settings: &TlsSettings) -> Self {
        let tls = Arc::new(TlsServer::new(settings).unwrap());
        Self::open(|listener| Door::new(listener).tls(tls))
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Shakes hands, naming that host.
    pub(crate) async fn shake(
        &self,
        client: &Arc<ClientConfig>,
        name: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(client.clone()).connect(name, self.connect().await).await
    }

    /// Asks once over HTTP/1.1 under TLS; what is said after the head.
    pub(crate) async fn ask(&self, client: &Arc<ClientConfig>, name: &str) -> std::io::Result<String> {
        let mut stream = self.shake(client, name).await?;
        ask_on(&mut stream).await
    }
}

/// Asks once over HTTP/1.1 and reads to the end.
pub(crate) async fn ask_on(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> std::io::Result<String> {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await?;
    read_all(stream).await
}

pub(crate) async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await?;
    Ok(String::from_utf8_lossy(&read).into_owned())
}

pub(crate) fn certificate(names: &[&str]) -> Certificate {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    self_signed(&names).unwrap()
}

pub(crate) fn settings(certificates: Vec<Certificate>) -> TlsSettings {
    TlsSettings::new(Arc::new(Certificates::new(certificates, Default::default())))
}

/// A client's settings that trust those certificates.
pub(crate) fn trusting(certificates: &[Certificate]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.chain()[0].clone()).unwrap();
    }
    builder().with_root_certificates(roots).with_no_client_auth()
}

pub(crate) fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap()
}

/// Trusts everybody and tells which certificate it was.
#[derive(Debug)]
pub(crate) struct Noting(pub(crate) std::sync::mpsc::Sender<Vec<u8>>);

impl rustls::client::danger::ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        leaf: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        self.0.send(leaf.to_vec()).unwrap();
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
