//! The servers, which are stopped and started.

use crate::sink::Sink;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Private servers that `scripts/services up` started.
pub struct Servers {
    /// The brokers' address.
    pub brokers: String,
    /// The database.
    pub sink: Sink,
    folder: PathBuf,
}

/// A variable of the environment.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `make chaos` starts servers and sets it"))
}

impl Servers {
    /// Those of the environment.
    pub fn found() -> Self {
        let folder = PathBuf::from(variable("ENGINE_SERVICES"));
        Self { brokers: variable("ENGINE_TEST_KAFKA"), sink: Sink::found(&folder), folder }
    }

    /// Makes a topic and a table with rules, and says what both are called.
    pub fn prepare(&self) -> String {
        let place = format!("chaos_{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let topic = format!("{place}.users");
        let new = NewTopic::new(&topic, 4, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(admin.create_topics([&new], &options)).unwrap().remove(0).unwrap();
        self.sink.prepare(&place);
        place
    }

    /// Kills the broker and starts it again.
    pub fn restart_broker(&self) {
        signal("-9", &fs::read_to_string(self.folder.join("kafka/pid")).unwrap());
        thread::sleep(Duration::from_secs(1));
        up("kafka");
    }
}

/// Sends a signal to a process.
pub fn signal(signal: &str, id: &str) {
    assert!(Command::new("kill").args([signal, id.trim()]).status().unwrap().success());
}

/// Starts a server again.
pub fn up(service: &str) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/service").join(service);
    let mut command = Command::new(script);
    // What is given by its variable is not started.
    for given in ["ENGINE_TEST_KAFKA", "ENGINE_TEST_POSTGRES_URL", "ENGINE_TEST_MYSQL_URL"] {
        command.env_remove(given);
    }
    assert!(command.arg("up").status().unwrap().success(), "{service} starts again");
}
