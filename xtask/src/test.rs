//! `cargo xtask test`: everything that has to pass, over SQLite and PostgreSQL.

use std::{env, process::Command};

use crate::{
    browser::{self, Driver},
    postgres::{self, Cluster, Durability},
    run::{cargo, run as run_command, works},
};

/// Tests over PostgreSQL look for their server here.
const POSTGRES_URL: &str = "DECANT_TEST_POSTGRES_URL";
/// Tests in a browser look for its driver here.
const WEBDRIVER_URL: &str = "DECANT_TEST_WEBDRIVER_URL";
/// And here for the folder of npm's packages that they load into it.
const NPM_PACKAGES: &str = "DECANT_TEST_NPM_PACKAGES";
/// The module of the tests that need both.
const BROWSER_TESTS: &str = "browser::";

/// Check format, lints and documentation and run all tests, over SQLite and a throw-away PostgreSQL, and in a browser.
///
/// Uses cargo-nextest where it is installed. With DECANT_TEST_POSTGRES_URL set, that server is used and none is started. Where there
/// is no browser and none can be installed, the tests in it are left out; where CI is set, that is a failure.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Only run the tests, not the checks before them.
    #[arg(long)]
    only_tests: bool,
    /// Passed on to cargo nextest run or cargo test: `-- -p decant-store vault`.
    #[arg(last = true)]
    runner: Vec<String>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let given = env::var_os(POSTGRES_URL).is_some();
    // First, because it may end here for want of a package.
    let programs = if given { None } else { Some(postgres::programs()?) };
    let browser = match browser::program().and_then(|driver| Ok((driver, browser::packages()?))) {
        Ok(browser) => Some(browser),
        Err(error) if env::var_os("CI").is_some() => {
            return Err(error.context("tests in a browser can't be run"));
        }
        Err(error) => {
            eprintln!("\n> left out: the tests in a browser ({BROWSER_TESTS}): {error:#}");
            None
        }
    };
    if !options.only_tests {
        check()?;
    }
    // The server is stopped and removed when this goes, however that comes about.
    let cluster =
        programs.as_deref().map(|programs| Cluster::start(programs, Durability::None)).transpose()?;
    let driver = browser.as_ref().map(|(program, _)| Driver::start(program)).transpose()?;
    let mut runner = runner(&options.runner, driver.is_some());
    if let (Some(driver), Some((_, packages))) = (&driver, &browser) {
        runner.env(WEBDRIVER_URL, driver.url()).env(NPM_PACKAGES, packages);
    }
    if let Some(cluster) = &cluster {
        runner.env(POSTGRES_URL, cluster.url());
    }
    // Last, so that the command ends with the runner's count.
    run_command(&mut runner)
}

/// What the compiler and its tools say of the code. Documentation tests are here because cargo, not nextest, runs them.
fn check() -> anyhow::Result<()> {
    run_command(&mut cargo(&["fmt", "--all", "--check"]))?;
    run_command(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    run_command(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    run_command(&mut cargo(&["test", "--workspace", "--doc"]))
}

/// All tests; those that need PostgreSQL or a browser are ignored unless asked for. `-p` narrows it to some packages.
fn runner(arguments: &[String], has_browser: bool) -> Command {
    let narrowed =
        arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
    let packages: &[&str] = if narrowed { &[] } else { &["--workspace"] };
    if works(&mut cargo(&["nextest", "--version"])) {
        let profile = if env::var_os("CI").is_some() { "ci" } else { "default" };
        let mut runner = cargo(&["nextest", "run", "--profile", profile, "--run-ignored", "all"]);
        runner.args(packages).args(arguments);
        // A filter of one's own says by itself what is run.
        if !has_browser && !arguments.iter().any(|argument| argument.starts_with("-E")) {
            runner.arg("-E").arg(format!("not test(/^{BROWSER_TESTS}/)"));
        }
        return runner;
    }
    let mut runner = cargo(&["test", "--tests", "--no-fail-fast"]);
    runner.args(packages).args(arguments);
    if !arguments.iter().any(|argument| argument == "--") {
        runner.arg("--");
    }
    runner.arg("--include-ignored");
    if !has_browser {
        runner.args(["--skip", BROWSER_TESTS]);
    }
    runner
}
