//! A certificate with its chain and key, read and checked.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::InconsistentKeys;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::{CertificateError, provider};

/// A certificate with its chain and key.
#[derive(Clone, Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    begins: SystemTime,
    ends: SystemTime,
}

impl Certificate {
    /// Reads two PEM files: the chain, leaf first, and the leaf's private key (PKCS#8, PKCS#1 or SEC1, not encrypted).
    pub fn load(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let shown = (chain.display().to_string(), key.display().to_string());
        Self::read(&read(chain)?, &read(key)?, &shown.0, &shown.1, SystemTime::now())
    }

    /// The same, whether or not it is valid now: [`Certificate::valid_at`] tells.
    pub fn load_undated(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let shown = (chain.display().to_string(), key.display().to_string());
        Self::read_undated(&read(chain)?, &read(key)?, &shown.0, &shown.1).map(|(certificate, _)| certificate)
    }

    /// The same from texts in memory.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        Self::read(chain, key, "the chain", "the key", SystemTime::now())
    }

    /// The same at that moment, with names for the two texts.
    pub(crate) fn read(
        chain: &[u8],
        key: &[u8],
        chain_name: &str,
        key_name: &str,
        now: SystemTime,
    ) -> Result<Self, CertificateError> {
        let (certificate, facts) = Self::read_undated(chain, key, chain_name, key_name)?;
        if facts.ends < now {
            return Err(CertificateError::Expired { file: chain_name.to_owned(), when: facts.end_text });
        }
        if facts.begins > now {
            return Err(CertificateError::NotYet { file: chain_name.to_owned(), when: facts.begin_text });
        }
        Ok(certificate)
    }

    fn read_undated(
        chain: &[u8],
        key: &[u8],
        chain_name: &str,
        key_name: &str,
    ) -> Result<(Self, Facts), CertificateError> {
        let malformed = |file: &str, why: String| CertificateError::Malformed { file: file.to_owned(), why };
        let chain = certificates(chain, chain_name)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => CertificateError::NoKey(key_name.to_owned()),
            error => malformed(key_name, error.to_string()),
        })?;
        let facts = facts(&chain, chain_name)?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                CertificateError::Mismatch { chain: chain_name.to_owned(), key: key_name.to_owned() }
            }
            error => malformed(key_name, error.to_string()),
        })?;
        let names = facts.names.clone();
        let certificate = Self { key: Arc::new(key), names, begins: facts.begins, ends: facts.ends };
        Ok((certificate, facts))
    }

    /// Whether that moment is within its time.
    pub fn valid_at(&self, now: SystemTime) -> bool {
        (self.begins..=self.ends).contains(&now)
    }

    /// The names it is for, in lower case: DNS names, perhaps with `*.` in front, and IP addresses.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its first moment.
    pub fn begins(&self) -> SystemTime {
        self.begins
    }

    /// Its last moment.
    pub fn ends(&self) -> SystemTime {
        self.ends
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

/// All certificates of a PEM text; at least one.
pub(super) fn certificates(
    text: &[u8],
    name: &str,
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let chain = chain
        .map_err(|error| CertificateError::Malformed { file: name.to_owned(), why: error.to_string() })?;
    if chain.is_empty() { Err(CertificateError::NoCertificate(name.to_owned())) } else { Ok(chain) }
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(file).map_err(|source| CertificateError::Read { file: file.to_owned(), source })
}

/// What a leaf says of itself.
struct Facts {
    names: Vec<String>,
    begins: SystemTime,
    begin_text: String,
    ends: SystemTime,
    end_text: String,
}

fn facts(chain: &[CertificateDer<'_>], name: &str) -> Result<Facts, CertificateError> {
    let malformed = |why: String| CertificateError::Malformed { file: name.to_owned(), why };
    let leaf = chain.first().ok_or_else(|| CertificateError::NoCertificate(name.to_owned()))?;
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|error| malformed(error.to_string()))?;
    let said = leaf.subject_alternative_name().map_err(|error| malformed(error.to_string()))?;
    let names = said.iter().flat_map(|names| &names.value.general_names).filter_map(written).collect();
    let validity = leaf.validity();
    Ok(Facts {
        names,
        begins: moment(validity.not_before),
        begin_text: validity.not_before.to_string(),
        ends: moment(validity.not_after),
        end_text: validity.not_after.to_string(),
    })
}

fn written(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|ip| std::net::IpAddr::from(ip).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|ip| std::net::IpAddr::from(ip).to_string()),
        },
        _ => None,
    }
}

fn moment(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { UNIX_EPOCH } else { UNIX_EPOCH + distance }
}
