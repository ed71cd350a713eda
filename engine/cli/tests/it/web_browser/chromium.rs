//! A browser and its driver, each in a process of its own that ends with the test.

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    elements::Element,
    error::CmdError,
    key::Key,
    wd::WebDriverCompatibleCommand,
};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::{
    env, fs,
    future::Future,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use url::{ParseError, Url};

/// How long anything may take on a machine that others use, too.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
}

/// A browser at a page.
pub struct Chromium {
    client: Client,
    url: String,
    _driver: Driver,
    _profile: TempDir,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of Chromium's own.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Chromium {
    /// Begins a browser of its own for a service.
    pub async fn start(url: &str, script: bool) -> Self {
        let (driver, port) = driver();
        let profile = TempDir::new().unwrap();
        let profile_argument = format!("--user-data-dir={}", profile.path().display());
        let javascript = if script { 1 } else { 2 };
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": {
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync", profile_argument,
                ],
                "prefs": { "profile.managed_default_content_settings.javascript": javascript },
            },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await.expect("Chromium starts");
        Self { client, url: url.to_owned(), _driver: driver, _profile: profile }
    }

    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.unwrap()
    }

    async fn cdp(&self, cmd: &str, params: Value) {
        self.own("goog/cdp/execute", json!({ "cmd": cmd, "params": params })).await;
    }

    /// Sets the window's size and the reader's taste.
    pub async fn look(&mut self, look: Look) {
        let size = json!({ "width": look.width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.cdp("Emulation.setEmulatedMedia", features).await;
    }

    /// Goes to a page.
    pub async fn open(&mut self, path: &str) {
        self.client.goto(&format!("{}{path}", self.url)).await.unwrap();
    }

    /// Goes to a page in a tab of its own.
    pub async fn tab(&mut self, path: &str) {
        let tab = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(tab.handle).await.unwrap();
        self.open(path).await;
    }

    /// Where it is.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Signs in by the form.
    pub async fn sign_in(&mut self, name: &str, password: &str) {
        self.write("#name", name).await;
        self.write("#password", password).await;
        self.press("Sign in").await;
        self.sees(".me").await;
    }

    /// Asks the page's script; without script there is none to ask.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Types into a field.
    pub async fn write(&mut self, field: &str, text: &str) {
        self.client.find(Locator::Css(field)).await.unwrap().send_keys(text).await.unwrap();
    }

    /// Presses a key where the focus is. The keyboard asks no element whether it is in view, as an element's own
    /// keys do: a link that is shown by its focus may not be yet.
    pub async fn key(&mut self, key: &str) {
        let value = match key {
            "ArrowRight" => Key::Right,
            "ArrowLeft" => Key::Left,
            "ArrowUp" => Key::Up,
            "ArrowDown" => Key::Down,
            "Tab" => Key::Tab,
            _ => Key::Enter,
        };
        let value = char::from(value);
        let pressed = KeyActions::new("keyboard".to_owned());
        let pressed = pressed.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.client.perform_actions(pressed).await.unwrap();
    }

    /// Clicks on the first that there is.
    pub async fn click(&mut self, what: &str) {
        self.of(Locator::Css(what), Element::click).await;
    }

    /// Presses the button of that name.
    pub async fn press(&mut self, name: &str) {
        let button = format!("//button[starts-with(normalize-space(.), '{name}')]");
        self.of(Locator::XPath(&button), Element::click).await;
    }

    /// The text of the first that there is.
    pub async fn text(&mut self, what: &str) -> String {
        self.of(Locator::Css(what), Element::text).await
    }

    /// Does something with an element, again where the page was patched between finding and doing.
    async fn of<T>(&self, what: Locator<'_>, act: impl AsyncFn(&Element) -> Result<T, CmdError>) -> T {
        let began = Instant::now();
        loop {
            let done = match self.client.find(what).await {
                Ok(found) => act(&found).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(done) => return done,
                Err(error) if began.elapsed() > PATIENCE => panic!("{what:?}: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Waits until something is on the page.
    pub async fn sees(&self, what: &str) {
        self.until(what, async || self.client.find(Locator::Css(what)).await.is_ok()).await;
    }

    /// Waits until the page says something.
    pub async fn shows(&self, text: &str) {
        let body = || self.client.find(Locator::Css("body"));
        self.until(text, async || match body().await {
            Ok(body) => body.text().await.is_ok_and(|said| said.contains(text)),
            Err(_) => false,
        })
        .await;
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, look: impl Fn() -> F) {
        let began = Instant::now();
        while !look().await {
            let late = began.elapsed() > PATIENCE;
            assert!(!late, "`{what}` is not at {}:\n{}", self.path().await, self.client.source().await.unwrap());
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Marks this very page.
    pub async fn mark(&mut self) {
        self.run("window.marked = true").await;
    }

    /// Whether it is still the page that was marked.
    pub async fn marked(&mut self) -> bool {
        self.run("return window.marked === true").await == json!(true)
    }

    /// Nothing is wrong with the page.
    pub async fn audit(&mut self, script: &str, path: &str) {
        let wrong = self.run(script).await;
        assert_eq!(wrong, json!([]), "{path}: {wrong:#}");
    }

    /// Leaves a picture, if somebody wants one.
    pub async fn picture(&mut self, path: &str, look: Look) {
        let Ok(folder) = env::var("ENGINE_SCREENSHOTS") else { return };
        let name: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let name =
            format!("{}-{}-{}.png", name.trim_matches('-'), look.width, if look.dark { "dark" } else { "light" });
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(name), self.client.screenshot().await.unwrap()).unwrap();
    }

    /// Nothing was complained of, and nobody else was asked for anything; ends the browser.
    pub async fn clean(self, url: &str) {
        let complaints = self.own("se/log", json!({ "type": "browser" })).await;
        // Chromium's recommendations to whoever writes pages are no complaints.
        let wrong = |entry: &&Value| entry["level"] != "DEBUG";
        let complaints: Vec<&Value> = complaints.as_array().unwrap().iter().filter(wrong).collect();
        assert!(complaints.is_empty(), "the console: {complaints:?}");
        let log = self.own("se/log", json!({ "type": "performance" })).await;
        let mut asked = 0;
        for entry in log.as_array().unwrap() {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            if message["message"]["method"] == "Network.requestWillBeSent" {
                let target = message["message"]["params"]["request"]["url"].as_str().unwrap();
                assert!([url, "data:", "chrome:"].iter().any(|own| target.starts_with(own)), "a request to {target}");
                asked += 1;
            }
        }
        assert!(asked > 3, "{asked} requests were seen");
        self.client.close().await.unwrap();
    }
}

/// Begins a driver at a port of its own.
fn driver() -> (Driver, u16) {
    let started = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = started.expect("chromedriver is there: `scripts/install` installs it");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let driver = Driver(child);
    for line in lines {
        let line = line.unwrap();
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return (driver, port.trim_end_matches('.').parse().unwrap());
        }
    }
    panic!("chromedriver does not say at which port it is");
}
