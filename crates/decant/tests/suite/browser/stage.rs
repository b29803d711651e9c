//! What a test in a browser plays on: the program, a winery, a product with a page of its own, and a person at the browser.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::Method;
use sandbox::Sandbox;
use serde_json::{Value, json};
use testkit::{Answer, TestDatabase, eventually, small_winery};
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities as _;
use thirtyfour::prelude::*;
use tokio::net::TcpListener;

use super::given;
use super::product::Product;
use crate::program::{Installation, Program};

/// Where the browser's driver is.
const WEBDRIVER_URL: &str = "DECANT_TEST_WEBDRIVER_URL";
/// As for the machine's own browser, but with nobody to look at it and nothing that it does by itself.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=760,860",
];

/// All of it. Whoever plays on it looks at the screen.
pub struct Stage {
    pub program: Program,
    pub sandbox: Sandbox,
    pub product: Product,
    pub token: String,
    screen: Screen,
}

/// A browser, used as a person does: by what is to be seen.
#[derive(Clone)]
pub struct Screen {
    pub browser: WebDriver,
}

impl Deref for Stage {
    type Target = Screen;

    fn deref(&self) -> &Screen {
        &self.screen
    }
}

/// What is not as usual.
#[derive(Clone, Copy, Default)]
pub struct Setting {
    /// What the browser asks for, as `fr`; English unless said.
    pub language: Option<&'static str>,
    /// A further platform.
    pub second: Option<Second>,
    /// Whether a form follows the connection.
    pub has_form: bool,
}

/// A platform beside the first.
#[derive(Clone, Copy)]
pub enum Second {
    /// `cellar-shop`, just as the first.
    Double,
    /// `orchard`, which asks the person itself.
    Orchard,
}

/// Plays a scene. The browser is closed however it ends.
pub async fn play(scene: impl AsyncFnOnce(&Stage)) {
    play_in(Setting::default(), scene).await;
}

/// As [`play`], in another setting.
pub async fn play_in(setting: Setting, scene: impl AsyncFnOnce(&Stage)) {
    let database = TestDatabase::sqlite();
    let installation = Installation::over(&database);
    let token = installation.token();
    let mut serve = installation.decant(&["serve", "--allow-network", "127.0.0.0/8"]);
    if let Some(second) = setting.second {
        serve.arg("--integrations").arg(definitions(installation.folder.path(), second));
    }
    let program = Program::start(&mut serve);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let winery = sandbox::Options { tenants: 2, uninstalled: 1, ..small_winery() };
    let sandbox = sandbox::start(winery, listener, |_| {}).await.unwrap();
    let product = Product::start(&program.url).await;
    let form = json!({"post_connect_user_form": {"is_enabled": setting.has_form}});
    program.install(&token, &json!({"base_url": sandbox.base_url(), "actions": form})).await;
    look(setting.language, async |screen| {
        let stage = Stage { program, sandbox, product, token, screen: screen.clone() };
        stage.allow(&[&stage.product.url]).await;
        scene(&stage).await;
    })
    .await;
}

/// A folder of definitions with the first platform and another.
fn definitions(folder: &Path, second: Second) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let definitions = folder.join("integrations");
    let copy = match second {
        Second::Double => {
            "cp -r \"$2/commerce7\" \"$2/cellar-shop\"
             sed -i 's/^name: .*/name: cellar-shop/; s/^label: .*/label: Cellar Shop/' \"$2/cellar-shop/integration.yaml\""
        }
        Second::Orchard => "cp -r \"$1/crates/server/tests/server/definitions/orchard\" \"$2\"",
    };
    let script = format!("cp -r \"$1/integrations\" \"$2\"\n{copy}");
    let mut shell = Command::new("sh");
    assert!(shell.args(["-euc", &script, "copy"]).arg(root).arg(&definitions).status().unwrap().success());
    definitions
}

/// Opens a browser for as long as something is looked at. It is closed however that ends.
pub async fn look(language: Option<&str>, scene: impl AsyncFnOnce(&Screen)) {
    let mut wanted = DesiredCapabilities::chrome();
    for argument in ARGUMENTS {
        wanted.add_arg(argument).unwrap();
    }
    wanted.add_arg(&format!("--accept-lang={}", language.unwrap_or("en-US"))).unwrap();
    wanted.set_browser_log_level(thirtyfour::LoggingPrefsLogLevel::All).unwrap();
    let browser = WebDriver::new(given(WEBDRIVER_URL), wanted).await.unwrap();
    // What is done waits for the page that comes of it, and that of a frame which is gone by then never comes.
    browser.set_page_load_timeout(PATIENCE).await.unwrap();
    let screen = Screen { browser };

    let played = AssertUnwindSafe(scene(&screen)).catch_unwind().await;
    if played.is_err() {
        screen.picture("failed").await;
    }
    screen.browser.quit().await.unwrap();
    if let Err(panic) = played {
        std::panic::resume_unwind(panic);
    }
}

impl Stage {
    /// Has the environment allow these origins, and look like this.
    pub async fn brand(&self, brand: &Value, origins: &[&str]) {
        let environments = self.program.get("/environment", &self.token).await.ok();
        let id = environments["result"][0]["id"].as_str().unwrap();
        let link = json!({"link": {"allowed_origins": origins, "brand": brand}});
        let change =
            self.program.request(Method::PATCH, &format!("/environment/{id}"), &self.token).json(&link);
        Answer::of(change).await.ok();
    }

    /// Has the environment allow these origins.
    pub async fn allow(&self, origins: &[&str]) {
        self.brand(&json!({"name": "Cellar Pass", "color": "#0b6e4f"}), origins).await;
    }

    /// Makes a link token.
    pub async fn link_token(&self, body: Value) -> String {
        let made = self.program.request(Method::POST, "/link-token", &self.token).json(&body);
        Answer::of(made).await.ok()["link_token"].as_str().unwrap().to_owned()
    }

    /// Makes a link token for a new customer.
    pub async fn new_token(&self) -> String {
        self.link_token(json!({"tenant_id": "acme"})).await
    }

    /// Fills in what the first winery is connected with.
    pub async fn fill_in_winery(&self) {
        let tenant = self.sandbox.tenants().first().unwrap();
        self.fill("tenant", &tenant.name).await;
        self.fill("app_id", &tenant.app_id).await;
        self.fill("app_secret", &tenant.app_secret).await;
    }

    /// The only account that there is.
    pub async fn account(&self) -> Value {
        let accounts = self.program.get("/integrated-account", &self.token).await.ok();
        let accounts = accounts["result"].as_array().unwrap();
        assert_eq!(accounts.len(), 1, "{accounts:?}");
        accounts[0].clone()
    }
}

impl Screen {
    /// What there is on the page by a CSS selector, once it is shown.
    pub async fn find(&self, css: &str) -> WebElement {
        let found = self.browser.query(By::Css(css)).wait(PATIENCE, PAUSE).and_displayed().first().await;
        match found {
            Ok(found) => found,
            Err(error) => panic!("{css} is not shown: {error}\n{}", self.source().await),
        }
    }

    /// Waits until the element of a selector says this.
    pub async fn says(&self, css: &str, text: &str) {
        self.hear(css, text, false).await;
    }

    /// The same of a page that closes itself: `false` where it was gone before it was looked at. What came of it has to be looked at anyway.
    pub async fn says_before_it_goes(&self, css: &str, text: &str) -> bool {
        self.hear(css, text, true).await
    }

    async fn hear(&self, css: &str, text: &str, may_go: bool) -> bool {
        let mut said = String::new();
        let looking = async {
            loop {
                match self.browser.find(By::Css(css)).await {
                    Ok(found) => said = found.text().await.unwrap_or_default(),
                    // Of a frame or window that is gone the driver says no more than that nothing is found in it.
                    Err(_) if may_go && self.browser.find(By::Css("html")).await.is_err() => return false,
                    Err(_) => {}
                }
                if said.contains(text) {
                    return true;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(is_said) => is_said,
            Err(_) => panic!("{css} says {said:?} and not {text:?}\n{}", self.source().await),
        }
    }

    /// Clicks.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Clicks what closes the page that it stands on: the driver may find that gone before it can say that it clicked. What came of it has to be
    /// looked at anyway.
    pub async fn close(&self) {
        let _ = self.find("[aria-label=Close]").await.click().await;
    }

    /// The same by a key.
    pub async fn escape(&self) {
        let _ = self.find("#field-tenant").await.send_keys("\u{e00c}").await;
    }

    /// Types into a field of a form, in place of what is there.
    pub async fn fill(&self, field: &str, text: &str) {
        let input = self.find(&format!("#field-{field}")).await;
        input.clear().await.unwrap();
        input.send_keys(text).await.unwrap();
    }

    /// Sends the form.
    pub async fn submit(&self) {
        self.click("button[type=submit]").await;
    }

    /// Goes into the SDK's frame.
    pub async fn enter_frame(&self) {
        self.find("#truto-link-iframe").await.enter_frame().await.unwrap();
    }

    /// Goes to the window that was opened beside this one.
    pub async fn enter_popup(&self) {
        let own = self.browser.window().await.unwrap();
        let popup = eventually("a popup", async || {
            self.browser.windows().await.unwrap().into_iter().find(|window| *window != own)
        });
        self.browser.switch_to_window(popup.await).await.unwrap();
    }

    /// Goes back to the product's page.
    pub async fn leave_popup(&self) {
        eventually("the popup closed", async || {
            let windows = self.browser.windows().await.unwrap();
            <[WindowHandle; 1]>::try_from(windows).ok()
        })
        .await;
        let window = self.browser.windows().await.unwrap().remove(0);
        self.browser.switch_to_window(window).await.unwrap();
    }

    /// Keeps what is on the screen.
    pub async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        self.browser.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
    }

    /// Runs a script in the page; gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.browser.execute(script, vec![]).await.unwrap().json().clone()
    }

    /// Errors of the pages' scripts and refusals of their policy since the last look.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.browser.browser_log().await.unwrap();
        log.into_iter().map(|entry| entry.message).collect()
    }

    async fn source(&self) -> String {
        self.browser.source().await.unwrap_or_default()
    }
}

/// How long what is waited for may take, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
