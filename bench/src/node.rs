//! The JSONata engines of npm, each in a Node process.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

const FILES: [(&str, &str); 2] =
    [("package.json", include_str!("../node/package.json")), ("map.mjs", include_str!("../node/map.mjs"))];

/// The packages, installed into a folder below `target`. `None` where Node is missing.
pub fn install() -> anyhow::Result<Option<PathBuf>> {
    let works = |program: &str| {
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    if !works("node") || !works("npm") {
        return Ok(None);
    }
    let target = std::env::current_exe()?.parent().and_then(Path::parent).map(Path::to_owned);
    let folder = target.context("this program is not in a target folder")?.join("bench-node");
    std::fs::create_dir_all(&folder)?;
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text)?;
    }
    let output = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"])
        .current_dir(&folder)
        .output()
        .context("start npm")?;
    if !output.status.success() {
        bail!("npm install failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(Some(folder))
}

/// A Node process that maps records.
pub struct Node {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Node {
    /// Starts `engine` with the files of the expression and the records, and gives all records mapped.
    pub fn start(
        folder: &Path,
        engine: &str,
        expression: &Path,
        records: &Path,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let mut child = Command::new("node")
            .args(["map.mjs", engine])
            .args([expression, records])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start node")?;
        let input = child.stdin.take().context("node has no input")?;
        let output = BufReader::new(child.stdout.take().context("node has no output")?);
        let mut node = Self { child, input, output };
        let mut mapped = Vec::new();
        loop {
            match node.line()? {
                line if line.is_empty() => return Ok((node, mapped)),
                line => mapped.push(line),
            }
        }
    }

    /// Maps for so long; records a second.
    pub fn rate(&mut self, window: Duration) -> anyhow::Result<f64> {
        writeln!(self.input, "{}", window.as_millis())?;
        Ok(self.line()?.parse()?)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("node ended: {}", self.child.wait()?);
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nothing to do when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
