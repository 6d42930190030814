//! A Redis server of the test's own.

use std::io;
use std::path::PathBuf;

use super::process::{Plan, Process, TRIES, blocking, free_port};

const MISSING: &str = "Redis is not installed: on Debian, the package `redis-server`";

/// An empty server that writes nothing to disk. It ends with this value or with the test's process.
#[derive(Debug)]
pub struct Redis {
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
    process: Option<Process>,
}

impl Redis {
    /// Starts one. Fails when Redis is not installed.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one with more arguments, such as `["--cluster-enabled", "yes"]`.
    pub async fn start_with(arguments: &[&str]) -> io::Result<Self> {
        let arguments = arguments.iter().copied().map(str::to_owned).collect();
        blocking(|| {
            let folder = tempfile::Builder::new().prefix("tidegate-redis-").tempdir()?.keep();
            let mut server = Self { folder, port: 0, arguments, process: None };
            for _ in 1..TRIES {
                server.port = free_port()?;
                if server.launch().is_ok() {
                    return Ok(server);
                }
            }
            server.launch()?;
            Ok(server)
        })
        .await
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it; everything in it is lost.
    pub async fn stop(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(process) => blocking(move || process.end("KILL")).await,
            None => Ok(()),
        }
    }

    /// Starts it again after [`Redis::stop`], empty, on the same port.
    pub async fn start_again(self) -> io::Result<Self> {
        blocking(move || {
            let mut server = self;
            if server.process.is_none() {
                server.launch()?;
            }
            Ok(server)
        })
        .await
    }

    /// It keeps its connections and answers nothing (`SIGSTOP`).
    pub fn pause(&self) -> io::Result<()> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal("STOP"))
    }

    /// It goes on after [`Redis::pause`].
    pub fn resume(&self) -> io::Result<()> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal("CONT"))
    }

    fn launch(&mut self) -> io::Result<()> {
        let mut command: Vec<_> = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .map(Into::into)
            .into();
        command.extend(["--port".into(), self.port.to_string().into()]);
        command.extend(["--dir".into(), self.folder.clone().into()]);
        command.extend(self.arguments.iter().map(Into::into));
        let plan = Plan {
            command,
            folder: &self.folder,
            user: None,
            end: "KILL",
            ready: "Ready to accept connections",
        };
        let started = Process::start(&plan);
        self.process = Some(started.map_err(|error| {
            let is_missing = error.to_string().contains("not found");
            if is_missing { io::Error::other(MISSING) } else { error }
        })?);
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.process.take());
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
