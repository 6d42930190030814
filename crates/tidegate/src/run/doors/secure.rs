//! What a door shows in handshakes, exchanged while they go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::Result;
use tidegate_net::tls::{Certificate, self_signed};
use tidegate_net::{Certificates, Challenges, TlsServer, TlsSettings};
use tracing::warn;

use crate::provision::TlsPlan;
use crate::run::shelf::CertificateShelf;

/// Certificates that come from no file: made here, or by an ACME server.
#[derive(Debug)]
pub(in crate::run) struct Made {
    own: Mutex<HashMap<Vec<String>, Certificate>>,
    issued: Mutex<HashMap<String, Certificate>>,
    /// Where doors find the answers to ACME servers.
    pub(in crate::run) challenges: Arc<Challenges>,
    /// Where other instances' answers are.
    pub(super) shelf: CertificateShelf,
}

impl Made {
    /// Nothing is made yet.
    pub(in crate::run) fn new(shelf: CertificateShelf) -> Self {
        Self { own: Mutex::default(), issued: Mutex::default(), challenges: Arc::default(), shelf }
    }

    /// Keeps the certificate for that host, for the doors of later configs.
    pub(in crate::run) fn keep(&self, domain: &str, certificate: Certificate) {
        lock(&self.issued).insert(domain.to_owned(), certificate);
    }

    /// The self-signed one for those names: one and the same as long as the process lives and it is good.
    fn own(&self, names: &[String]) -> Result<Certificate> {
        let mut all = lock(&self.own);
        if let Some(known) = all.get(names).filter(|known| known.valid_at(SystemTime::now())) {
            return Ok(known.clone());
        }
        let made = self_signed(names)?;
        all.insert(names.to_vec(), made.clone());
        Ok(made)
    }

    fn issued(&self, domain: &str) -> Option<Certificate> {
        lock(&self.issued).get(domain).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A door's TLS.
#[derive(Debug)]
pub(super) struct Secure {
    pub(super) server: Arc<TlsServer>,
    certificates: Arc<Certificates>,
    plan: TlsPlan,
}

impl Secure {
    pub(super) fn new(plan: &TlsPlan, made: &Made) -> Result<Self> {
        let certificates = Arc::new(Certificates::new(table(plan, &[], made)?, plan.unknown));
        let server = Arc::new(TlsServer::new(&settings(plan, certificates.clone(), made))?);
        Ok(Self { server, certificates, plan: plan.clone() })
    }

    /// From the next handshake on, shows what that plan says. On an error all stays as it is.
    pub(super) fn take_over(&mut self, plan: &TlsPlan, made: &Made) -> Result<()> {
        let all = table(plan, &self.certificates.all(), made)?;
        // Other settings make tickets worthless; other certificates do not.
        if spoken(&self.plan) != spoken(plan) {
            self.server.replace(&settings(plan, self.certificates.clone(), made))?;
        }
        self.certificates.replace(all, plan.unknown);
        self.plan = plan.clone();
        Ok(())
    }

    /// Shows a new certificate for that host, if the door has one for it.
    pub(super) fn show(&self, domain: &str, certificate: &Certificate) {
        if self.plan.acme.as_ref().is_some_and(|acme| acme.domains.iter().any(|name| name == domain)) {
            self.certificates.put(certificate);
        }
    }

    /// All that is shown.
    pub(super) fn shown(&self) -> Vec<Certificate> {
        self.certificates.all()
    }
}

fn spoken(plan: &TlsPlan) -> impl PartialEq + '_ {
    (&plan.callers, plan.oldest, plan.http2, plan.handshake)
}

fn settings(plan: &TlsPlan, certificates: Arc<Certificates>, made: &Made) -> TlsSettings {
    TlsSettings {
        challenges: made.challenges.clone(),
        callers: plan.callers.clone(),
        oldest: plan.oldest,
        http2: plan.http2,
        handshake: plan.handshake,
        ..TlsSettings::new(certificates)
    }
}

/// What is shown by that plan. A file's certificate that is over does not take the place of one that is good.
fn table(plan: &TlsPlan, before: &[Certificate], made: &Made) -> Result<Vec<Certificate>> {
    let now = SystemTime::now();
    let mut all = Vec::new();
    for new in &plan.certificates {
        let good = |old: &&Certificate| old.names() == new.names() && old.valid_at(now);
        match before.iter().find(good) {
            Some(old) if !new.valid_at(now) => {
                warn!(names = ?new.names(), "the new certificate is not valid now; the one before is shown on");
                all.push(old.clone());
            }
            _ => all.push(new.clone()),
        }
    }
    for domain in plan.acme.iter().flat_map(|acme| &acme.domains) {
        all.push(match made.issued(domain) {
            Some(issued) => issued,
            None => made.own(std::slice::from_ref(domain))?,
        });
    }
    if let Some(names) = &plan.placeholder {
        all.push(made.own(names)?);
    }
    Ok(all)
}
