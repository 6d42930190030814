//! One side of a drill: a gateway, and the callers that know no other.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::time::Instant;

use super::caller::Callers;
use super::config;
use crate::gateway::{free_port, wait_until_ready};
use crate::process::{Gateway, resident_kib};

/// A gateway that runs. It ends when this is dropped.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) callers: Arc<Callers>,
    process: Gateway,
}

/// What it takes to start one.
pub(crate) struct Ground<'a> {
    /// The build of Tidegate.
    pub(crate) program: &'a Path,
    /// A folder for its files.
    pub(crate) folder: &'a Path,
    /// When counting begins.
    pub(crate) start: Instant,
}

impl Side {
    /// Starts a gateway in front of these providers.
    pub(crate) fn start(
        ground: &Ground<'_>,
        name: &'static str,
        providers: &[std::net::SocketAddr],
        settings: &str,
    ) -> Result<Self> {
        let (listen, admin) = (free_port()?, free_port()?);
        let file = ground.folder.join(format!("{name}.yaml"));
        let base = config::base(name, listen, admin, providers);
        std::fs::write(&file, base + settings)?;
        let log = ground.folder.join(format!("{name}.log"));
        let arguments = ["run", "--config", &*file.to_string_lossy()];
        let mut process = Gateway::start(ground.program, &arguments, &log, false)?;
        wait_until_ready(&mut process, listen, &log).with_context(|| format!("the gateway of {name}"))?;
        let callers = Arc::new(Callers::new(listen, ground.start));
        Ok(Self { name, callers, process })
    }

    /// Resident memory of the gateway in MiB; an error if it has ended.
    pub(crate) fn mib(&mut self) -> Result<f64> {
        self.process.still_runs().with_context(|| format!("the gateway of {}", self.name))?;
        Ok(resident_kib(self.process.id()).unwrap_or_default() as f64 / 1024.0)
    }
}
