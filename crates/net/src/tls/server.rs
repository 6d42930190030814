//! Handshakes with callers. All settings can change while connections go on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{certificates, read};
use super::challenges::ACME_TLS;
use super::{Certificates, Challenges, Secured, TlsError, provider};

/// Longest handshake unless the settings say otherwise.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How a door speaks TLS. Suites and curves are no setting: they are Mozilla's "intermediate" list.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// What callers are shown; shared, so that it can change without a new setting.
    pub certificates: Arc<Certificates>,
    /// Open ACME challenges.
    pub challenges: Arc<Challenges>,
    /// Whether callers show certificates too.
    pub callers: Option<CallerCertificates>,
    /// The oldest version that is spoken.
    pub oldest: OldestVersion,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// Longest handshake, from the first byte to the last.
    pub handshake: Duration,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldestVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

/// Certificates that callers show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerCertificates {
    /// Who may have signed them.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Whether a caller without one is refused.
    pub required: bool,
}

impl CallerCertificates {
    /// With the authorities of a PEM file.
    pub fn load(file: &std::path::Path, required: bool) -> Result<Self, TlsError> {
        let authorities = certificates(&read(file)?, &file.display().to_string())?;
        Ok(Self { authorities, required })
    }
}

impl TlsSettings {
    /// With these certificates and otherwise the defaults: TLS 1.2 and 1.3, HTTP/2 and 1.1, ten seconds for a handshake.
    pub fn new(certificates: Arc<Certificates>) -> Self {
        Self {
            certificates,
            challenges: Arc::default(),
            callers: None,
            oldest: OldestVersion::default(),
            http2: true,
            handshake: HANDSHAKE,
        }
    }
}

/// Shakes hands with callers; shared by all connections of a door.
#[derive(Debug)]
pub struct TlsServer {
    current: ArcSwap<Current>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// For ACME servers that verify a name (RFC 8737): another certificate, no caller's certificate.
    challenge: Arc<ServerConfig>,
    handshake: Duration,
}

impl TlsServer {
    /// With those settings.
    pub fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        Ok(Self { current: ArcSwap::from_pointee(Current::new(settings)?) })
    }

    /// Takes other settings for the next handshakes. On an error the old ones stay. Session tickets of before are worthless,
    /// so that nobody goes on with a certificate that is not trusted any more; to change what callers are shown,
    /// [`Certificates::replace`] is enough and loses no ticket.
    pub fn replace(&self, settings: &TlsSettings) -> Result<(), TlsError> {
        self.current.store(Arc::new(Current::new(settings)?));
        Ok(())
    }

    /// Longest handshake.
    pub(crate) fn handshake_limit(&self) -> Duration {
        self.current.load().handshake
    }

    /// Shakes hands. `None` when it was an ACME server, whose question has been answered.
    pub(crate) async fn accept<S>(&self, stream: S) -> io::Result<Option<(TlsStream<S>, Secured)>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let current = self.current.load_full();
        let limit = current.handshake;
        let shaken = tokio::time::timeout(limit, current.shake_hands(stream)).await;
        shaken.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")))
    }
}

impl Current {
    fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let mut config = builder(settings)?
            .with_client_cert_verifier(verifier(settings)?)
            .with_cert_resolver(settings.certificates.clone());
        // Keys of tickets change every six hours; a ticket holds for twelve at most.
        config.ticketer = Ticketer::new()?;
        config.alpn_protocols = match settings.http2 {
            true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            false => vec![b"http/1.1".to_vec()],
        };
        let mut challenge =
            builder(settings)?.with_no_client_auth().with_cert_resolver(settings.challenges.clone());
        challenge.alpn_protocols = vec![ACME_TLS.to_vec()];
        challenge.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), challenge: Arc::new(challenge), handshake: settings.handshake })
    }

    async fn shake_hands<S>(&self, stream: S) -> io::Result<Option<(TlsStream<S>, Secured)>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let is_challenge = {
            let hello = begun.client_hello();
            let mut offered = hello.alpn().into_iter().flatten();
            offered.next() == Some(ACME_TLS) && offered.next().is_none()
        };
        if is_challenge {
            begun.into_stream(self.challenge.clone()).await?.shutdown().await?;
            return Ok(None);
        }
        let stream = begun.into_stream(self.config.clone()).await?;
        let secured = Secured::new(stream.get_ref().1);
        Ok(Some((stream, secured)))
    }
}

fn builder(
    settings: &TlsSettings,
) -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, TlsError> {
    let versions: &[_] = match settings.oldest {
        OldestVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        OldestVersion::Tls13 => &[&rustls::version::TLS13],
    };
    Ok(ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions)?)
}

fn verifier(settings: &TlsSettings) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(callers) = &settings.callers else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let mut roots = RootCertStore::empty();
    for authority in &callers.authorities {
        roots.add(authority.clone()).map_err(|error| TlsError::Authorities(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = if callers.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| TlsError::Authorities(error.to_string()))
}
