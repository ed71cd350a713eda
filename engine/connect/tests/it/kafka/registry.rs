//! A schema registry of a test's own: its three calls over HTTP, and nothing kept on disk.

use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

/// Listens on a port of its own as long as the test runs.
#[derive(Clone, Debug)]
pub struct Registry {
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// By their numbers from 1, the subject of each and what is said of it.
    schemas: Vec<(String, Value)>,
    /// What is answered instead of anything else.
    instead: Option<(u16, Value)>,
    /// `Basic …`, if that has to be sent.
    authorization: Option<String>,
    asked: Vec<String>,
}

impl Registry {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { url, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Adds a schema, and says its number.
    pub fn add(&self, subject: &str, said: Value) -> u32 {
        self.state().add(subject, said)
    }

    /// Answers nothing else from now on; `None` ends that.
    pub fn answer_instead(&self, answer: Option<(u16, Value)>) {
        self.state().instead = answer;
    }

    /// Asks for this from now on.
    pub fn guard(&self, authorization: &str) {
        self.state().authorization = Some(authorization.to_owned());
    }

    /// What was asked, method and path each.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// The newest schema of a subject, and its number.
    pub fn newest(&self, subject: &str) -> (u32, String) {
        let state = self.state();
        let number = state.schemas.iter().rposition(|(of, _)| of == subject).expect("the subject is registered");
        (u32::try_from(number).unwrap() + 1, state.schemas[number].1["schema"].as_str().unwrap().to_owned())
    }
}

impl State {
    fn add(&mut self, subject: &str, said: Value) -> u32 {
        let known = self.schemas.iter().position(|known| (known.0.as_str(), &known.1) == (subject, &said));
        let number = known.unwrap_or_else(|| {
            self.schemas.push((subject.to_owned(), said));
            self.schemas.len() - 1
        });
        u32::try_from(number).unwrap() + 1
    }

    fn said(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["schemas", "ids", number]) => {
                let at = number.parse::<usize>().unwrap().checked_sub(1);
                match at.and_then(|at| self.schemas.get(at)) {
                    Some((_, said)) => (200, said.clone()),
                    None => (404, json!({ "error_code": 40403, "message": "Schema not found" })),
                }
            }
            ("POST", ["subjects", subject, "versions"]) => {
                (200, json!({ "id": self.add(subject, serde_json::from_str(body).unwrap()) }))
            }
            ("GET", ["subjects", subject, "versions", version]) => {
                let version = version.parse::<usize>().unwrap() - 1;
                let found = self.schemas.iter().filter(|(of, _)| of == subject).nth(version);
                found.map_or((404, json!({ "error_code": 40402, "message": "Version not found" })), |(_, said)| {
                    (200, said.clone())
                })
            }
            _ => (404, Value::Null),
        }
    }
}

fn answer(stream: TcpStream, state: &Mutex<State>) {
    let mut from = BufReader::new(stream.try_clone().unwrap());
    let mut head = vec![];
    let mut line = String::new();
    while from.read_line(&mut line).is_ok_and(|size| size > 2) {
        head.push(std::mem::take(&mut line));
    }
    let Some(first) = head.first() else { return };
    let header = |name: &str| {
        let found = head.iter().filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    from.read_exact(&mut body).unwrap();
    let words: Vec<&str> = first.split(' ').collect();
    let (status, said) = {
        let mut state = state.lock().unwrap();
        state.asked.push(format!("{} {}", words[0], words[1]));
        if state.authorization.is_some() && state.authorization != header("authorization") {
            (401, json!({ "error_code": 40101, "message": "Unauthorized" }))
        } else {
            state.said(words[0], words[1], std::str::from_utf8(&body).unwrap())
        }
    };
    let said = said.to_string();
    let head = format!("HTTP/1.1 {status} so\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", said.len());
    let _ = (&stream).write_all((head + &said).as_bytes());
}
