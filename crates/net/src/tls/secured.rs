//! What a handshake has shown of a connection.

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, ServerConnection};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a handshake has shown of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The suite's name, such as `TLS13_AES_256_GCM_SHA384`.
    pub suite: Option<&'static str>,
    /// The host that the caller named (SNI), in lower case.
    pub server_name: Option<String>,
    /// Whether HTTP/2 was agreed on (ALPN).
    pub http2: bool,
    /// The caller's certificate, verified.
    pub caller: Option<CallerCertificate>,
}

/// A caller's certificate, verified against the door's authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerCertificate {
    /// Its subject, such as `CN=alice, O=Example`.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Its serial number in hexadecimal digits.
    pub serial: String,
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
    /// The certificate itself, in DER.
    pub der: Vec<u8>,
}

impl Secured {
    pub(super) fn new(connection: &ServerConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        Self {
            version,
            suite: connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()),
            server_name: connection.server_name().map(str::to_ascii_lowercase),
            http2: connection.alpn_protocol() == Some(b"h2"),
            caller: connection.peer_certificates().and_then(<[_]>::first).and_then(CallerCertificate::new),
        }
    }
}

impl CallerCertificate {
    fn new(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: hexadecimal(certificate.raw_serial()),
            fingerprint: hexadecimal(digest(&SHA256, der).as_ref()),
            der: der.to_vec(),
        })
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
