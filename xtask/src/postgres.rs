//! A throw-away PostgreSQL server for tests and benches.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::run::{find, install, run_quietly};

/// Starts the server, says so, and stops and removes it when its standard input ends: when [`Cluster`] is dropped, and
/// just as well when this program is killed or interrupted. `$1` is the folder of PostgreSQL's programs, `$2` the cluster's.
///
/// `$3` are further settings. It listens on a socket in its own folder only.
const SERVE: &str = r#"
settings="-c unix_socket_directories='$2' -c listen_addresses='' -c max_connections=200 $3"
"$1/pg_ctl" start --silent --wait --timeout=60 --pgdata="$2/data" --log="$2/log" --options="$settings" ||
    { cat "$2/log"; exit 1; }
echo ready
read -r _
"$1/pg_ctl" stop --silent --mode=immediate --pgdata="$2/data"
rm -rf "$2/data" "$2/log"
rmdir "$2" 2>/dev/null
true
"#;

/// What a server promises of what it has written.
#[derive(Clone, Copy, Debug)]
pub enum Durability {
    /// As in production: what is measured pays for it.
    Full,
    /// Nothing has to outlive the tests.
    None,
}

impl Durability {
    fn settings(self) -> &'static str {
        match self {
            Self::Full => "",
            Self::None => "-c fsync=off -c synchronous_commit=off -c full_page_writes=off",
        }
    }
}

/// A running server that trusts whoever may enter its folder.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    supervisor: Child,
}

impl Cluster {
    /// Makes and starts a server with the programs of [`programs`].
    pub fn start(programs: &Path, durability: Durability) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("decant-postgres-").tempdir()?;
        let user = server_user(folder.path())?;
        if let Some(user) = user {
            run_quietly(Command::new("chown").arg(user).arg(folder.path()))?;
        }
        eprintln!("\n> a throw-away PostgreSQL ({}) in {}", programs.display(), folder.path().display());
        run_quietly(
            as_user(user, &programs.join("initdb"))
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync"])
                .arg("--pgdata")
                .arg(folder.path().join("data"))
                // The server's user may be barred from the folder this program was started in.
                .current_dir("/"),
        )?;
        let mut supervisor = as_user(user, Path::new("/bin/sh"))
            .args(["-c", SERVE, "serve"])
            .arg(programs)
            .arg(folder.path())
            .arg(durability.settings())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // In a group of its own: it has to outlive an interrupt to clean up.
            .process_group(0)
            .spawn()
            .context("can't start PostgreSQL")?;
        let mut said = BufReader::new(supervisor.stdout.take().context("PostgreSQL's output is not there")?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        if line != "ready\n" {
            said.read_to_string(&mut line)?;
            supervisor.wait()?;
            bail!("PostgreSQL does not start:\n{}", line.trim_end());
        }
        Ok(Self { folder, supervisor })
    }

    /// The server's address; it names the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=postgres", self.folder.path().display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        if let Err(error) = self.supervisor.wait() {
            eprintln!("the throw-away PostgreSQL may still run: {error}");
        }
    }
}

/// The folder with PostgreSQL's server programs. Installs them where they are missing and this program may.
pub fn programs() -> anyhow::Result<PathBuf> {
    if let Some(folder) = find_programs() {
        return Ok(folder);
    }
    install("PostgreSQL's server programs", &["postgresql"])?;
    find_programs().context("PostgreSQL was installed, but initdb is nowhere to be found")
}

/// Looks on the search path and where Debian keeps them, newest first.
fn find_programs() -> Option<PathBuf> {
    // A link on the search path leads to the folder with all of them.
    let found = find("initdb").and_then(|path| fs::canonicalize(path).ok()?.parent().map(Path::to_owned));
    let mut folders: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .collect();
    folders.sort_unstable();
    let debian =
        folders.into_iter().rev().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    found
        .into_iter()
        .chain(debian)
        .find(|folder| ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file()))
}

/// Whom the server runs as: PostgreSQL refuses to run as root. `None` = as this program.
fn server_user(own_folder: &Path) -> anyhow::Result<Option<&'static str>> {
    if fs::metadata(own_folder)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let known = |user: &&str| users.lines().any(|line| line.split(':').next() == Some(user));
    let user = ["postgres", "nobody"].into_iter().find(known);
    Ok(Some(
        user.context("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")?,
    ))
}

/// A command that runs as another user.
fn as_user(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    if let Some(runuser) = find("runuser") {
        let mut command = Command::new(runuser);
        command.args(["-u", user, "--"]).arg(program);
        return command;
    }
    let mut command = Command::new("su");
    command.args(["-s", "/bin/sh", "-c", r#"exec "$0" "$@""#, "--", user]).arg(program);
    command
}
