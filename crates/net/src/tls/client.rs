//! TLS towards upstreams.

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;

use super::certificate::{certificates, read};
use super::{Certificate, TlsError, provider};

/// Trust and certificates for upstreams, where the system's are not the right ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UpstreamTls {
    /// Who may have signed the upstream's certificate; the system's authorities if nobody is named.
    pub authorities: Vec<CertificateDer<'static>>,
    /// What we show, if we are asked.
    pub identity: Option<Certificate>,
}

impl UpstreamTls {
    /// Trusts the authorities of a PEM file, and them alone.
    pub fn trusting(file: &Path) -> Result<Self, TlsError> {
        let authorities = certificates(&read(file)?, &file.display().to_string())?;
        Ok(Self { authorities, identity: None })
    }
}

/// A connector that trusts what the operating system trusts and speaks HTTP/1.1.
pub fn client() -> Result<TlsConnector, TlsError> {
    client_with(None, &[b"http/1.1"])
}

/// A connector with that trust, which offers those protocols.
pub(crate) fn client_with(tls: Option<&UpstreamTls>, protocols: &[&[u8]]) -> Result<TlsConnector, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match tls.map(|tls| &tls.authorities[..]) {
        None | Some([]) => builder.with_platform_verifier()?,
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            for authority in authorities {
                roots.add(authority.clone()).map_err(|error| TlsError::Authorities(error.to_string()))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let mut config = match tls.and_then(|tls| tls.identity.as_ref()) {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let shown = rustls::sign::SingleCertAndKey::from(identity.key().clone());
            builder.with_client_cert_resolver(Arc::new(shown))
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Certificates are the same when their chains are: a chain has one key.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.chain() == other.chain()
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.chain().hash(state);
    }
}
