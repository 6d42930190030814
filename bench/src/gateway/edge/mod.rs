//! What is measured at the edge: nginx and Tidegate with the same routes, certificate, files and server behind them.

mod nginx;
mod tidegate;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::{NGINX, Site, TIDEGATE};
use crate::process::Gateway;
use crate::upstream::origin;

/// The routes: everything below the first goes to the server, everything below the second is files.
pub(crate) const PROXIED: &str = "/proxy/";
pub(crate) const FILES: &str = "/files/";

/// Sizes of the files, and their names.
pub(crate) const SMALL_FILE: (&str, usize) = ("1k.bin", 1024);
pub(crate) const LARGE_FILE: (&str, usize) = ("1m.bin", 1024 * 1024);

/// What both gateways have in common.
pub(crate) struct Grounds {
    /// The server behind them.
    origin: SocketAddr,
    files: PathBuf,
    /// PEM files.
    certificate: PathBuf,
    key: PathBuf,
    /// A client that knows the certificate.
    pub(crate) client: Arc<ClientConfig>,
}

impl Grounds {
    /// Starts the server, writes the files, makes a certificate: ECDSA on P-256.
    pub(crate) async fn prepare(site: &Site<'_>) -> Result<Self> {
        let files = site.folder.join("files");
        fs::create_dir_all(&files)?;
        for (name, size) in [SMALL_FILE, LARGE_FILE] {
            fs::write(files.join(name), vec![b'x'; size])?;
        }
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let (certificate, key) = (site.folder.join("edge.pem"), site.folder.join("edge.key"));
        fs::write(&certificate, made.cert.pem())?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        let known = CertificateDer::from(made.cert.der().to_vec());
        let client = crate::load::client(known)?;
        let origin = origin::start().await?;
        Ok(Self { origin, files, certificate, key, client })
    }
}

/// A gateway that runs.
pub(crate) struct Edge {
    pub(crate) name: &'static str,
    /// With its version, for the report.
    pub(crate) version: String,
    pub(crate) process: Gateway,
    pub(crate) plain: SocketAddr,
    pub(crate) secured: SocketAddr,
}

impl Edge {
    /// Starts the gateway of that name.
    pub(crate) fn start(name: &str, site: &Site<'_>, grounds: &Grounds) -> Result<Self> {
        match name {
            NGINX => nginx::start(site, grounds),
            TIDEGATE => tidegate::start(site, grounds),
            other => bail!("no edge is called {other}: there are {NGINX} and {TIDEGATE}"),
        }
    }

    /// Resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> f64 {
        self.process.resident_kib() as f64 / 1024.0
    }
}
