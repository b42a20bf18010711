//! A Chromium, driven.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    key::Key,
    wd::{PrintConfigurationBuilder, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::pages::folder;

/// The theme of the system that the browser runs on.
#[derive(Clone, Copy)]
pub(crate) enum Theme {
    Light,
    Dark,
}

/// A browser with one window.
pub(crate) struct Browser {
    client: Client,
    driver: Child,
}

impl Browser {
    /// Starts a browser. `None` if this machine has none.
    pub(crate) async fn start(theme: Theme) -> Option<Self> {
        let program = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find_map(found)?;
        let driver = found("chromedriver")?;
        // A port that is free now.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let driver = Command::new(driver)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": program,
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    "--disable-dev-shm-usage", "--window-size=1500,950",
                ],
            },
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is an object");
        };
        let mut tries = 0;
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.clone());
            match builder.connect(&format!("http://127.0.0.1:{port}")).await {
                Ok(client) => break client,
                Err(_) if tries < 100 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => panic!("chromedriver does not answer: {error}"),
            }
        };
        let browser = Self { client, driver };
        let scheme = match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser
            .devtools(
                "Emulation.setEmulatedMedia",
                json!({ "features": features }),
            )
            .await;
        let size = json!({
            "width": 1500, "height": 950, "deviceScaleFactor": 1, "mobile": false,
        });
        browser
            .devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
        Some(browser)
    }

    /// Opens a page, and waits until its script is done.
    pub(crate) async fn open(&mut self, page: &Path) {
        let address = format!("file://{}", page.display());
        self.client.goto(&address).await.expect("a page");
        self.client
            .wait()
            .at_most(Duration::from_mins(1))
            .for_element(Locator::Css("html[data-ready]"))
            .await
            .expect("the script of the page is done");
        self.settle().await;
    }

    /// Waits until everything that was asked for is drawn.
    pub(crate) async fn settle(&mut self) {
        self.js(
            "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => \
             requestAnimationFrame(() => done(1)))));",
        )
        .await;
    }

    /// Runs JavaScript in the page.
    pub(crate) async fn js(&mut self, script: &str) -> Value {
        let result = self.client.execute(script, Vec::new()).await;
        result.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// Presses a key.
    pub(crate) async fn key(&mut self, key: &str) {
        let keys = match key {
            "Escape" => Key::Escape.to_string(),
            "ArrowLeft" => Key::Left.to_string(),
            "ArrowUp" => Key::Up.to_string(),
            key => key.to_owned(),
        };
        self.type_text(&keys).await;
    }

    /// Types into whatever has the focus.
    pub(crate) async fn type_text(&mut self, text: &str) {
        let active = self.client.active_element().await.expect("an element");
        active.send_keys(text).await.expect("it takes keys");
        self.settle().await;
    }

    /// Clicks the first element that a selector finds.
    pub(crate) async fn click(&mut self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        let clicked = element.click().await;
        clicked.unwrap_or_else(|error| panic!("{selector}: {error}"));
        self.settle().await;
    }

    /// Clicks the first event of this name in the lanes of the last world, scrolled there first.
    pub(crate) async fn click_thing(&mut self, title: &str) {
        let key = self
            .js(&format!(
                "const thing = LAST.events.find((it) => it.title === '{title}'); reveal(thing); \
                 return thing.world + ':' + thing.id;"
            ))
            .await;
        self.settle().await;
        let key = key.as_str().expect("a thing").to_owned();
        self.click(&format!("#lanes [data-thing='{key}'] .shape"))
            .await;
    }

    /// Chooses an option by its text.
    pub(crate) async fn choose(&mut self, selector: &str, option: &str) {
        let element = self.client.find(Locator::Css(selector)).await;
        let element = element.expect("a list to choose from");
        element.select_by_label(option).await.expect("an option");
        self.settle().await;
    }

    /// Returns the text of the first element that a selector finds.
    pub(crate) async fn text(&mut self, selector: &str) -> String {
        let element = self.client.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        match element.text().await {
            Ok(text) if !text.is_empty() => text,
            // Text of SVG.
            _ => {
                let script = format!("return document.querySelector(\"{selector}\").textContent;");
                let found = self.js(&script).await;
                found.as_str().unwrap_or_default().to_owned()
            }
        }
    }

    /// Returns the number of elements that a selector finds.
    pub(crate) async fn count(&mut self, selector: &str) -> usize {
        let found = self.client.find_all(Locator::Css(selector)).await;
        found.map_or(0, |found| found.len())
    }

    /// Returns the rows that the filter of the history lets through.
    pub(crate) async fn rows(&mut self) -> Vec<String> {
        let rows = self
            .js("return list.rows.map((thing) => thing.kind + ' ' + thing.title);")
            .await;
        serde_json::from_value(rows).expect("texts")
    }

    /// Keeps a picture of the window.
    pub(crate) async fn screenshot(&mut self, name: &str) {
        self.settle().await;
        let png = self.client.screenshot().await.expect("a screenshot");
        fs::write(folder().join(format!("{name}.png")), png).expect("target can be written");
    }

    /// Prints the page, and keeps the PDF.
    pub(crate) async fn print(&mut self, name: &str) -> Vec<u8> {
        let configuration = PrintConfigurationBuilder::default()
            .background(true)
            .build();
        let pdf = self
            .client
            .print(configuration.expect("a configuration"))
            .await;
        let pdf = pdf.expect("a PDF");
        fs::write(folder().join(format!("{name}.pdf")), &pdf).expect("target can be written");
        pdf
    }

    /// Asserts that the page has asked the network for nothing, and that no script has failed.
    pub(crate) async fn assert_silent(&mut self) {
        let requests = self.log("performance").await;
        for entry in requests.as_array().into_iter().flatten() {
            let message = entry["message"].as_str().unwrap_or_default();
            let message: Value = serde_json::from_str(message).unwrap_or_default();
            let message = &message["message"];
            if message["method"] == "Network.requestWillBeSent" {
                let address = message["params"]["request"]["url"].as_str();
                let address = address.unwrap_or_default();
                let is_own = ["file:", "data:", "about:"]
                    .iter()
                    .any(|it| address.starts_with(it));
                assert!(is_own, "the page asks the network for {address}");
            }
        }
        let said = self.log("browser").await;
        let failed = said.as_array().is_some_and(|said| {
            let mut said = said.iter();
            said.any(|entry| entry["level"] == "SEVERE")
        });
        assert!(!failed, "a script of the page has failed: {said}");
    }

    /// Ends the browser.
    pub(crate) async fn close(mut self) {
        let _ = self.client.clone().close().await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }

    async fn log(&self, kind: &str) -> Value {
        let command = Extension {
            path: "se/log",
            body: json!({ "type": kind }),
        };
        self.client.issue_cmd(command).await.expect("a log")
    }

    async fn devtools(&self, method: &str, parameters: Value) {
        let command = Extension {
            path: "goog/cdp/execute",
            body: json!({ "cmd": method, "params": parameters }),
        };
        self.client.issue_cmd(command).await.expect("an answer");
    }
}

/// A failed test must not leave its driver behind.
impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A command of the driver beyond the standard.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base_url: &url::Url,
        session_id: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session_id.unwrap_or_default();
        base_url.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// Returns the path of a program, if this machine has it.
fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
}
