//! Why a certificate, or TLS as a whole, cannot be used.

use std::path::PathBuf;

/// Why a certificate cannot be used. The text names the file, so that an operator finds it.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no certificate in the PEM text.
    #[error("there is no `BEGIN CERTIFICATE` in {0}")]
    NoCertificate(String),
    /// There is no private key in the PEM text.
    #[error("there is no unencrypted private key in {0}")]
    NoKey(String),
    /// The text or what it encodes cannot be understood.
    #[error("{file} is malformed: {why}")]
    Malformed {
        /// Which file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key belongs to another certificate.
    #[error("the private key in {key} does not belong to the first certificate in {chain}")]
    Mismatch {
        /// The chain's file.
        chain: String,
        /// The key's file.
        key: String,
    },
    /// The certificate is over.
    #[error("the certificate in {file} expired on {when}")]
    Expired {
        /// Which file.
        file: String,
        /// Its last moment.
        when: String,
    },
    /// The certificate has not begun.
    #[error("the certificate in {file} is not valid before {when}")]
    NotYet {
        /// Which file.
        file: String,
        /// Its first moment.
        when: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Generate(String),
}

/// Why a door cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The settings contradict each other, or the library refuses them.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
    /// The authorities for callers' certificates cannot be used.
    #[error("the authorities for callers' certificates cannot be used: {0}")]
    Authorities(String),
    /// A file of certificates.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}
