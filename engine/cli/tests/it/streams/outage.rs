//! A sink that is away for a while, and partitions that come while a stream runs.

use super::{
    alone::{start, wait_for},
    place::{Place, event},
};
use crate::builder::Done;
use std::{
    fs, io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread::{self, sleep},
    time::Duration,
};

/// A door before the database, which can be shut.
struct Door {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    shut: bool,
    open: Vec<TcpStream>,
}

impl Door {
    fn before(url: &str) -> Self {
        let host = url.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let server = host.to_socket_addrs().unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                if !state.shut {
                    pass(client, server, &mut state.open);
                }
            }
        });
        Self { port, state }
    }

    /// Cuts all that go through, and lets nobody in.
    fn shut(&self) {
        let mut state = self.state.lock().unwrap();
        state.shut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn open(&self) {
        self.state.lock().unwrap().shut = false;
    }
}

fn pass(client: TcpStream, server: SocketAddr, open: &mut Vec<TcpStream>) {
    let Ok(server) = TcpStream::connect(server) else { return };
    open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
    for (mut from, mut to) in [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

/// Megabytes of memory that a process holds now, or held at most.
fn memory(child: &Child, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let found = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    found.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().unwrap() / 1024
}

#[test]
fn a_sink_that_is_away_costs_no_event_and_no_memory() {
    let place = Place::new(4);
    let url = std::env::var("ENGINE_TEST_POSTGRES_URL").unwrap();
    let door = Door::before(&url);
    let host = url.rsplit_once('@').unwrap().1.split('/').next().unwrap();
    let through = url.replace(host, &format!("127.0.0.1:{}", door.port));
    let sources = place.test.read("project/sources.toml").replace("${ENGINE_TEST_POSTGRES_URL}", &through);
    place.test.write("project/sources.toml", &sources);
    let pad = "x".repeat(300);
    let events = |from: u32, to: u32| -> Vec<String> {
        let one = |n| format!("{{\"email\":\"{n}@x\",\"n\":{},\"status\":\"Gold\",\"pad\":\"{pad}\"}}", n + 100);
        (from..to).map(one).collect()
    };
    place.send(&events(0, 20_000));
    let stream = start(&place.test);
    let count = || place.ask("select count(*)::text from {}.users").parse::<u32>().unwrap();
    wait_for("the first events come through", || count() == 20_000);
    let before = memory(&stream, "VmHWM");
    door.shut();
    place.send(&events(20_000, 160_000));
    sleep(Duration::from_secs(10));
    let away = memory(&stream, "VmRSS");
    assert!(away < before + 64, "{away} MB while the sink is away, {before} MB before");
    door.open();
    wait_for("all events come through", || count() == 160_000);
    let most = memory(&stream, "VmHWM");
    assert!(most < before + 128, "{most} MB in the end, {before} MB before");
    end(stream);
    assert_eq!(
        place.ask("select (min(n) || ' ' || max(n) || ' ' || count(distinct n))::text from {}.users"),
        "100 160099 160000"
    );
}

#[test]
fn partitions_that_come_while_a_stream_runs_are_followed() {
    let place = Place::new(1);
    place.send(&[event("0@x", 0)]);
    let stream = start(&place.test);
    wait_for("the first event comes through", || place.rows("n") == "0");
    place.grow(3);
    // A new producer knows of them all; some of these keys belong to each.
    let events: Vec<String> = (1..30).filter(|n| *n != 13).map(|n| event(&format!("{n}@x"), n)).collect();
    wait_for("the partitions are there", || {
        place.send(&events);
        place.ends(3).iter().all(|end| *end > 0)
    });
    wait_for("all events come through", || place.ask("select count(*)::text from {}.users") == "29");
    end(stream);
    place.test.run(&["run"]).code(0).says("no new events");
}

fn end(stream: Child) {
    let id = stream.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    Done::of(stream.wait_with_output().unwrap()).code(130);
}
