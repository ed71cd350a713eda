//! A proxy that cuts one connection at a statement: before the server hears it, or before its answer comes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
};

/// When the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Before,
    After,
    /// With the whole server, so many milliseconds after it has heard.
    Kill(u32, u64),
    /// Before the server hears it; and nobody tells the server that the other end is gone.
    Silent,
}

/// How long a server is left in ignorance.
const SILENCE: Duration = Duration::from_mins(1);

/// Listens on a port of its own.
pub struct Proxy {
    pub port: u16,
    armed: Arc<Mutex<Option<(&'static str, Cut)>>>,
    server: Arc<Mutex<SocketAddr>>,
}

impl Proxy {
    /// In front of a server.
    pub async fn before(url: &str) -> Self {
        let server = Arc::new(Mutex::new(address(url).await));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = Arc::new(Mutex::new(None));
        let (shared, to) = (armed.clone(), server.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = *to.lock().unwrap();
                tokio::spawn(pass(client, server, shared.clone()));
            }
        });
        Self { port, armed, server }
    }

    /// Leads to another server from now on.
    pub async fn lead_to(&self, url: &str) {
        let address = address(url).await;
        *self.server.lock().unwrap() = address;
    }

    /// Cuts the next connection that says this.
    pub fn arm(&self, statement: &'static str, cut: Cut) {
        *self.armed.lock().unwrap() = Some((statement, cut));
    }

    /// Whether nobody has said it.
    pub fn is_armed(&self) -> bool {
        self.armed.lock().unwrap().is_some()
    }
}

async fn address(url: &str) -> SocketAddr {
    let host = url.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
    tokio::net::lookup_host(host).await.unwrap().next().unwrap()
}

async fn pass(client: TcpStream, server: SocketAddr, armed: Arc<Mutex<Option<(&'static str, Cut)>>>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // The half that writes goes with it, or the client would not see that it is cut.
    let back = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(size @ 1..) = from_client.read(&mut buffer).await {
        let said = |statement: &str| buffer[..size].windows(statement.len()).any(|part| part == statement.as_bytes());
        let cut = armed.lock().unwrap().take_if(|(statement, _)| said(statement)).map(|(_, cut)| cut);
        match cut {
            None => {}
            Some(Cut::Before) => break,
            Some(Cut::Silent) => {
                back.abort();
                drop(from_client);
                tokio::time::sleep(SILENCE).await;
                break;
            }
            Some(Cut::Kill(pid, after_ms)) => {
                back.abort();
                let _ = to_server.write_all(&buffer[..size]).await;
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                crate::mortal::kill(pid);
                break;
            }
            Some(Cut::After) => {
                // The answer is swallowed.
                back.abort();
                let _ = to_server.write_all(&buffer[..size]).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                break;
            }
        }
        if to_server.write_all(&buffer[..size]).await.is_err() {
            break;
        }
    }
    back.abort();
}
