//! A process that listens, and that is gone when it is dropped.

use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::net::TcpStream;

/// How long a process may take until it listens: a large winery is not made in a moment.
const START: Duration = Duration::from_secs(300);

/// A process, killed when dropped.
pub struct Process(Child);

impl Process {
    /// Starts a process and waits until it listens on `address`.
    pub async fn listening(command: &mut Command, address: SocketAddr) -> anyhow::Result<Self> {
        let program = command.get_program().to_owned();
        let child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let mut process = Self(child);
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = process.0.try_wait()? {
                bail!("the process that should listen on {address} ended ({status})");
            }
            ensure!(started.elapsed() < START, "nothing listens on {address}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(process)
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL. Nothing to do when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
