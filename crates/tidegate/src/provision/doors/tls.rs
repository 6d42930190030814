//! Certificates and keys: read, and held against each other.

use std::path::PathBuf;
use std::time::SystemTime;

use tidegate_net::acme::ChallengeKind;
use tidegate_net::tls::{
    CallerCertificates, Certificate, CertificateError, OldestVersion, Unknown, UpstreamTls,
};

use super::{AcmePlan, Plans, TlsPlan};
use crate::config::problem::Problem;
use crate::config::written::{
    AcmeEntry, CertificateEntry, ChallengeWord, DoorAddress, TlsTerms, TlsVersionWord,
};

/// How soon before its end a certificate is worth a warning.
const SOON: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 60 * 60);

impl Plans<'_> {
    /// What a door shows. `path`: where the door is written. `None` when there is something wrong with it.
    pub(super) fn tls(&mut self, terms: &TlsTerms, path: &[&str], address: &DoorAddress) -> Option<TlsPlan> {
        let path = [path, &["tls"]].concat();
        if terms.certificates.is_empty() && terms.acme.is_none() && !terms.self_signed {
            let problem =
                Problem::error("this door has no certificate to show", self.loaded.tree.place_of(&path));
            self.problems.push(problem.help(
                "name files in `certificates`, or `acme` with your domains, or say `tls: self-signed` for trying out",
            ));
            return None;
        }
        let mut files = Vec::new();
        let mut certificates = Vec::new();
        for (at, entry) in terms.certificates.iter().enumerate() {
            let number = at.to_string();
            let place = [&path[..], &["certificates", &number]].concat();
            certificates.extend(self.certificate(entry, &place, &mut files));
        }
        let callers = terms.client_certificates.as_ref().and_then(|entry| {
            let file = self.loaded.folder.join(&entry.authorities);
            files.push(file.clone());
            let loaded = CallerCertificates::load(&file, entry.required);
            let place = [&path[..], &["client_certificates", "authorities"]].concat();
            loaded.map_err(|error| self.error(error.to_string(), &place)).ok()
        });
        let acme = terms.acme.as_ref().and_then(|entry| self.acme(entry, &path));
        Some(TlsPlan {
            certificates,
            files,
            placeholder: terms.self_signed.then(|| own_names(address)),
            acme,
            callers,
            oldest: match terms.oldest {
                TlsVersionWord::V12 => OldestVersion::Tls12,
                TlsVersionWord::V13 => OldestVersion::Tls13,
            },
            http2: terms.http2,
            unknown: if terms.known_hosts_only { Unknown::Refuse } else { Unknown::First },
            handshake: terms.handshake_timeout.0,
        })
    }

    fn certificate(
        &mut self,
        entry: &CertificateEntry,
        path: &[&str],
        files: &mut Vec<PathBuf>,
    ) -> Option<Certificate> {
        let chain = self.loaded.folder.join(&entry.cert);
        let key = self.loaded.folder.join(&entry.key);
        files.extend([chain.clone(), key.clone()]);
        let place = |setting| self.loaded.tree.place_of(&[path, &[setting]].concat());
        match Certificate::load_undated(&chain, &key) {
            Ok(certificate) => {
                let told = dated(&certificate, &entry.cert);
                let warning = told.map(|words| Problem::warning(words, place("cert")));
                self.problems.extend(warning);
                Some(certificate)
            }
            Err(error) => {
                let is_of_key = match &error {
                    CertificateError::Read { file, .. } => *file == key,
                    CertificateError::Malformed { file, .. } => **file == *key.to_string_lossy(),
                    CertificateError::NoKey(_) | CertificateError::Mismatch { .. } => true,
                    _ => false,
                };
                let at = place(if is_of_key { "key" } else { "cert" });
                let mut problem = Problem::error(error.to_string(), at);
                if matches!(error, CertificateError::Mismatch { .. }) {
                    problem = problem.context(place("cert"), "this certificate");
                }
                self.problems.push(problem);
                None
            }
        }
    }

    fn acme(&mut self, entry: &AcmeEntry, path: &[&str]) -> Option<AcmePlan> {
        let path = [path, &["acme"]].concat();
        if entry.domains.is_empty() {
            self.error("name at least one host in `domains`", &[&path[..], &["domains"]].concat());
            return None;
        }
        for (at, domain) in entry.domains.iter().enumerate() {
            if let Some(words) = no_domain(domain) {
                let number = at.to_string();
                self.error(words, &[&path[..], &["domains", &number]].concat());
            }
        }
        if entry.challenges.is_empty() {
            self.error("name `tls-alpn-01`, `http-01` or both", &[&path[..], &["challenges"]].concat());
        }
        if !entry.directory.0.starts_with("https://") {
            self.error("the directory must begin with https://", &[&path[..], &["directory"]].concat());
        }
        let is_clear = self.loaded.config.listen.iter().any(|door| door.tls.is_none());
        if !is_clear && entry.challenges == [ChallengeWord::Http01] {
            let place = self.loaded.tree.place_of(&[&path[..], &["challenges"]].concat());
            let problem =
                Problem::error("`http-01` is asked on a door in the clear, and there is none", place);
            self.problems
                .push(problem.help("add `{ address: 0.0.0.0:80, redirect_to_https: true }` to `listen`"));
        }
        let trust = entry.ca.as_ref().and_then(|file| {
            let loaded = UpstreamTls::trusting(&self.loaded.folder.join(file));
            loaded.map_err(|error| self.error(error.to_string(), &[&path[..], &["ca"]].concat())).ok()
        });
        let kind = |word: &ChallengeWord| match word {
            ChallengeWord::TlsAlpn01 => ChallengeKind::TlsAlpn01,
            ChallengeWord::Http01 => ChallengeKind::Http01,
        };
        Some(AcmePlan {
            domains: entry.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
            contacts: entry.emails.iter().map(|email| format!("mailto:{email}")).collect(),
            directory: entry.directory.0.clone(),
            trust,
            challenges: entry.challenges.iter().map(kind).collect(),
        })
    }
}

/// What is worth a warning of a certificate's time.
fn dated(certificate: &Certificate, file: &str) -> Option<String> {
    let now = SystemTime::now();
    let days = |time: std::time::Duration| time.as_secs() / 86_400;
    if let Ok(since) = now.duration_since(certificate.ends()) {
        return Some(format!(
            "the certificate in {file} expired {} days ago: clients refuse it",
            days(since)
        ));
    }
    if certificate.begins() > now {
        return Some(format!("the certificate in {file} is not valid yet: clients refuse it"));
    }
    let left = certificate.ends().duration_since(now).unwrap_or_default();
    (left < SOON).then(|| format!("the certificate in {file} expires in {} days", days(left)))
}

fn no_domain(domain: &str) -> Option<String> {
    let is_name = domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    match domain.strip_prefix("*.") {
        Some(_) => Some(format!(
            "`{domain}`: certificates with a wildcard need a DNS challenge, which is not offered; name each host"
        )),
        None if !is_name => Some(format!("`{domain}` is no host name; write it as `app.example.com`")),
        None => None,
    }
}

/// What somebody who tries it out may call this machine.
fn own_names(address: &DoorAddress) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let DoorAddress::Tcp(address) = address
        && !address.ip().is_unspecified()
        && !names.contains(&address.ip().to_string())
    {
        names.push(address.ip().to_string());
    }
    names
}
