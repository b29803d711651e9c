//! The real program: started as a person or a service manager starts it, spoken to over its sockets.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use reqwest::{Client, Method, RequestBuilder};
use sandbox::{Sandbox, Tenant};
use serde_json::{Value, json};
use testkit::{Answer, TestDatabase, small_winery};
use tokio::net::TcpListener;

/// Settings that the machine's own environment must not decide.
const SETTINGS: [&str; 17] = [
    "DATABASE_URL",
    "DECANT_ACCOUNT_LIMIT",
    "DECANT_ALLOW_NETWORKS",
    "DECANT_EVENT_RETENTION",
    "DECANT_INTEGRATIONS",
    "DECANT_LISTEN",
    "DECANT_LOG",
    "DECANT_LOG_FORMAT",
    "DECANT_LOG_RETENTION",
    "DECANT_MASTER_KEY",
    "DECANT_MASTER_KEY_FILE",
    "DECANT_MODELS",
    "DECANT_NEVER_ACTIVE_RETENTION",
    "DECANT_NO_DOCS",
    "DECANT_PLATFORM_CA_FILE",
    "DECANT_PLATFORM_TIMEOUT",
    "DECANT_TOKEN_LIMIT",
];

/// A command of the program in a folder, with nothing set.
pub fn decant<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_decant"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for name in SETTINGS {
        command.env_remove(name);
    }
    command
}

/// What a command wrote to standard output; it has to succeed.
#[track_caller]
pub fn stdout(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// What a command wrote to standard error; it has to fail, with nothing on standard output.
#[track_caller]
pub fn complaint(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(status.code(), Some(1), "{}", String::from_utf8_lossy(&stdout));
    assert_eq!(String::from_utf8_lossy(&stdout), "");
    String::from_utf8(stderr).unwrap()
}

/// A database with a folder to run in: what an installation is.
pub struct Installation<'d> {
    pub folder: tempfile::TempDir,
    database: &'d TestDatabase,
}

impl<'d> Installation<'d> {
    pub fn over(database: &'d TestDatabase) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database }
    }

    /// A command of the program with the database's address and key.
    pub fn decant(&self, arguments: &[&str]) -> Command {
        let mut command = decant(self.folder.path(), arguments);
        command.env("DATABASE_URL", self.database.url()).env("DECANT_MASTER_KEY", self.database.master_key());
        command
    }

    /// Makes the environment `production` and gives a token for it.
    pub fn token(&self) -> String {
        stdout(&mut self.decant(&["environment", "create", "production"]));
        stdout(&mut self.decant(&["token", "create"])).trim().to_owned()
    }

    /// Serves on a free port, with this machine's own addresses allowed for platforms.
    pub fn serve(&self) -> Program {
        Program::start(&mut self.decant(&["serve", "--allow-network", "127.0.0.0/8"]))
    }
}

/// A running `decant serve`; killed when dropped.
pub struct Program {
    child: Child,
    pub url: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts a `serve` command and waits until it says where it listens.
    pub fn start(command: &mut Command) -> Self {
        command.env("DECANT_LISTEN", "127.0.0.1:0").env("DECANT_LOG_FORMAT", "json");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        let address = loop {
            let start = log.len();
            if lines.read_line(&mut log).unwrap() == 0 {
                panic!("it ended ({:?}) before it served: {log}", child.wait());
            }
            let line: Value = serde_json::from_str(&log[start..]).unwrap_or_default();
            if line["message"] == "serving" {
                break line["address"].as_str().unwrap().to_owned();
            }
        };
        let log = Arc::new(Mutex::new(log));
        let shared = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = lines.read_to_string(&mut rest);
            shared.lock().unwrap().push_str(&rest);
        });
        Self { child, url: format!("http://{address}"), log, reader: Some(reader) }
    }

    /// A request to the program.
    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    /// Reads.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.request(Method::GET, path, token)).await
    }

    /// Connects the first winery of a sandbox; gives the account's id.
    pub async fn connect(&self, token: &str, sandbox: &Sandbox) -> String {
        let installed = self.install(token, &json!({"base_url": sandbox.base_url()})).await;
        self.connect_to(token, &installed, sandbox.tenants().first().unwrap()).await
    }

    /// Installs the integration, changed by `over`; gives the id that accounts are connected to.
    pub async fn install(&self, token: &str, over: &Value) -> String {
        let install = json!({"integration_id": "commerce7", "override": over});
        self.post("/environment-integration", token, &install).await["id"].as_str().unwrap().to_owned()
    }

    /// Connects a winery; gives the account's id.
    pub async fn connect_to(&self, token: &str, installed: &str, tenant: &Tenant) -> String {
        let account = json!({
            "tenant_id": "acme",
            "environment_integration_id": installed,
            "context": {"tenant": tenant.name, "app_id": tenant.app_id, "app_secret": tenant.app_secret},
        });
        let account = self.post("/integrated-account", token, &account).await;
        assert_eq!(account["status"], "active", "{account}");
        account["id"].as_str().unwrap().to_owned()
    }

    /// Posts JSON; it has to succeed.
    async fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        Answer::of(self.request(Method::POST, path, token).json(body)).await.ok()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end; gives the exit status and everything that was logged.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let log = self.log.lock().unwrap().clone();
        (status, log)
    }

    /// Ends it as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}

/// A small winery.
pub async fn sandbox() -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox::start(small_winery(), listener, |_| {}).await.unwrap()
}
