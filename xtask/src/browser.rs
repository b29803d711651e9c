//! A browser for tests: Debian's Chromium behind its ChromeDriver, and what npm publishes that runs in it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::run::{find, install, root, run_quietly};

/// Packages of npm that tests load into the browser, each a version that is known to pass.
const PACKAGES: [(&str, &str); 2] = [("axe-core", "4.14.1"), ("@truto/truto-link-sdk", "1.1.30")];

/// Starts ChromeDriver on a free port and stops it, with its browsers, when its standard input ends: as with PostgreSQL, however that
/// comes about.
const SERVE: &str = r#"
"$1" --port=0 &
driver=$!
read -r _
{ kill $driver; wait $driver; } 2>/dev/null
"#;

/// A running ChromeDriver.
#[derive(Debug)]
pub struct Driver {
    supervisor: Child,
    url: String,
}

impl Driver {
    /// Starts the program of [`program`].
    pub fn start(program: &Path) -> anyhow::Result<Self> {
        let mut supervisor = Command::new("/bin/sh")
            .args(["-c", SERVE, "serve"])
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // In a group of its own: it has to outlive an interrupt to clean up.
            .process_group(0)
            .spawn()
            .context("can't start ChromeDriver")?;
        let mut said =
            BufReader::new(supervisor.stdout.take().context("ChromeDriver's output is not there")?);
        let mut text = String::new();
        let port = loop {
            let start = text.len();
            if said.read_line(&mut text)? == 0 {
                supervisor.wait()?;
                bail!("ChromeDriver does not start:\n{}", text.trim_end());
            }
            let line = text[start..].trim_end().trim_end_matches('.');
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.to_owned();
            }
        };
        // Read on, or it would wait for someone to do so.
        std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
        Ok(Self { supervisor, url: format!("http://127.0.0.1:{port}") })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        if let Err(error) = self.supervisor.wait() {
            eprintln!("ChromeDriver may still run: {error}");
        }
    }
}

/// ChromeDriver's program. Installs it and Chromium where they are missing and this program may.
pub fn program() -> anyhow::Result<PathBuf> {
    let find_both = || find("chromium").and(find("chromedriver"));
    if let Some(program) = find_both() {
        return Ok(program);
    }
    install("Chromium and ChromeDriver", &["chromium", "chromium-driver"])?;
    find_both().context("Chromium was installed, but chromedriver is nowhere to be found")
}

/// The folder with the packages of npm, a folder each by its name. Fetched once, without what they depend on: they are bundles.
pub fn packages() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/npm");
    for (name, version) in PACKAGES {
        let package = folder.join(name);
        let described = fs::read_to_string(package.join("package.json")).unwrap_or_default();
        if described.contains(&format!("\"version\": \"{version}\"")) {
            continue;
        }
        if find("npm").is_none() {
            bail!("this needs npm (Debian: sudo apt-get install npm), to fetch {name}");
        }
        if package.exists() {
            fs::remove_dir_all(&package)?;
        }
        fs::create_dir_all(&package)?;
        let mut pack = Command::new("npm");
        pack.args(["pack", "--ignore-scripts", &format!("{name}@{version}"), "--pack-destination"])
            .arg(&package);
        run_quietly(&mut pack)?;
        let archive = fs::read_dir(&package)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
            .with_context(|| format!("npm packed no {name}"))?;
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(&archive).args(["--strip-components=1", "-C"]).arg(&package);
        run_quietly(&mut unpack)?;
    }
    Ok(folder)
}
