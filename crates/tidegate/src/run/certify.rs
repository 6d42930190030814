//! Certificates from ACME servers: for each host a task that finds, orders, renews and shows one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tidegate_admin::ConfigState;
use tidegate_net::acme::{AcmeClient, AcmeError, AcmeSettings};
use tidegate_net::tls::Certificate;
use tidegate_net::{Challenges, Connector, LaneOptions};
use tidegate_proxy::chance::chance;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{error, info};

use super::doors::Doors;
use super::shelf::CertificateShelf;
use crate::provision::{self, AcmePlan};

/// The wait after a first failure; doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// The longest wait. Let's Encrypt counts five failed validations of a host in an hour.
const LONGEST_WAIT: Duration = Duration::from_secs(4 * 60 * 60);
/// A certificate is shown for at least this part of its life before it is renewed, whatever the server says.
const LEAST_PART: u32 = 10;

/// Keeps certificates coming.
pub(super) struct Certifier {
    doors: Arc<Doors>,
    shelf: CertificateShelf,
    challenges: Arc<Challenges>,
    connector: Arc<Connector>,
    state: Arc<ConfigState>,
    plans: Vec<AcmePlan>,
    tasks: JoinSet<()>,
}

impl Certifier {
    /// Nothing is under way yet.
    pub(super) fn new(
        doors: Arc<Doors>,
        shelf: CertificateShelf,
        challenges: Arc<Challenges>,
        connector: Arc<Connector>,
        state: Arc<ConfigState>,
    ) -> Self {
        Self { doors, shelf, challenges, connector, state, plans: Vec::new(), tasks: JoinSet::new() }
    }

    /// Takes the doors' plans over.
    pub(super) fn take_over(&mut self, doors: &provision::Doors) {
        self.state.certificates.show(&self.doors.certificates());
        let plans: Vec<_> = doors.all().filter_map(|door| door.tls.as_ref()?.acme.clone()).collect();
        if plans == self.plans {
            return;
        }
        self.tasks.abort_all();
        let mut known = Vec::new();
        for plan in &plans {
            for domain in &plan.domains {
                if !known.contains(domain) {
                    known.push(domain.clone());
                    self.tasks.spawn(self.keeper(plan, domain).keep());
                }
            }
        }
        self.plans = plans;
    }

    fn keeper(&self, plan: &AcmePlan, domain: &str) -> Keeper {
        let lanes = LaneOptions { tls: plan.trust.clone(), ..LaneOptions::default() };
        let client = |challenge| {
            let settings = AcmeSettings {
                directory: plan.directory.clone(),
                contacts: plan.contacts.clone(),
                challenge,
                lanes: lanes.clone(),
            };
            AcmeClient::new(settings, self.shelf.clone(), self.challenges.clone(), self.connector.clone())
        };
        Keeper {
            domain: domain.to_owned(),
            clients: plan.challenges.iter().copied().map(client).collect(),
            doors: self.doors.clone(),
            state: self.state.clone(),
        }
    }
}

/// Keeps the certificate of one host.
struct Keeper {
    domain: String,
    /// One for each way to show that the host is ours, best first.
    clients: Vec<AcmeClient<CertificateShelf>>,
    doors: Arc<Doors>,
    state: Arc<ConfigState>,
}

impl Keeper {
    async fn keep(self) {
        let mut current: Option<Certificate> = None;
        let mut wait = FIRST_WAIT;
        loop {
            match self.next(current.as_ref()).await {
                Ok(Some(certificate)) => {
                    self.doors.show(&self.domain, &certificate);
                    self.state.certificates.count_issued();
                    self.state.certificates.show(&self.doors.certificates());
                    info!(domain = self.domain, "a certificate of the ACME server is shown");
                    wait = FIRST_WAIT;
                    self.until_due(&certificate).await;
                    current = Some(certificate);
                }
                Ok(None) => return,
                Err(error) => {
                    self.state.certificates.count_failed();
                    // Not in step with other hosts and instances.
                    let pause = wait.mul_f64(0.8 + chance() * 0.4);
                    error!(domain = self.domain, %error, again_in = ?pause, "no certificate");
                    sleep(pause).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// A certificate that is not the current one. `None`: there is no way to get one.
    async fn next(&self, current: Option<&Certificate>) -> Result<Option<Certificate>, AcmeError> {
        let names = [self.domain.clone()];
        let mut failed = None;
        for client in &self.clients {
            let got = match current {
                None => client.certificate(&names).await,
                Some(old) => client.renewed(&names, old).await,
            };
            match got {
                Ok(certificate) => return Ok(Some(certificate)),
                Err(error) => {
                    if let Some(earlier) = failed.replace(error) {
                        info!(domain = self.domain, error = %earlier, "another challenge is tried");
                    }
                }
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Waits until a certificate should be renewed.
    async fn until_due(&self, certificate: &Certificate) {
        let Some(client) = self.clients.first() else { return };
        let life = certificate.ends().duration_since(certificate.begins()).unwrap_or_default();
        sleep(life / LEAST_PART).await;
        loop {
            let renewal = client.renewal(certificate).await;
            let now = SystemTime::now();
            if renewal.at <= now {
                return;
            }
            let next = renewal.at.min(renewal.ask_again);
            sleep(next.duration_since(now).unwrap_or_default()).await;
        }
    }
}
