//! `decant demo`: the first thing that a newcomer runs.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::program::{decant, signal, stdout};

/// A running demo; killed when dropped.
pub struct Demo {
    child: Child,
    pub printed: String,
}

impl Demo {
    /// Starts it and waits until it says that it serves.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut demo = decant(folder, ["demo", "--env-file", "demo.env"]);
        let mut child = demo.args(arguments).env("TMPDIR", folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        while !printed.contains("Serving until Ctrl-C.") {
            assert_ne!(lines.read_line(&mut printed).unwrap(), 0, "it ended before it served: {printed}");
        }
        Self { child, printed }
    }

    /// Ends it as Ctrl-C does.
    pub fn interrupt(mut self) {
        signal(&self.child, "INT");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a piece of shell as one who pasted it would; gives each JSON document that it printed.
pub fn shell(folder: &Path, script: &str) -> Vec<Value> {
    let output = stdout(Command::new("bash").args(["-euc", script]).current_dir(folder));
    serde_json::Deserializer::from_str(&output).into_iter().collect::<Result<_, _>>().unwrap()
}

/// What differs from run to run.
pub fn steady(output: &str) -> String {
    let mut steady = output.to_owned();
    for (start, name) in
        [("http://127.0.0.1:", "PORT"), ("decant_api_", "TOKEN"), ("DECANT_ACCOUNT_ID=", "ID")]
    {
        let mut rest = steady.as_str();
        let mut replaced = String::new();
        while let Some((before, after)) = rest.split_once(start) {
            let end = after
                .find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter))
                .unwrap_or(after.len());
            replaced.push_str(before);
            replaced.push_str(start);
            replaced.push_str(name);
            rest = &after[end..];
        }
        replaced.push_str(rest);
        steady = replaced;
    }
    steady
}

#[test]
fn it_shows_a_winerys_orders_and_ends_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let output = stdout(decant(folder.path(), ["demo", "--exit"]).env("TMPDIR", folder.path()));
    insta::assert_snapshot!(steady(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something is left behind");
}

#[test]
fn what_it_prints_works_when_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &["--orders", "60", "--customers", "20", "--products", "8"]);
    let examples = demo.printed.split_once("Try it:\n").unwrap().1;
    let examples = examples.split_once("\nServing").unwrap().0;
    let answers = shell(folder.path(), examples);
    assert_eq!(answers.len(), 3, "{examples}");
    for answer in answers {
        assert_ne!(answer["result_count"], 0, "{answer}");
    }

    let file = std::fs::read_to_string(folder.path().join("demo.env")).unwrap();
    let names: Vec<&str> = file.lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(names, ["DECANT_URL", "DECANT_API_TOKEN", "DECANT_ACCOUNT_ID", "DECANT_SANDBOX_URL"]);
    let script = ". ./demo.env && curl -s $DECANT_SANDBOX_URL/order && curl -s $DECANT_URL/healthz";
    let [refused, health] = shell(folder.path(), script).try_into().unwrap();
    assert_eq!(refused["statusCode"], 401);
    assert_eq!(health["status"], "ok");

    demo.interrupt();
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["demo.env"], "the temporary folder is left behind");
}

#[test]
fn a_folder_that_is_kept_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |seed: &str| {
        let arguments =
            ["demo", "--exit", "--dir", "kept", "--env-file", "demo.env", "--orders", "0", "--seed", seed];
        let output = stdout(&mut decant(folder.path(), arguments));
        let file = std::fs::read_to_string(folder.path().join("demo.env")).unwrap();
        let account = file.lines().find(|line| line.starts_with("DECANT_ACCOUNT_ID=")).unwrap().to_owned();
        (output, account)
    };
    let (first, account) = demo("7");
    assert!(first.contains("500 customers, 0 orders, 60 products"), "{first}");
    let (_, again) = demo("8");
    assert!(folder.path().join("kept/decant.db").is_file());
    assert_eq!(account, again, "the winery is connected once");
}
