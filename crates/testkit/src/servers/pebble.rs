//! An ACME server of the test's own: Pebble, with a name server that finds every name on 127.0.0.1.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::process::{Plan, Process, TRIES, blocking, free_port};

const MISSING: &str = "Pebble is not installed: on Debian, the package `pebble`";
/// Longest wait until it can be connected to.
const PATIENCE: Duration = Duration::from_secs(20);

/// An ACME server with a new root. It ends with this value or with the test's process.
#[derive(Debug)]
pub struct Pebble {
    folder: PathBuf,
    port: u16,
    names: Option<Process>,
    server: Option<Process>,
}

/// What Pebble is started with.
#[derive(Clone, Debug)]
pub struct PebbleSetup {
    /// The certificate it shows, for 127.0.0.1 (PEM).
    pub chain: String,
    /// Its key (PEM).
    pub key: String,
    /// Where it asks HTTP-01.
    pub http_port: u16,
    /// Where it asks TLS-ALPN-01.
    pub tls_port: u16,
    /// How long its certificates last, in seconds; by default five years.
    pub validity: Option<u64>,
}

impl Pebble {
    /// Starts one. Fails when Pebble is not installed.
    pub async fn start(setup: &PebbleSetup) -> io::Result<Self> {
        let setup = setup.clone();
        blocking(move || {
            let folder = tempfile::Builder::new().prefix("tidegate-pebble-").tempdir()?.keep();
            std::fs::write(folder.join("chain.pem"), &setup.chain)?;
            std::fs::write(folder.join("key.pem"), &setup.key)?;
            let mut server = Self { folder, port: 0, names: None, server: None };
            for _ in 1..TRIES {
                if server.launch(&setup).is_ok() {
                    return Ok(server);
                }
            }
            server.launch(&setup)?;
            Ok(server)
        })
        .await
    }

    /// Its directory.
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    fn launch(&mut self, setup: &PebbleSetup) -> io::Result<()> {
        (self.server, self.names) = (None, None);
        let names_port = free_port()?;
        // One of its own, as the folder of a server is removed with it.
        let names_folder = tempfile::tempdir()?.keep();
        let command = ["pebble-challtestsrv", "-http01", "", "-https01", "", "-tlsalpn01", ""];
        let mut command: Vec<_> = command.into_iter().map(Into::into).collect();
        for (option, value) in [
            ("-management", format!("127.0.0.1:{}", free_port()?)),
            ("-dns01", format!("127.0.0.1:{names_port}")),
            ("-defaultIPv4", "127.0.0.1".to_owned()),
            ("-defaultIPv6", String::new()),
        ] {
            command.extend([option.into(), value.into()]);
        }
        let plan = Plan {
            command,
            folder: &names_folder,
            user: None,
            end: "KILL",
            ready: "Starting management server",
        };
        self.names = Some(Process::start(&plan).map_err(explained)?);
        self.port = free_port()?;
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "127.0.0.1:{}", "managementListenAddress": "127.0.0.1:{}",
            "certificate": "chain.pem", "privateKey": "key.pem", "httpPort": {}, "tlsPort": {},
            "certificateValidityPeriod": {}, "ocspResponderURL": "", "externalAccountBindingRequired": false}}}}"#,
            self.port,
            free_port()?,
            setup.http_port,
            setup.tls_port,
            setup.validity.unwrap_or(157_766_400)
        );
        std::fs::write(self.folder.join("config.json"), config)?;
        let server = ["env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "pebble", "-config"];
        let mut command: Vec<_> = server.into_iter().map(Into::into).collect();
        command.extend(["config.json".into(), "-dnsserver".into(), format!("127.0.0.1:{names_port}").into()]);
        let plan = Plan {
            command,
            folder: &self.folder,
            user: None,
            end: "KILL",
            ready: "ACME directory available",
        };
        self.server = Some(Process::start(&plan).map_err(explained)?);
        // It says so just before it listens.
        let end = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) {
            if Instant::now() > end {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

fn explained(error: io::Error) -> io::Error {
    let is_missing = ["not found", "No such file"].iter().any(|said| error.to_string().contains(said));
    if is_missing { io::Error::other(MISSING) } else { error }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        drop((self.server.take(), self.names.take()));
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
