//! Accepts connections: bounds how many there are and how long a request's head may take.

use crate::web::auth::origin::Origin;
use axum::{body::Body, extract::ConnectInfo, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt as _};

/// A head that takes longer than this to come, or a connection that is idle for so long, is closed.
const HEAD: Duration = Duration::from_secs(10);
/// Connections in all; more wait to be accepted.
const CONNECTIONS: usize = 512;
/// Connections from one address that is no trusted proxy; more are closed.
const OF_ADDRESS: usize = 128;
/// After an error of the system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until told to stop, then ends what is being answered.
pub async fn serve<S>(listener: TcpListener, app: S, origin: Arc<Origin>, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let (room, addresses, tasks) =
        (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Addresses::default()), TaskTracker::new());
    loop {
        let next = async {
            let permit = room.clone().acquire_owned().await.ok()?;
            Some((permit, listener.accept().await))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = stop.cancelled() => break,
        };
        let (permit, stream, peer) = match accepted {
            Some((permit, Ok((stream, peer)))) => (permit, stream, peer),
            Some((_, Err(error))) => {
                tracing::warn!(%error, "a connection is not accepted");
                sleep(PAUSE).await;
                continue;
            }
            None => break,
        };
        let Some(counted) = addresses.enter(peer.ip().to_canonical(), &origin) else { continue };
        let (app, stop) = (app.clone(), stop.clone());
        tasks.spawn(async move {
            connection(stream, peer, app, stop).await;
            drop((permit, counted));
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn connection<S>(stream: TcpStream, peer: SocketAddr, app: S, stop: CancellationToken)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // Errors are those of the other end.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct Addresses(Mutex<BTreeMap<IpAddr, usize>>);

impl Addresses {
    /// Counts one more, unless that is too many.
    fn enter(self: &Arc<Self>, address: IpAddr, origin: &Origin) -> Option<Counted> {
        let mut counts = self.0.lock().expect("no holder of this lock panics");
        let count = counts.entry(address).or_default();
        if *count >= OF_ADDRESS && !origin.is_proxy(address) {
            return None;
        }
        *count += 1;
        Some(Counted { addresses: self.clone(), address })
    }
}

/// A connection that is counted until it is dropped.
struct Counted {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().expect("no holder of this lock panics");
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Addresses, OF_ADDRESS};
    use crate::web::auth::origin::Origin;
    use std::sync::Arc;

    #[test]
    fn one_address_has_so_many_connections() {
        let origin = Origin::new("0.0.0.0:1".parse().unwrap(), None, vec!["10.0.0.1".parse().unwrap()]);
        let (addresses, client) = (Arc::new(Addresses::default()), "9.9.9.9".parse().unwrap());
        let mut held: Vec<_> = (0..OF_ADDRESS).map(|_| addresses.enter(client, &origin).unwrap()).collect();
        assert!(addresses.enter(client, &origin).is_none());
        assert!(addresses.enter("9.9.9.8".parse().unwrap(), &origin).is_some(), "others come in");
        held.pop();
        assert!(addresses.enter(client, &origin).is_some());
        let proxy = "10.0.0.1".parse().unwrap();
        let many: Vec<_> = (0..2 * OF_ADDRESS).map(|_| addresses.enter(proxy, &origin)).collect();
        assert!(many.iter().all(Option::is_some), "a proxy stands for many");
        drop((held, many));
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
