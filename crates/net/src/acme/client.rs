//! The client: finds, orders and renews certificates.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use instant_acme::{Account, AccountCredentials, CertificateIdentifier, NewAccount};

use super::http::Lanes;
use super::order::order;
use super::{AcmeError, ChallengeKind, Store, Stored};
use crate::tls::{Certificate, Challenges};
use crate::{Connector, LaneOptions};

/// Without the server's word: a certificate is renewed when a third of its life is left.
const LAST_THIRD: u32 = 3;
/// How long the server's word on renewal holds at least.
const LEAST_WAIT: Duration = Duration::from_secs(60);

/// Which server is asked, and how.
#[derive(Clone, Debug)]
pub struct AcmeSettings {
    /// The server's directory, such as `https://acme-v02.api.letsencrypt.org/directory`.
    pub directory: String,
    /// Whom the server may write to: `mailto:…`.
    pub contacts: Vec<String>,
    /// How names are shown to be ours.
    pub challenge: ChallengeKind,
    /// How the server is connected to; other authorities than the system's for a server of one's own.
    pub lanes: LaneOptions,
}

/// When a certificate should be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// From then on. Within the server's window, instances and certificates are spread.
    pub at: SystemTime,
    /// When to ask again, as the server may change its mind (a revocation in mass moves windows forward).
    pub ask_again: SystemTime,
}

/// Finds, orders and renews certificates.
#[derive(Debug)]
pub struct AcmeClient<S> {
    settings: AcmeSettings,
    store: S,
    challenges: Arc<Challenges>,
    connector: Arc<Connector>,
}

impl<S: Store> AcmeClient<S> {
    /// A client that keeps things there and lets the doors answer through those challenges.
    pub fn new(
        settings: AcmeSettings,
        store: S,
        challenges: Arc<Challenges>,
        connector: Arc<Connector>,
    ) -> Self {
        Self { settings, store, challenges, connector }
    }

    /// The certificate for exactly those names: from the store if it is good still, otherwise ordered. An order takes some
    /// seconds; another instance that orders the same is waited for.
    pub async fn certificate(&self, names: &[String]) -> Result<Certificate, AcmeError> {
        if let Some(certificate) = self.stored(names).await? {
            return Ok(certificate);
        }
        self.ordered(names, None).await
    }

    /// A new certificate in the place of that one, unless another instance has put one there meanwhile.
    pub async fn renewed(&self, names: &[String], old: &Certificate) -> Result<Certificate, AcmeError> {
        self.ordered(names, Some(old)).await
    }

    /// When a certificate should be renewed: as the server suggests, otherwise when two thirds of its life are over.
    pub async fn renewal(&self, certificate: &Certificate) -> Renewal {
        let now = SystemTime::now();
        let life = certificate.ends().duration_since(certificate.begins()).unwrap_or_default();
        let usual = Renewal {
            at: certificate.ends() - life / LAST_THIRD,
            ask_again: now + Duration::from_secs(6 * 60 * 60),
        };
        self.suggested(certificate, now).await.unwrap_or(usual)
    }

    async fn suggested(&self, certificate: &Certificate, now: SystemTime) -> Option<Renewal> {
        let account = self.account().await.ok()?;
        let (info, wait) = account.renewal_info(&identifier(certificate)?).await.ok()?;
        let (from, to) =
            (SystemTime::from(info.suggested_window.start), SystemTime::from(info.suggested_window.end));
        let width = to.duration_since(from).unwrap_or_default();
        // RFC 9773 section 4.2: a moment of the window by chance.
        let mut chance = [0; 4];
        aws_lc_rs::rand::fill(&mut chance).ok()?;
        let part = f64::from(u32::from_be_bytes(chance)) / f64::from(u32::MAX);
        Some(Renewal { at: from + width.mul_f64(part), ask_again: now + wait.max(LEAST_WAIT) })
    }

    async fn stored(&self, names: &[String]) -> Result<Option<Certificate>, AcmeError> {
        let kept = self.store.certificate(&place(names)).await.map_err(AcmeError::Store)?;
        // One that has expired or cannot be read is as good as none.
        Ok(kept.and_then(|kept| read(&kept).ok()))
    }

    async fn ordered(&self, names: &[String], old: Option<&Certificate>) -> Result<Certificate, AcmeError> {
        let _lock = self.store.lock(&place(names)).await.map_err(AcmeError::Store)?;
        if let Some(found) = self.stored(names).await?
            && old.is_none_or(|old| found != *old)
        {
            return Ok(found);
        }
        let account = self.account().await?;
        let replaces = old.and_then(identifier);
        let stored =
            order(&account, names, self.settings.challenge, (&*self.challenges, &self.store), replaces)
                .await?;
        let certificate = read(&stored)?;
        self.store.keep_certificate(&place(names), &stored).await.map_err(AcmeError::Store)?;
        Ok(certificate)
    }

    /// The account, made if there is none.
    async fn account(&self) -> Result<Account, AcmeError> {
        let place = plain(&self.settings.directory);
        if let Some(account) = self.known_account(&place).await? {
            return Ok(account);
        }
        let _lock = self.store.lock(&format!("account-{place}")).await.map_err(AcmeError::Store)?;
        if let Some(account) = self.known_account(&place).await? {
            return Ok(account);
        }
        let contacts: Vec<_> = self.settings.contacts.iter().map(String::as_str).collect();
        let wanted =
            NewAccount { contact: &contacts, terms_of_service_agreed: true, only_return_existing: false };
        let directory = self.settings.directory.clone();
        let (account, secret) =
            Account::builder_with_http(self.http()).create(&wanted, directory, None).await?;
        let text = serde_json::to_string(&secret).map_err(|error| AcmeError::Store(error.into()))?;
        self.store.keep_account(&place, &text).await.map_err(AcmeError::Store)?;
        Ok(account)
    }

    async fn known_account(&self, place: &str) -> Result<Option<Account>, AcmeError> {
        let Some(text) = self.store.account(place).await.map_err(AcmeError::Store)? else {
            return Ok(None);
        };
        let secret: AccountCredentials =
            serde_json::from_str(&text).map_err(|error| AcmeError::Store(error.into()))?;
        Ok(Some(Account::builder_with_http(self.http()).from_credentials(secret).await?))
    }

    fn http(&self) -> Box<Lanes> {
        Box::new(Lanes { connector: self.connector.clone(), options: self.settings.lanes.clone() })
    }
}

fn read(stored: &Stored) -> Result<Certificate, AcmeError> {
    Ok(Certificate::from_pem(stored.chain.as_bytes(), stored.key.as_bytes())?)
}

/// How the server calls a certificate (RFC 9773 section 4.1).
fn identifier(certificate: &Certificate) -> Option<CertificateIdentifier<'static>> {
    let leaf = certificate.chain().first()?;
    CertificateIdentifier::try_from(leaf).ok().map(CertificateIdentifier::into_owned)
}

/// The name under which the certificate for those names is kept.
fn place(names: &[String]) -> String {
    plain(&names.join("_"))
}

/// What may stand in a file's name.
fn plain(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let plain = |letter: char| if is_plain(letter) { letter.to_ascii_lowercase() } else { '_' };
    text.replace('*', "any").chars().map(plain).collect()
}
