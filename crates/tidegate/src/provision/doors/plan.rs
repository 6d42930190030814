//! How a door is to be served.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_net::ServeLimits;
use tidegate_net::acme::ChallengeKind;
use tidegate_net::serve::Trust;
use tidegate_net::tls::{CallerCertificates, Certificate, OldestVersion, Unknown, UpstreamTls};
use tidegate_policy::access::Network;

use crate::config::written::DoorAddress;

/// How a door is to be served.
#[derive(Clone, Debug)]
pub struct DoorPlan {
    /// Where, as the config says: port 0 stays 0.
    pub address: DoorAddress,
    /// How many sockets share it (`SO_REUSEPORT`); 1: nobody shares it.
    pub shards: usize,
    /// What cannot change without serving the socket anew.
    pub terms: DoorTerms,
    /// What is shown in handshakes; all of it may change while connections go on.
    pub tls: Option<TlsPlan>,
}

/// What holds for a connection to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct DoorTerms {
    /// Limits of its connections.
    pub limits: ServeLimits,
    /// Whose PROXY headers are believed.
    pub trust: Option<TrustTerms>,
    /// Most connections, of all and of one address.
    pub seats: Option<(usize, usize)>,
    /// The port of `https`, if everybody is sent there.
    pub redirect: Option<u16>,
    /// Whether it speaks TLS.
    pub is_secure: bool,
}

/// Whose PROXY headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustTerms {
    /// These networks'.
    pub networks: Vec<Network>,
    /// Everybody's on a Unix socket.
    pub unix: bool,
}

impl TrustTerms {
    /// The same for the server.
    pub fn trust(&self) -> Trust {
        let networks = self.networks.clone();
        Trust::new(move |address: IpAddr| networks.iter().any(|network| network.contains(address)), self.unix)
    }
}

/// What a door shows in handshakes.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// Certificates from files.
    pub certificates: Vec<Certificate>,
    /// The files that were read, to be watched.
    pub files: Vec<PathBuf>,
    /// The names of a self-signed certificate beside them.
    pub placeholder: Option<Vec<String>>,
    /// Certificates that are yet to come.
    pub acme: Option<AcmePlan>,
    /// Whose certificates are asked for.
    pub callers: Option<CallerCertificates>,
    /// The oldest version.
    pub oldest: OldestVersion,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// What those see who name no known host.
    pub unknown: Unknown,
    /// Longest handshake.
    pub handshake: Duration,
}

/// Certificates from an ACME server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmePlan {
    /// The host names, in lower case.
    pub domains: Vec<String>,
    /// Whom the server may write to, as `mailto:…`.
    pub contacts: Vec<String>,
    /// The server's directory.
    pub directory: String,
    /// Who vouches for the server, if not the system's authorities.
    pub trust: Option<UpstreamTls>,
    /// How names are shown to be ours, best first.
    pub challenges: Vec<ChallengeKind>,
}
