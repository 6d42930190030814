//! Certificates from Pebble, the test server of Let's Encrypt.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tidegate_net::acme::{AcmeClient, AcmeError, AcmeSettings, ChallengeKind, FileStore};
use tidegate_net::tls::{Unknown, UpstreamTls};
use tidegate_net::{
    Answering, Certificates, Challenges, Connector, Door, Handler, Incoming, LaneOptions, Peer, TlsServer,
    TlsSettings,
};
use tidegate_testkit::servers::{Pebble, PebbleSetup};

use crate::house::House;

/// Answers HTTP-01 and nothing else.
struct Prover(Arc<Challenges>);

impl Handler for Prover {
    type Body = Full<Bytes>;

    fn handle(self: Arc<Self>, request: Request<Incoming>, _: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            let answer = self.0.answer(request.uri().path());
            let status = if answer.is_some() { 200 } else { 404 };
            let body = Full::from(answer.map_or_else(String::new, |answer| answer.to_string()));
            Response::builder().status(status).body(body).unwrap()
        })
    }
}

/// Two doors that answer challenges, Pebble, and a folder.
struct Place {
    certificates: Arc<Certificates>,
    challenges: Arc<Challenges>,
    folder: tempfile::TempDir,
    pebble: Pebble,
    trust: UpstreamTls,
    _clear: House,
    secure: House,
}

impl Place {
    async fn start() -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let trust = UpstreamTls { authorities: vec![own.cert.der().clone()], identity: None };
        let challenges = Arc::new(Challenges::default());
        let certificates = Arc::new(Certificates::new(Vec::new(), Unknown::Refuse));
        let clear = House::open_with(Door::new, Arc::new(Prover(challenges.clone())));
        let settings =
            TlsSettings { challenges: challenges.clone(), ..TlsSettings::new(certificates.clone()) };
        let tls = Arc::new(TlsServer::new(&settings).unwrap());
        let secure = House::open(|listener| Door::new(listener).tls(tls));
        let setup = PebbleSetup {
            chain: own.cert.pem(),
            key: own.signing_key.serialize_pem(),
            http_port: clear.address.port(),
            tls_port: secure.address.port(),
            validity: None,
        };
        let pebble = Pebble::start(&setup).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { certificates, challenges, folder, pebble, trust, _clear: clear, secure }
    }

    fn client(&self, challenge: ChallengeKind) -> AcmeClient<FileStore> {
        let settings = AcmeSettings {
            directory: self.pebble.directory(),
            contacts: vec!["mailto:admin@example.com".to_owned()],
            challenge,
            lanes: LaneOptions { tls: Some(self.trust.clone()), ..LaneOptions::default() },
        };
        let store = FileStore::new(self.folder.path()).unwrap();
        AcmeClient::new(settings, store, self.challenges.clone(), Arc::new(Connector::default()))
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn certificates_are_ordered_kept_shared_and_renewed() {
    let place = Place::start().await;
    let wanted = names(&["a.example.com", "b.example.com"]);
    for (kind, wanted) in
        [(ChallengeKind::Http01, &wanted), (ChallengeKind::TlsAlpn01, &names(&["c.example.com"]))]
    {
        let client = place.client(kind);
        let other = place.client(kind);
        // Two instances at once: one orders, the other finds.
        let (first, same) = tokio::join!(client.certificate(wanted), other.certificate(wanted));
        let first = first.unwrap();
        assert_eq!((&first, first.names()), (&same.unwrap(), &wanted[..]), "{kind:?}");
        place.certificates.put(&first);
        let root = first.chain().last().unwrap().clone();
        let shown = shown(&place.secure, &wanted[0]).await;
        assert_eq!(shown, first.chain()[0].to_vec(), "{kind:?}, below {} bytes", root.len());
        let renewal = client.renewal(&first).await;
        assert!(renewal.at > SystemTime::now() && renewal.at < first.ends(), "{renewal:?}");
        let renewed = client.renewed(wanted, &first).await.unwrap();
        assert_ne!(renewed, first);
        assert_eq!(other.renewed(wanted, &first).await.unwrap(), renewed, "it was renewed already");
        assert_eq!(other.certificate(wanted).await.unwrap(), renewed);
    }
    let accounts = std::fs::read_dir(place.folder.path()).unwrap();
    let accounts = accounts.filter(|file| {
        let name = file.as_ref().unwrap().file_name().into_string().unwrap();
        name.starts_with("account-") && name.ends_with(".json")
    });
    assert_eq!(accounts.count(), 1, "one account for all");
}

/// The leaf that a client is shown who trusts everybody.
async fn shown(house: &House, name: &str) -> Vec<u8> {
    let (sender, shown) = std::sync::mpsc::channel();
    let verifier = Arc::new(crate::house::Noting(sender));
    let client = crate::house::builder().dangerous().with_custom_certificate_verifier(verifier);
    house.shake(&Arc::new(client.with_no_client_auth()), name).await.unwrap();
    shown.recv().unwrap()
}

#[tokio::test]
async fn a_name_that_cannot_be_shown_to_be_ours_is_refused_with_the_reason() {
    let place = Place::start().await;
    // The door answers from another table than the one that the order fills.
    let client = AcmeClient::new(
        AcmeSettings {
            directory: place.pebble.directory(),
            contacts: Vec::new(),
            challenge: ChallengeKind::Http01,
            lanes: LaneOptions { tls: Some(place.trust.clone()), ..LaneOptions::default() },
        },
        FileStore::new(place.folder.path()).unwrap(),
        Arc::default(),
        Arc::default(),
    );
    let error = client.certificate(&names(&["a.example.com"])).await.unwrap_err();
    assert!(matches!(&error, AcmeError::Server(_)) && error.to_string().contains("404"), "{error}");
}
