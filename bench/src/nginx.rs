//! nginx as a plain reverse proxy: what a user would put in front of a platform instead.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;

/// A running nginx; stopped when dropped.
pub struct Nginx {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Whether nginx is on this machine (Debian's package `nginx-light` is enough).
    pub fn is_installed() -> bool {
        Command::new("nginx").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    }

    /// Starts nginx on `address`, passing everything to `upstream` over kept-alive connections.
    pub fn start(address: SocketAddr, upstream: SocketAddr) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(folder.path(), address, upstream))?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start nginx")?;
        Ok(Self { child, address, file, _folder: folder })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master stops its workers; nothing to do when it is gone already.
        let _ = Command::new("nginx").arg("-c").arg(&self.file).arg("-s").arg("stop").output();
        let _ = self.child.wait();
    }
}

/// As one would write it for speed: connections kept alive on both sides, no access log, a worker a core.
fn configuration(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream platform {{ server {upstream}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen {address}; keepalive_requests 1000000;
    location / {{ proxy_pass http://platform; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
  }}
}}
"
    )
}
