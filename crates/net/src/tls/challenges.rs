//! Answers to an ACME server's questions, for the doors to give (RFC 8555 section 8.3, RFC 8737).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{CertificateError, provider};

/// The protocol name of TLS-ALPN-01 (RFC 8737 section 6.2).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";
/// Where HTTP-01 asks (RFC 8555 section 8.3).
const FOLDER: &str = "/.well-known/acme-challenge/";

/// The open challenges of all orders. One for the whole process; doors look things up in it, an order fills it.
#[derive(Debug, Default)]
pub struct Challenges {
    open: ArcSwap<Open>,
}

#[derive(Clone, Debug, Default)]
struct Open {
    tokens: HashMap<String, Arc<str>>,
    keys: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// What `GET` of that path is answered with, as `text/plain`, if it is a question of an ACME server. Costs a comparison
    /// for any other path.
    pub fn answer(&self, path: &str) -> Option<Arc<str>> {
        let token = path.strip_prefix(FOLDER)?;
        self.open.load().tokens.get(token).cloned()
    }

    /// The token that such a path asks for, if it may be one: letters, digits, `-` and `_`.
    pub fn token(path: &str) -> Option<&str> {
        let token = path.strip_prefix(FOLDER)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (!token.is_empty() && token.len() <= 128 && token.bytes().all(is_plain)).then_some(token)
    }

    /// Opens an HTTP-01 challenge.
    pub fn open_http(&self, token: &str, key_authorization: &str) {
        self.open.rcu(|open| {
            let mut open = Open::clone(open);
            open.tokens.insert(token.to_owned(), key_authorization.into());
            open
        });
    }

    /// Opens a TLS-ALPN-01 challenge with the SHA-256 of the key authorization.
    pub fn open_tls(&self, name: &str, digest: &[u8]) -> Result<(), CertificateError> {
        let key = challenge_key(name, digest)?;
        self.open.rcu(|open| {
            let mut open = Open::clone(open);
            open.keys.insert(name.to_ascii_lowercase(), key.clone());
            open
        });
        Ok(())
    }

    /// Ends a challenge of either kind, by its token or host name.
    pub fn close(&self, token_or_name: &str) {
        self.open.rcu(|open| {
            let mut open = Open::clone(open);
            open.tokens.remove(token_or_name);
            open.keys.remove(&token_or_name.to_ascii_lowercase());
            open
        });
    }
}

impl ResolvesServerCert for Challenges {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.open.load().keys.get(hello.server_name()?).cloned()
    }
}

/// A self-signed certificate with the digest in it (RFC 8737 section 3).
fn challenge_key(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, CertificateError> {
    let failed = |error: rcgen::Error| CertificateError::Generate(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut wanted = CertificateParams::new(vec![name.to_owned()]).map_err(failed)?;
    wanted.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = wanted.self_signed(&key).map_err(failed)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Not `from_der`, which compares key and certificate, and for that must understand every critical extension.
    let key = provider().key_provider.load_private_key(key);
    let key = key.map_err(|error| CertificateError::Generate(error.to_string()))?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)))
}
