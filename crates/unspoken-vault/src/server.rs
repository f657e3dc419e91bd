//! The server: a listener, connections, and what is done now and then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use unspoken_model::{Action, RequestId};

use crate::db::{About, Lane, LaneError};
use crate::hazmat;
use crate::http::{App, Front, router};
use crate::key::KeyRing;
use crate::opened::Opened;
use crate::seen::Seen;

/// A server that listens.
pub(crate) struct Server {
    listener: TcpListener,
    app: App,
    lane: JoinHandle<()>,
}

/// Why it cannot serve, or stopped.
#[derive(Debug, Error)]
pub(crate) enum ServerError {
    #[error("cannot listen at {address} ({error})")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("the address by which people reach this vault cannot be told")]
    Front,
    #[error(transparent)]
    Lane(#[from] LaneError),
    #[error("the system's signals cannot be received ({0})")]
    Signal(std::io::Error),
}

/// How many connections there are at most. Others wait to be accepted.
const CONNECTIONS: usize = 4096;

/// How long a client may take to send a request's head.
const HEAD: Duration = Duration::from_secs(10);

/// How long a stop waits for requests under way.
const STOP: Duration = Duration::from_secs(15);

/// How often uses of tokens are written and old keys forgotten.
const NOW_AND_THEN: Duration = Duration::from_secs(10);

impl Server {
    /// Listens, and writes the first row of this node's chain.
    pub(crate) async fn bind(
        opened: Opened,
        address: SocketAddr,
        front: Option<Front>,
    ) -> Result<Self, ServerError> {
        let Opened { sql, deployment, master, kek, signing: _ } = opened;
        // The connection is used by a thread of its own, from the first row on.
        let begun = tokio::task::spawn_blocking(move || Lane::open(sql)).await;
        let (lane, thread) =
            begun.map_err(|error| LaneError::Thread(std::io::Error::other(error)))??;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| ServerError::Listen { address, error })?;
        let front = front.or_else(|| own_front(listener.local_addr().ok()?));
        let front = front.ok_or(ServerError::Front)?;
        let app = App {
            lane,
            keys: Arc::new(KeyRing::new(master)),
            deployment,
            kek,
            seen: Arc::new(Seen::default()),
            doors: Arc::default(),
            passwords: Arc::default(),
            front: Arc::new(front),
        };
        Ok(Self { listener, app, lane: thread })
    }

    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
    }

    /// Serves until it is told to stop; then lets requests under way come to their end.
    pub(crate) async fn run(self) -> Result<(), ServerError> {
        let Self { listener, app, lane } = self;
        let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signal)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signal)?;
        let chores = tokio::spawn(chores(app.clone()));
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let service = router(app);
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            };
            // A connection that went away before it was accepted, or too many open files.
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&connections).acquire_owned().await else { break };
            let _ = stream.set_nodelay(true);
            let service = service.clone();
            let service =
                tower::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
                    request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
                    tower_service::Service::call(&mut service.clone(), request)
                });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
            let watched = graceful.watch(connection);
            tokio::spawn(async move {
                // Whoever breaks a connection off knows it.
                let _ = watched.await;
                drop(place);
            });
        }
        drop(listener);
        chores.abort();
        let _ = tokio::time::timeout(STOP, graceful.shutdown()).await;
        drop(service);
        // The lane ends with the last way into it.
        let _ = tokio::task::spawn_blocking(move || lane.join()).await;
        Ok(())
    }
}

/// How people on this machine reach a listener.
fn own_front(mut address: SocketAddr) -> Option<Front> {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Front::parse(&format!("http://{address}"))
}

/// Writes which tokens were used, and forgets keys that were not.
async fn chores(app: App) {
    let mut ticks = interval(NOW_AND_THEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        app.keys.sweep();
        let tokens = app.seen.take();
        if tokens.is_empty() {
            continue;
        }
        let about = About {
            request: RequestId::new(hazmat::random()),
            address: std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            action: Action::NodeStart,
            token: None,
            environment: None,
            changes: true,
        };
        let written = app.lane.run(about, move |desk| Seen::write(desk, &tokens)).await;
        // What could not be written is known again when the token is used again.
        drop(written);
    }
}
