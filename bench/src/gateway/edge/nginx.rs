//! nginx as people have it at their edge, set as cheaply as we know how.

use std::fs;

use anyhow::{Context, Result};

use super::{Edge, FILES, Grounds, PROXIED};
use crate::gateway::nginx::{NginxFolder, find, version};
use crate::gateway::{NGINX, Site, free_port, wait_until_ready};

pub(super) fn start(site: &Site<'_>, grounds: &Grounds) -> Result<Edge> {
    let program = find(site.downloads)?;
    let folder = NginxFolder::make(site.folder.join("nginx-edge"))?;
    let (plain, secured) = (free_port()?, free_port()?);
    let listen = format!(
        "listen {plain} backlog=4096; listen {secured} ssl backlog=4096; ssl_certificate {}; ssl_certificate_key {};",
        grounds.certificate.display(),
        grounds.key.display()
    );
    fs::write(folder.config(), config_text(&folder, grounds, &listen))?;
    let log = site.folder.join("nginx-edge.log");
    let mut process = folder.start(&program, &log, site.pinned)?;
    wait_until_ready(&mut process, secured, &log).context("nginx")?;
    Ok(Edge { name: NGINX, version: version(&program)?, process, plain, secured })
}

/// One worker; keep-alive to both sides without a count; files by `sendfile`, their names and sizes remembered; bodies
/// in memory, an answer of 100 KiB in few pieces; the access log written in blocks. Of TLS all is as by default.
fn config_text(folder: &NginxFolder, grounds: &Grounds, listen: &str) -> String {
    format!(
        "{}\
         worker_rlimit_nofile 65536;\n\
         events {{ worker_connections 16384; }}\n\
         http {{\n{}\
         \x20 access_log logs/access.log combined buffer=64k flush=1s;\n\
         \x20 sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=1000 inactive=1h; open_file_cache_valid 60s;\n\
         \x20 keepalive_requests 1000000000; keepalive_timeout 1h;\n\
         \x20 ssl_protocols TLSv1.3;\n\
         \x20 proxy_http_version 1.1; proxy_buffers 8 32k; proxy_busy_buffers_size 64k; proxy_max_temp_file_size 0;\n\
         \x20 proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;\n\
         \x20 proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;\n\
         \x20 map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}\n\
         \x20 proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;\n\
         \x20 upstream origin {{ server {}; keepalive 1024; keepalive_requests 1000000000; }}\n\
         \x20 server {{\n\
         \x20   {listen}\n\
         \x20   location {PROXIED} {{ proxy_pass http://origin; }}\n\
         \x20   location {FILES} {{ alias {}/; }}\n\
         \x20 }}\n}}\n",
        folder.head(),
        folder.temporary(),
        grounds.origin,
        grounds.files.display(),
    )
}
