//! One order, from the names to the chain.

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::{AcmeError, Store, Stored};
use crate::tls::{CertificateError, Challenges};

/// How the server is shown that a name is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChallengeKind {
    /// A text over plain HTTP on port 80 (RFC 8555 section 8.3).
    #[default]
    Http01,
    /// A certificate in a handshake on port 443 (RFC 8737).
    TlsAlpn01,
}

impl ChallengeKind {
    fn of_library(self) -> ChallengeType {
        match self {
            Self::Http01 => ChallengeType::Http01,
            Self::TlsAlpn01 => ChallengeType::TlsAlpn01,
        }
    }
}

/// Open challenges; closed when this is dropped, whatever became of the order.
struct Opened<'a> {
    challenges: &'a Challenges,
    open: Vec<String>,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        for place in &self.open {
            self.challenges.close(place);
        }
    }
}

/// Orders a certificate for those names, which replaces that one.
pub(super) async fn order(
    account: &Account,
    names: &[String],
    kind: ChallengeKind,
    (challenges, store): (&Challenges, &impl Store),
    replaces: Option<CertificateIdentifier<'static>>,
) -> Result<Stored, AcmeError> {
    let identifiers: Vec<_> = names.iter().map(|name| identifier(name)).collect();
    let mut wanted = NewOrder::new(&identifiers);
    // Servers without ARI refuse an order that says what it replaces.
    if let Some(replaces) = replaces.clone() {
        wanted = wanted.replaces(replaces);
    }
    let mut order = match account.new_order(&wanted).await {
        Err(_) if replaces.is_some() => account.new_order(&NewOrder::new(&identifiers)).await?,
        order => order?,
    };
    let mut opened = Opened { challenges, open: Vec::new() };
    answer(&mut order, kind, &mut opened, store).await?;
    let retries = RetryPolicy::default();
    let status = order.poll_ready(&retries).await?;
    if status != OrderStatus::Ready {
        return Err(AcmeError::Unfinished(status));
    }
    drop(opened);
    let failed = |error: rcgen::Error| CertificateError::Generate(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut request = CertificateParams::new(names).map_err(failed)?;
    request.distinguished_name = DistinguishedName::new();
    order.finalize_csr(request.serialize_request(&key).map_err(failed)?.der()).await?;
    let chain = order.poll_certificate(&retries).await?;
    Ok(Stored { chain, key: key.serialize_pem() })
}

fn identifier(name: &str) -> Identifier {
    name.parse().map_or_else(|_| Identifier::Dns(name.to_owned()), Identifier::Ip)
}

/// Opens a challenge for each name and says so.
async fn answer(
    order: &mut Order,
    kind: ChallengeKind,
    opened: &mut Opened<'_>,
    store: &impl Store,
) -> Result<(), AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let Some(mut challenge) = authorization.challenge(kind.of_library()) else {
            return Err(AcmeError::NoChallenge(kind, name));
        };
        let proof = challenge.key_authorization();
        match kind {
            ChallengeKind::Http01 => {
                opened.challenges.open_http(&challenge.token, proof.as_str());
                store.publish(&challenge.token, proof.as_str()).await.map_err(AcmeError::Store)?;
                opened.open.push(challenge.token.clone());
            }
            ChallengeKind::TlsAlpn01 => {
                opened.challenges.open_tls(&name, proof.digest().as_ref())?;
                opened.open.push(name);
            }
        }
        challenge.set_ready().await?;
    }
    Ok(())
}
