//! Handshakes with clients of other versions, other names and other manners.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::HandshakeKind;
use rustls::pki_types::PrivateKeyDer;
use tidegate_net::tls::{
    CallerCertificates, Certificate, CertificateError, Certificates, OldestVersion, Unknown, self_signed,
};
use tidegate_net::{TlsServer, TlsSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::calls::ask_http2;
use crate::house::{House, ask_on, builder, certificate, read_all, settings, trusting};

/// The subject alternative names of the certificate that a client was shown.
async fn shown(house: &House, client: &Arc<rustls::ClientConfig>, name: &str) -> std::io::Result<Vec<u8>> {
    let stream = house.shake(client, name).await?;
    Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

#[tokio::test]
async fn the_certificate_is_the_one_for_the_name() {
    let all = [
        certificate(&["first.example", "127.0.0.1"]),
        certificate(&["*.apps.example"]),
        certificate(&["a.apps.example"]),
    ];
    let house = House::secure(&settings(all.to_vec()));
    let client = Arc::new(trusting(&all));
    for (name, which) in [
        ("first.example", 0),
        ("FIRST.example", 0),
        ("127.0.0.1", 0),
        ("b.apps.example", 1),
        ("a.apps.example", 2),
    ] {
        assert_eq!(shown(&house, &client, name).await.unwrap(), all[which].chain()[0].to_vec(), "{name}");
    }
    // A wildcard is for one label; who names no known host sees the first certificate, which the client refuses.
    for name in ["c.b.apps.example", "apps.example", "unknown.example"] {
        let error = shown(&house, &client, name).await.unwrap_err().to_string();
        assert!(error.contains("not valid for name"), "{name}: {error}");
    }
}

#[tokio::test]
async fn the_handler_is_told_of_the_handshake_and_both_versions_of_http_are_offered() {
    let all = [certificate(&["h.example"])];
    let house = House::secure(&settings(all.to_vec()));
    let mut client = trusting(&all);
    let told = house.ask(&Arc::new(client.clone()), "h.example").await.unwrap();
    assert!(told.contains(r#"HTTP/1.1 TLSv1.3 Some("h.example") nobody from 127.0.0.1:"#), "{told}");
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = house.shake(&Arc::new(client), "h.example").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let told = ask_http2(stream, "/").await.unwrap();
    assert!(told.body().starts_with("HTTP/2.0 TLSv1.3"), "{told:?}");
}

#[tokio::test]
async fn sessions_are_resumed() {
    let all = [certificate(&["h.example"])];
    let house = House::secure(&settings(all.to_vec()));
    let client = Arc::new(trusting(&all));
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut stream = house.shake(&client, "h.example").await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind));
        ask_on(&mut stream).await.unwrap();
    }
}

#[tokio::test]
async fn fault_24_a_host_that_nobody_knows_is_refused_where_that_is_wanted() {
    let all = vec![certificate(&["h.example"])];
    let client = Arc::new(trusting(&all));
    let house = House::secure(&TlsSettings::new(Arc::new(Certificates::new(all, Unknown::Refuse))));
    house.ask(&client, "h.example").await.unwrap();
    for name in ["other.example", "127.0.0.1"] {
        let error = house.ask(&client, name).await.unwrap_err().to_string();
        assert!(error.contains("alert"), "{error}");
    }
}

/// A ClientHello for TLS 1.1, as OpenSSL writes it: version 3.2 with one suite.
const TLS11: &[u8] = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x02abcdefghijklmnopqrstuvwxyz012345\x00\x00\x02\xc0\x14\x01\x00";

#[tokio::test]
async fn fault_24_old_versions_and_garbage_get_an_alert() {
    let house = House::secure(&settings(vec![certificate(&["h.example"])]));
    for said in
        [TLS11, b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", b"\x80\x2e\x01\x00\x02 old"]
    {
        let mut stream = house.connect().await;
        stream.write_all(said).await.unwrap();
        let mut read = Vec::new();
        // Closed with bytes unread, a connection is reset.
        let _ = stream.read_to_end(&mut read).await;
        assert!(read.is_empty() || read[0] == 21, "no alert: {read:?}");
        assert!(said != TLS11 || read[5] == 2, "not fatal: {read:?}");
    }
}

#[tokio::test]
async fn fault_24_http_in_the_clear_is_told_so_in_plain_text() {
    let house = House::secure(&settings(vec![certificate(&["h.example"])]));
    let mut stream = house.connect().await;
    let told = ask_on(&mut stream).await.unwrap();
    assert!(told.starts_with("HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain"), "{told}");
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("content-length: {}\r\n", body.len())) && body.contains("https://"),
        "{told}"
    );
}

#[tokio::test]
async fn fault_24_half_a_handshake_is_ended_and_holds_nobody_up() {
    let all = vec![certificate(&["h.example"])];
    let client = Arc::new(trusting(&all));
    let house = House::secure(&TlsSettings { handshake: Duration::from_millis(300), ..settings(all) });
    let mut halves = Vec::new();
    for _ in 0..50 {
        let mut half = house.connect().await;
        half.write_all(&TLS11[..20]).await.unwrap();
        halves.push(half);
    }
    house.ask(&client, "h.example").await.unwrap();
    for half in &mut halves {
        let ended = tokio::time::timeout(Duration::from_secs(20), read_all(half)).await;
        assert!(ended.is_ok(), "it is open still");
    }
}

#[tokio::test]
async fn tls_1_2_is_spoken_unless_it_is_not_wanted() {
    let all = vec![certificate(&["h.example"])];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(all[0].chain()[0].clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Arc::new(client);
    let house = House::secure(&settings(all.clone()));
    assert!(house.ask(&client, "h.example").await.unwrap().contains("TLSv1.2"));
    let house = House::secure(&TlsSettings { oldest: OldestVersion::Tls13, ..settings(all) });
    let error = house.ask(&client, "h.example").await.unwrap_err().to_string();
    assert!(error.contains("ProtocolVersion"), "{error}");
}

/// An authority with a name of its own.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut wanted = CertificateParams::default();
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wanted.distinguished_name.push(rcgen::DnType::OrganizationName, name);
    CertifiedIssuer::self_signed(wanted, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn callers_may_or_must_show_certificates() {
    let all = vec![certificate(&["h.example"])];
    let (ours, other) = (authority("ours"), authority("other"));
    let client = |from: Option<&CertifiedIssuer<'static, KeyPair>>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(all[0].chain()[0].clone()).unwrap();
        let builder = builder().with_root_certificates(roots);
        let Some(from) = from else { return Arc::new(builder.with_no_client_auth()) };
        let key = KeyPair::generate().unwrap();
        let mut wanted = CertificateParams::default();
        wanted.distinguished_name = rcgen::DistinguishedName::new();
        wanted.distinguished_name.push(rcgen::DnType::CommonName, "alice");
        let signed = wanted.signed_by(&key, from).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Arc::new(builder.with_client_auth_cert(vec![signed.der().clone()], key).unwrap())
    };
    for (required, nobody_may) in [(true, false), (false, true)] {
        let callers = CallerCertificates { authorities: vec![ours.der().clone()], required };
        let house = House::secure(&TlsSettings { callers: Some(callers), ..settings(all.clone()) });
        let known = client(Some(&ours));
        for _ in 0..2 {
            // The second time with a ticket.
            let told = house.ask(&known, "h.example").await.unwrap();
            assert!(told.contains("CN=alice"), "{told}");
        }
        assert!(house.ask(&client(Some(&other)), "h.example").await.is_err(), "from another authority");
        let nobody = house.ask(&client(None), "h.example").await;
        assert_eq!(nobody.is_ok_and(|told| told.contains("nobody")), nobody_may);
    }
}

#[tokio::test]
async fn new_settings_hold_for_new_handshakes_and_wrong_ones_change_nothing() {
    let all = vec![certificate(&["h.example"])];
    let client = Arc::new(trusting(&all));
    let server = Arc::new(TlsServer::new(&settings(all.clone())).unwrap());
    let house = House::open(|listener| tidegate_net::Door::new(listener).tls(server.clone()));
    let wrong = CallerCertificates { authorities: vec![b"nonsense".to_vec().into()], required: true };
    server.replace(&TlsSettings { callers: Some(wrong), ..settings(all.clone()) }).unwrap_err();
    let mut old = house.shake(&client, "h.example").await.unwrap();
    let callers = CallerCertificates { authorities: vec![authority("ours").der().clone()], required: true };
    server.replace(&TlsSettings { callers: Some(callers), ..settings(all) }).unwrap();
    assert!(house.ask(&client, "h.example").await.is_err(), "without a certificate");
    assert!(ask_on(&mut old).await.unwrap().contains("nobody"), "the connection of before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_25_certificates_change_under_handshakes_and_none_fails() {
    let all: Vec<_> = (0..2).map(|_| certificate(&["h.example"])).collect();
    let certificates = Arc::new(Certificates::new(vec![all[0].clone()], Unknown::Refuse));
    let house = Arc::new(House::secure(&TlsSettings::new(certificates.clone())));
    let mut config = trusting(&all);
    config.resumption = rustls::client::Resumption::disabled();
    let client = Arc::new(config);
    let mut old = house.shake(&client, "h.example").await.unwrap();
    let (over, shaken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (house, client, over, shaken) = (house.clone(), client.clone(), over.clone(), shaken.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    house.shake(&client, "h.example").await.expect("a handshake failed");
                    shaken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for change in 1..=100 {
        let wanted = shaken.load(Ordering::Relaxed) + 3;
        certificates.replace(vec![all[change % 2].clone()], Unknown::Refuse);
        certificates.put(&all[change % 2]);
        while shaken.load(Ordering::Relaxed) < wanted {
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(certificates.all().len(), 1);
    assert!(ask_on(&mut old).await.unwrap().contains("TLSv1.3"), "the connection of before all changes");
}

#[test]
fn fault_25_files_that_cannot_be_used_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let make = |from: i64, to: i64| {
        let key = KeyPair::generate().unwrap();
        let mut wanted = CertificateParams::new(vec!["h.example".to_owned()]).unwrap();
        let at = |days: i64| {
            let distance = Duration::from_secs(days.unsigned_abs() * 86400);
            let now = SystemTime::now();
            if days < 0 { now - distance } else { now + distance }
        };
        (wanted.not_before, wanted.not_after) = (at(from).into(), at(to).into());
        (wanted.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let (good, key) = make(-1, 1);
    let (chain, key_file) = (write("good.pem", &good), write("good.key", &key));
    let loaded = Certificate::load(&chain, &key_file).unwrap();
    assert_eq!(loaded.names(), ["h.example"]);
    assert!(loaded.begins() < SystemTime::now() && loaded.ends() > SystemTime::now());
    let refused = |chain: &str, key: &str| {
        let error = Certificate::load(&write("bad.pem", chain), &write("bad.key", key)).unwrap_err();
        (error.to_string(), error)
    };
    let (text, error) = refused(&good, &make(-1, 1).1);
    assert!(matches!(error, CertificateError::Mismatch { .. }) && text.contains("bad.key"), "{text}");
    let (expired, expired_key) = make(-2, -1);
    let (text, error) = refused(&expired, &expired_key);
    assert!(matches!(error, CertificateError::Expired { .. }) && text.contains("bad.pem"), "{text}");
    let (early, early_key) = make(1, 2);
    assert!(matches!(refused(&early, &early_key).1, CertificateError::NotYet { .. }));
    assert!(matches!(refused("nothing", &key).1, CertificateError::NoCertificate(_)));
    assert!(matches!(refused(&good, "nothing").1, CertificateError::NoKey(_)));
    assert!(matches!(refused(&good, &good).1, CertificateError::NoKey(_)));
    let broken = good.replace("MI", "!!");
    assert!(matches!(refused(&broken, &key).1, CertificateError::Malformed { .. }));
    let missing = Certificate::load(&folder.path().join("none.pem"), &key_file).unwrap_err();
    assert!(missing.to_string().contains("none.pem"), "{missing}");
}

#[test]
fn a_self_signed_certificate_has_its_names_in_lower_case() {
    let made = self_signed(&["A.example".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]).unwrap();
    assert_eq!(made.names(), ["a.example", "127.0.0.1", "::1"]);
}
