//! TLS: certificates by name for callers, roots for upstreams.

mod certificate;
mod challenges;
mod client;
mod error;
mod secured;
mod self_signed;
mod server;
mod table;

pub use certificate::Certificate;
pub use challenges::Challenges;
pub(crate) use client::client_with;
pub use client::{UpstreamTls, client};
pub use error::{CertificateError, TlsError};
pub use secured::{CallerCertificate, Secured};
pub use self_signed::self_signed;
pub use server::{CallerCertificates, OldestVersion, TlsServer, TlsSettings};
pub use table::{Certificates, Unknown};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography of every handshake: aws-lc-rs, with the suites of Mozilla's "intermediate" list and no others.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
