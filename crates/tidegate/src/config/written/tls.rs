//! TLS of a door: certificates from files, from an ACME server, or made here.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BaseUrl, Period};

/// TLS of a door.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum TlsEntry {
    /// `self-signed`: with a certificate that is made at the start and that nobody vouches for, for trying out.
    Word(TlsWord),
    /// With certificates of one's own.
    Terms(Box<TlsTerms>),
}

impl TlsEntry {
    /// The terms, with defaults where only a word is written.
    pub fn terms(&self) -> TlsTerms {
        match self {
            Self::Word(TlsWord::SelfSigned) => TlsTerms { self_signed: true, ..TlsTerms::default() },
            Self::Terms(terms) => TlsTerms::clone(terms),
        }
    }
}

/// TLS without any file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum TlsWord {
    /// With a certificate that is made at the start.
    SelfSigned,
}

/// Certificates and what is spoken.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsTerms {
    /// Certificates in files. Which one a client is shown depends on the host it asks for: exact names go before wildcards; whoever names no known
    /// host sees the first. Changed files are taken over while running.
    pub certificates: Vec<CertificateEntry>,
    /// Gets certificates from an ACME server such as Let's Encrypt, and renews them. Until the first one is there, a self-signed one is shown.
    pub acme: Option<AcmeEntry>,
    /// Also has a certificate that is made at the start and that nobody vouches for.
    pub self_signed: bool,
    /// The oldest version of TLS that is spoken.
    pub oldest: TlsVersionWord,
    /// Offers HTTP/2 beside HTTP/1.1.
    pub http2: bool,
    /// Asks clients for certificates of theirs.
    pub client_certificates: Option<ClientCertificatesEntry>,
    /// Refuses the handshake when no certificate is for the host that the client asks for, instead of showing the first.
    pub known_hosts_only: bool,
    /// How long a handshake may take.
    pub handshake_timeout: Period,
}

impl Default for TlsTerms {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            acme: None,
            self_signed: false,
            oldest: TlsVersionWord::default(),
            http2: true,
            client_certificates: None,
            known_hosts_only: false,
            handshake_timeout: Period(Duration::from_secs(10)),
        }
    }
}

/// A certificate in files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    /// The file with the certificate and those between it and its authority (PEM), relative to the config file.
    pub cert: String,
    /// The file with its private key (PEM, not encrypted).
    pub key: String,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum TlsVersionWord {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V13,
}

/// Certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificatesEntry {
    /// The file of the authorities that may have signed them (PEM).
    pub authorities: String,
    /// Refuses clients without one.
    #[serde(default = "yes")]
    pub required: bool,
}

fn yes() -> bool {
    true
}

/// Certificates from an ACME server (RFC 8555).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmeEntry {
    /// The host names; each gets a certificate of its own.
    pub domains: Vec<String>,
    /// Whom the authority may write to.
    #[serde(default)]
    pub emails: Vec<String>,
    /// The directory of the server.
    #[serde(default = "lets_encrypt")]
    pub directory: BaseUrl,
    /// The file of the authorities that vouch for the *server* (PEM), if it is one of your own. By default the system's.
    pub ca: Option<String>,
    /// How names are shown to be yours; the first that works: `tls-alpn-01` on port 443 of this door, `http-01` on a door in the clear at port 80.
    #[serde(default = "both")]
    pub challenges: Vec<ChallengeWord>,
}

fn lets_encrypt() -> BaseUrl {
    BaseUrl("https://acme-v02.api.letsencrypt.org/directory".to_owned())
}

fn both() -> Vec<ChallengeWord> {
    vec![ChallengeWord::TlsAlpn01, ChallengeWord::Http01]
}

/// How a name is shown to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum ChallengeWord {
    /// By a certificate in a handshake (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// By a text at `/.well-known/acme-challenge/` (RFC 8555 section 8.3).
    #[serde(rename = "http-01")]
    Http01,
}
