//! A certificate that nobody vouches for, for trying things out.

use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};

use super::{Certificate, CertificateError};

/// How long it lasts: as long as browsers take at most from a certificate.
const LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Makes a certificate for those host names and IP addresses, with a new P-256 key, valid for 90 days.
pub fn self_signed(names: &[String]) -> Result<Certificate, CertificateError> {
    let failed = |error: rcgen::Error| CertificateError::Generate(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut wanted = CertificateParams::new(names).map_err(failed)?;
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::CommonName, "Tidegate self-signed");
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    // A day of tolerance for callers whose clock is behind.
    wanted.not_before = (now - Duration::from_secs(24 * 60 * 60)).into();
    wanted.not_after = (now + LIFE).into();
    let certificate = wanted.self_signed(&key).map_err(failed)?;
    Certificate::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
}
