//! Certificates and TLS clients for tests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Longer than a handshake takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A certificate with its key, as PEM texts.
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) der: CertificateDer<'static>,
}

/// A new certificate for that host, valid from and to so many days from now.
pub(crate) fn pair(host: &str, days: (i64, i64)) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let now = std::time::SystemTime::now();
    let day = |days: i64| std::time::Duration::from_secs(days.unsigned_abs() * 86_400);
    let moment = |days: i64| if days < 0 { now - day(days) } else { now + day(days) };
    (wanted.not_before, wanted.not_after) = (moment(days.0).into(), moment(days.1).into());
    let made = wanted.self_signed(&key).unwrap();
    Pair { cert: made.pem(), key: key.serialize_pem(), der: made.der().clone() }
}

impl Pair {
    /// Writes `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.pem")), &self.cert).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), &self.key).unwrap();
    }
}

/// A client that trusts these and keeps no sessions.
pub(crate) fn trusting(pairs: &[&Pair]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    pairs.iter().for_each(|pair| roots.add(pair.der.clone()).unwrap());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// A connection under TLS.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Shakes hands, naming that host.
pub(crate) fn shake(address: SocketAddr, client: &Arc<ClientConfig>, host: &str) -> std::io::Result<Stream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut connection = ClientConnection::new(client.clone(), name).map_err(std::io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

/// Asks for a path and reads the whole answer.
pub(crate) fn ask_on(stream: &mut Stream, host: &str, path: &str) -> std::io::Result<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The same on a connection of its own.
pub(crate) fn get(
    address: SocketAddr,
    client: &Arc<ClientConfig>,
    host: &str,
    path: &str,
) -> std::io::Result<String> {
    ask_on(&mut shake(address, client, host)?, host, path)
}

/// A client that trusts everybody.
pub(crate) fn careless() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let verifier = Arc::new(Anybody);
    Arc::new(builder.unwrap().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[derive(Debug)]
struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
