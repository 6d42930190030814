//! nginx as a plain reverse proxy, as cheap as it can be configured: the measure for all others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::{Contender, NGINX, Site, free_port, wait_until_ready};
use crate::process::Gateway;

pub(super) fn start(site: &Site<'_>) -> Result<Contender> {
    let program = find(site.downloads)?;
    let prefix = site.folder.join("nginx");
    fs::create_dir_all(prefix.join("logs"))?;
    let (plain, streams) = (free_port()?, free_port()?);
    let config = prefix.join("nginx.conf");
    fs::write(&config, config_text(site, plain.port(), streams.port()))?;
    let (folder, config) = (prefix.to_string_lossy(), config.to_string_lossy());
    let arguments = ["-p", &*folder, "-e", "logs/error.log", "-c", &*config];
    let mut stop = Command::new(&program);
    stop.args(arguments).args(["-s", "stop"]);
    let log = site.folder.join("nginx.log");
    let mut process = Gateway::start(&program, &arguments, &log, site.pinned)?.stopped_by(stop);
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
fn config_text(site: &Site<'_>, plain: u16, streams: u16) -> String {
    let user = if is_root() { "user root;" } else { "" };
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path temp_{kind};\n"))
        .concat();
    let server = |port: u16, extra: &str| {
        format!(
            "  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://provider; {extra} }} }}\n"
        )
    };
    format!(
        "daemon off; worker_processes 1; pid nginx.pid; {user}\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n{paths}\
         \x20 access_log logs/access.log combined buffer=64k flush=1s;\n\
         \x20 keepalive_requests 1000000000; keepalive_timeout 1h; tcp_nodelay on;\n\
         \x20 client_max_body_size 64m; client_body_buffer_size 1m;\n\
         \x20 proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_read_timeout 1h;\n\
         \x20 upstream provider {{ server {}; keepalive 128; keepalive_requests 1000000000; }}\n\
         {}{}}}\n",
        site.upstream,
        server(plain, ""),
        server(streams, "proxy_buffering off;"),
    )
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("-v").output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    Ok(text.trim().trim_start_matches("nginx version: ").to_owned())
}

/// The installed nginx, or Debian's package, fetched and unpacked into our own folder: an installation would start a
/// server on port 80, and needs root.
fn find(downloads: &Path) -> Result<PathBuf> {
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
