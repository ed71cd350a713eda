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
}

/// Listens on a port of its own.
pub struct Proxy {
    pub port: u16,
    armed: Arc<Mutex<Option<(&'static str, Cut)>>>,
}

impl Proxy {
    /// In front of the server under test.
    pub async fn new() -> Self {
        let url = super::url();
        let host = url.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let server: SocketAddr = tokio::net::lookup_host(host).await.unwrap().next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = Arc::new(Mutex::new(None));
        let shared = armed.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, shared.clone()));
            }
        });
        Self { port, armed }
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

async fn pass(client: TcpStream, server: SocketAddr, armed: Arc<Mutex<Option<(&'static str, Cut)>>>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(size @ 1..) = from_client.read(&mut buffer).await {
        let said = |statement: &str| buffer[..size].windows(statement.len()).any(|part| part == statement.as_bytes());
        let cut = armed.lock().unwrap().take_if(|(statement, _)| said(statement)).map(|(_, cut)| cut);
        match cut {
            None => {}
            Some(Cut::Before) => break,
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
