//! A service in a process of its own, and those who ask it.

use crate::builder::Test;
use std::{
    io::Read,
    net::TcpListener,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use ureq::{Agent, http::Response};

/// `engine serve` at work.
pub struct Served {
    child: Child,
    said: Arc<Mutex<String>>,
    pub url: String,
    pub password: String,
}

/// How long anything may take on a machine that others use, too.
pub const PATIENCE: Duration = Duration::from_mins(1);

impl Served {
    /// Begins, and waits until it serves.
    pub fn start(test: &Test, args: &[&str]) -> Self {
        Self::start_with(test, args, &[])
    }

    /// The same with variables.
    pub fn start_with(test: &Test, args: &[&str], env: &[(&str, &str)]) -> Self {
        // Behind an address of somebody else's it does not say its own.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listen = if args.contains(&"--url") { port.to_string() } else { "127.0.0.1:0".to_owned() };
        let mut all = vec!["serve", "--listen", &listen];
        all.extend(args);
        let mut command = test.command(&all);
        command.envs(env.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let saying = said.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut buffer) {
                saying.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        });
        let mut served = Self { child, said, url: String::new(), password: String::new() };
        let text = served.hears(if args.contains(&"--url") { "Serving" } else { "http://127.0.0.1:" });
        let port = |text: &str| {
            text.rsplit("http://127.0.0.1:")
                .next()
                .unwrap()
                .chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        };
        served.url = if args.contains(&"--url") {
            format!("http://{listen}")
        } else {
            format!("http://127.0.0.1:{}", port(&text))
        };
        if let Some((_, rest)) = text.split_once("password ") {
            rest.split_whitespace().next().unwrap().clone_into(&mut served.password);
        }
        served
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it says something, with the rest of the line.
    #[track_caller]
    pub fn hears(&mut self, part: &str) -> String {
        let started = Instant::now();
        loop {
            let said = self.said();
            if said.find(part).is_some_and(|at| said[at..].contains('\n')) {
                return said;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?} and without `{part}`:\n{said}");
            assert!(started.elapsed() < PATIENCE, "`{part}` was not said in\n{said}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it goes on:\n{}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Somebody who has not signed in.
    pub fn stranger(&self) -> Browser {
        let agent = Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(PATIENCE));
        Browser { agent: agent.build().into(), url: self.url.clone(), cookie: String::new(), key: String::new() }
    }

    /// The first admin, signed in.
    pub fn admin(&self) -> Browser {
        self.signed_in("admin", &self.password)
    }

    /// Somebody, signed in.
    #[track_caller]
    pub fn signed_in(&self, name: &str, password: &str) -> Browser {
        let mut browser = self.stranger();
        let answer = browser.sign_in(name, password);
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// One who asks: with a cookie, with a key, or with neither.
#[derive(Clone)]
pub struct Browser {
    pub agent: Agent,
    pub url: String,
    pub cookie: String,
    pub key: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    pub headers: Vec<(String, String)>,
}

impl Answer {
    fn of(mut response: Response<ureq::Body>) -> Self {
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Self {
            status: response.status().as_u16(),
            headers: headers.collect(),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// As JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }
}

impl Browser {
    /// Asks for a page.
    pub fn get(&mut self, path: &str) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        let answer = Answer::of(request.call().unwrap());
        self.take(&answer);
        answer
    }

    /// Sends a form of a page that was loaded before, as a browser does.
    pub fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token();
        let mut all = vec![("csrf", token.as_str())];
        all.extend(fields);
        let origin = self.url.clone();
        self.post(path, &form(&all), &[("origin", &origin)])
    }

    /// Sends anything.
    pub fn post(&mut self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
        request = request.header("content-type", kind);
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = Answer::of(request.send(body).unwrap());
        self.take(&answer);
        answer
    }

    /// The same browser without its cookie.
    pub fn clone_signed_out(&self) -> Self {
        Self { cookie: String::new(), ..self.clone() }
    }

    /// Asks in any way, without a body.
    pub fn ask(&mut self, verb: &str, path: &str) -> Answer {
        let mut request = http::Request::builder().method(verb).uri(format!("{}{path}", self.url));
        if !self.key.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.key));
        }
        Answer::of(self.agent.run(request.body(()).unwrap()).unwrap())
    }

    /// Signs in by the form.
    pub fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.send("/login", &[("name", name), ("password", password)])
    }

    /// What signs forms for this browser.
    pub fn token(&mut self) -> String {
        let signed_in = self.get("/password").text;
        let page = if signed_in.contains("name=\"csrf\"") { signed_in } else { self.get("/login").text };
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap_or(("", "\""));
        rest.split('"').next().unwrap().to_owned()
    }

    fn take(&mut self, answer: &Answer) {
        for (name, value) in &answer.headers {
            if name == "set-cookie" {
                value.split(';').next().unwrap().clone_into(&mut self.cookie);
            }
        }
    }
}

/// Text as it stands in addresses and forms.
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |escaped, byte| escaped + &format!("%{byte:02X}"))
}

/// Fields as browsers send them.
pub fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}
