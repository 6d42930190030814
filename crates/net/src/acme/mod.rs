//! Certificates from an ACME server (RFC 8555): an account, orders, challenges that the doors answer, renewal when the server
//! suggests it (ARI, RFC 9773).
//!
//! Several instances share an account and certificates through a [`Store`]: whoever holds its lock orders, the others find the
//! certificate there.

mod client;
mod http;
mod order;
mod store;

pub use client::{AcmeClient, AcmeSettings, Renewal};
pub use order::ChallengeKind;
pub use store::{FileStore, Store, Stored};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The server refused, with its reason (a challenge that was not answered, too), or could not be asked.
    #[error("the ACME server: {0}")]
    Server(#[from] instant_acme::Error),
    /// The order is in a state in which no certificate can come of it.
    #[error("the ACME server leaves the order {0:?}")]
    Unfinished(instant_acme::OrderStatus),
    /// The server offers no challenge of the kind that is wanted.
    #[error("the ACME server offers no {0:?} challenge for `{1}`")]
    NoChallenge(ChallengeKind, String),
    /// The certificate, or the request for it.
    #[error(transparent)]
    Certificate(#[from] crate::tls::CertificateError),
    /// What is kept could not be read or written.
    #[error("the store of certificates: {0}")]
    Store(std::io::Error),
}
