//! nginx as a plain reverse proxy, as cheap as it can be configured: the measure for all others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{Contender, NGINX, Site, free_port, wait_until_ready};
use crate::process::Gateway;

pub(super) fn start(site: &Site<'_>) -> Result<Contender> {
    let program = find(site.downloads)?;
    let folder = NginxFolder::make(site.folder.join("nginx"))?;
    let (plain, streams) = (free_port()?, free_port()?);
    fs::write(folder.config(), config_text(&folder, site, plain.port(), streams.port()))?;
    let log = site.folder.join("nginx.log");
    let mut process = folder.start(&program, &log, site.pinned)?;
    wait_until_ready(&mut process, streams, &log).context("nginx")?;
    Ok(Contender {
        name: NGINX,
        version: version(&program)?,
        process: Some(process),
        provider: "",
        plain,
        streams,
        translates: false,
    })
}

/// One worker, keep-alive to both sides without a count, bodies in memory, the access log written in blocks.
/// Two ports, as a proxy in front of a model has two kinds of locations: buffered, and streaming.
fn config_text(folder: &NginxFolder, site: &Site<'_>, plain: u16, streams: u16) -> String {
    let server = |port: u16, extra: &str| {
        format!(
            "  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://provider; {extra} }} }}\n"
        )
    };
    format!(
        "{}\
         events {{ worker_connections 8192; }}\n\
         http {{\n{}\
         \x20 access_log logs/access.log combined buffer=64k flush=1s;\n\
         \x20 keepalive_requests 1000000000; keepalive_timeout 1h; tcp_nodelay on;\n\
         \x20 client_max_body_size 64m; client_body_buffer_size 1m;\n\
         \x20 proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_read_timeout 1h;\n\
         \x20 upstream provider {{ server {}; keepalive 128; keepalive_requests 1000000000; }}\n\
         {}{}}}\n",
        folder.head(),
        folder.temporary(),
        site.upstream,
        server(plain, ""),
        server(streams, "proxy_buffering off;"),
    )
}

/// A folder for all that nginx writes.
pub(super) struct NginxFolder(PathBuf);

impl NginxFolder {
    /// Makes it.
    pub(super) fn make(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(folder.join("logs"))?;
        Ok(Self(folder))
    }

    /// Where the config belongs.
    pub(super) fn config(&self) -> PathBuf {
        self.0.join("nginx.conf")
    }

    /// What every config begins with: one worker, in the foreground.
    pub(super) fn head(&self) -> String {
        let user = if is_root() { "user root;" } else { "" };
        format!("daemon off; worker_processes 1; pid nginx.pid; {user}\n")
    }

    /// What every `http` block begins with: its temporary files.
    pub(super) fn temporary(&self) -> String {
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("  {kind}_temp_path temp_{kind};\n"))
            .concat()
    }

    /// Starts nginx with the config that is there.
    pub(super) fn start(&self, program: &Path, log: &Path, pinned: bool) -> Result<Gateway> {
        let (folder, config) = (self.0.to_string_lossy(), self.config());
        let config = config.to_string_lossy();
        let arguments = ["-p", &*folder, "-e", "logs/error.log", "-c", &*config];
        let mut stop = Command::new(program);
        stop.args(arguments).args(["-s", "stop"]);
        Ok(Gateway::start(program, &arguments, log, pinned)?.stopped_by(stop))
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// As it says.
pub(super) fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("-v").output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    Ok(text.trim().trim_start_matches("nginx version: ").to_owned())
}

/// The installed nginx, or Debian's package, fetched and unpacked into our own folder: an installation would start a
/// server on port 80, and needs root.
pub(super) fn find(downloads: &Path) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.push("/usr/sbin".into());
    let installed = places.into_iter().map(|place| place.join("nginx")).find(|file| file.is_file());
    match installed {
        Some(file) => Ok(file),
        None => fetch(&downloads.join("debian"))
            .context("there is no nginx; please install it (apt-get install nginx)"),
    }
}

fn fetch(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("usr/sbin/nginx");
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(folder)?;
    let download = || run(Command::new("apt-get").args(["download", "nginx"]).current_dir(folder));
    if download().is_err() {
        run(Command::new("apt-get").arg("update"))?;
        download()?;
    }
    let mut files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let package = files.find(|file| file.extension().is_some_and(|end| end == "deb"));
    let package = package.context("apt-get has downloaded nothing")?;
    run(Command::new("dpkg-deb").arg("--extract").args([package.as_path(), folder]))?;
    version(&program).context("its libraries are not there")?;
    Ok(program)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
