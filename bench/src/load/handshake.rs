//! TLS of the load generator: always TLS 1.3, always a full handshake, as cheap for this side as it can be.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ClientConfig, Resumption};
use tokio_rustls::rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{DigitallySignedStruct, Error, HandshakeKind, SignatureScheme, version};

use super::{Aim, CONNECTIONS, Measured, Span, each};
use crate::process::Gateway;

/// A client that knows one certificate. One suite and one curve, so that all gateways do the same work.
pub(crate) fn client(known: CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let mut provider = default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![kx_group::X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Known(known)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Shakes hands over a connection that was just opened.
pub(super) async fn shake(stream: TcpStream, config: &Arc<ClientConfig>) -> Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await.context("handshake")?;
    match stream.get_ref().1.handshake_kind() {
        Some(HandshakeKind::Full) => Ok(stream),
        other => bail!("not a full handshake: {other:?}"),
    }
}

/// New connections all the time: each shakes hands and is closed in order, with nothing sent in between.
pub(crate) async fn handshakes(aim: &Aim, span: Span, gateway: Option<&Gateway>) -> Result<Measured> {
    let config = aim.tls.as_ref().context("a handshake needs TLS")?;
    let asking = |counts: std::rc::Rc<super::Counts>| {
        let (address, config) = (aim.address, Arc::clone(config));
        async move {
            loop {
                let since = Instant::now();
                let mut stream = shake(TcpStream::connect(address).await?, &config).await?;
                let shaken = Instant::now();
                stream.shutdown().await?;
                // Only a server that has taken the handshake for good closes without an alert.
                let mut rest = [0; 64];
                match stream.read(&mut rest).await {
                    Ok(0) => {}
                    // Without a farewell of its own, as some do.
                    Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
                    Ok(_) => bail!("something was said to nothing"),
                    Err(error) => return Err(error).context("after the handshake"),
                }
                counts.answer(since, Some(shaken), Instant::now());
            }
        }
    };
    each(CONNECTIONS, asking, span, gateway).await
}

/// Believes one certificate. Its signature is not checked: that would cost this side more than all else, and what is measured is
/// the gateway's work, not whether it may be trusted.
#[derive(Debug)]
struct Known(CertificateDer<'static>);

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *shown == self.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::General("another certificate than the one that all are given".to_owned()))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is measured".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
