//! Tidegate with the same routes: its access log in nginx's words, all else as it is by default.

use std::fs;

use anyhow::{Context, Result};

use super::{Edge, FILES, Grounds, PROXIED};
use crate::gateway::tidegate::{launch, program};
use crate::gateway::{Site, TIDEGATE, free_port, wait_until_ready};

pub(super) fn start(site: &Site<'_>, grounds: &Grounds) -> Result<Edge> {
    let program = program(site.tidegate.as_deref())?;
    let (plain, secured, admin) = (free_port()?, free_port()?, free_port()?);
    let listen = format!(
        "listen:\n\
         \x20 - {{ address: {plain} }}\n\
         \x20 - {{ address: {secured}, tls: {{ certificates: [{{ cert: {}, key: {} }}], oldest: \"1.3\" }} }}\n\
         admin: {{ address: {admin} }}\n",
        grounds.certificate.display(),
        grounds.key.display()
    );
    let config = site.folder.join("edge.yaml");
    fs::write(&config, listen + &routes(grounds))?;
    let log = site.folder.join("edge.log");
    let (mut process, version) = launch(&program, &config, &log, site.pinned)?;
    wait_until_ready(&mut process, secured, &log).context("tidegate")?;
    Ok(Edge { name: TIDEGATE, version, process, plain, secured })
}

fn routes(grounds: &Grounds) -> String {
    format!(
        "workers: 1\n\
         auto_providers: false\n\
         data: edge-data\n\
         ledger: {{ enabled: false }}\n\
         access_log: edge-access.log\n\
         access_log_format: combined\n\
         drain: 1s\n\
         upstreams:\n\
         \x20 origin: {{ servers: [\"http://{}\"] }}\n\
         routes:\n\
         \x20 - {{ path: {PROXIED}, proxy: origin }}\n\
         \x20 - {{ path: {FILES}, static: {} }}\n",
        grounds.origin,
        grounds.files.display()
    )
}
