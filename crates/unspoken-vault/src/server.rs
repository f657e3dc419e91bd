//! The server: a listener, connections, and what is done now and then.

mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

use crate::audit::Signer;
use crate::chores::Chores;
use crate::db::{Lane, LaneError};
use crate::federation::Providers;
use crate::http::{App, Counters, Front, Proxies, router};
use crate::key::KeyRing;
use crate::limit::Limit;
use crate::opened::{self, Opened};
use crate::seen::Seen;
use crate::tls::{Certificate, TlsError, TlsFiles};
use crate::traces::Traces;

/// A server that listens.
pub(crate) struct Server {
    listener: TcpListener,
    metrics: Option<TcpListener>,
    app: App,
    lane: JoinHandle<()>,
    certificate: Option<Arc<Certificate>>,
    signer: Arc<Signer>,
}

/// How it is to serve.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    /// Where what is counted is told.
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) tls: Option<TlsFiles>,
    /// How often a token, and an address, may ask in a second; 0 for no limit.
    pub(crate) rate: u32,
    /// How people reach it with a browser.
    pub(crate) front: Option<Front>,
    /// Whether requests are traced.
    pub(crate) is_traced: bool,
    /// Who is believed when they say who asks.
    pub(crate) proxies: Proxies,
    /// By whom people can sign in, beside a password.
    pub(crate) providers: Providers,
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
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the collector of traces cannot be used ({0})")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    #[error("the system's signals cannot be received ({0})")]
    Signal(std::io::Error),
}

/// How many connections there are at most. Others wait to be accepted.
const CONNECTIONS: usize = 4096;

/// How long a stop waits for requests under way.
const STOP: Duration = Duration::from_secs(15);

impl Server {
    /// Listens, and writes the first row of this node's chain.
    pub(crate) async fn bind(opened: Opened, settings: Settings) -> Result<Self, ServerError> {
        let Opened { sql, deployment, master, kek, check, signing } = opened;
        let check = (opened::check(&deployment, kek), check);
        let certificate = settings.tls.map(Certificate::read).transpose()?;
        let listener = listen(settings.listen).await?;
        let metrics = match settings.metrics {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        // The connection is used by a thread of its own, from the first row on.
        let begun = tokio::task::spawn_blocking(move || Lane::open(sql)).await;
        let (lane, thread) =
            begun.map_err(|error| LaneError::Thread(std::io::Error::other(error)))??;
        let front = settings
            .front
            .or_else(|| own_front(listener.local_addr().ok()?, certificate.is_some()));
        let front = front.ok_or(ServerError::Front)?;
        let traces = if settings.is_traced { Traces::open()? } else { Traces::default() };
        let app = App {
            lane,
            keys: Arc::new(KeyRing::new(master, check)),
            deployment,
            kek,
            seen: Arc::new(Seen::default()),
            limit: Arc::new(Limit::new(settings.rate)),
            issuers: Arc::default(),
            providers: Arc::new(settings.providers),
            doors: Arc::default(),
            passwords: Arc::default(),
            front: Arc::new(front),
            traces,
            proxies: Arc::new(settings.proxies),
        };
        let signer = Arc::new(Signer { deployment, key: signing });
        Ok(Self { listener, metrics, app, lane: thread, certificate, signer })
    }

    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
    }

    /// Serves until it is told to stop; then lets requests under way come to their end.
    pub(crate) async fn run(self) -> Result<(), ServerError> {
        let Self { listener, metrics, app, lane, certificate, signer } = self;
        let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signal)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signal)?;
        let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose()?;
        let chores = Chores::new(app.clone(), signer, certificate);
        let last = chores.last();
        let chores = tokio::spawn(chores.run());
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let (service, counters) = router(app.clone());
        let told = metrics.map(|listener| tokio::spawn(tell(listener, counters)));
        let graceful = GracefulShutdown::new();
        loop {
            let next = async {
                let place = Arc::clone(&connections).acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            };
            // A connection that went away before it was accepted, or too many open files.
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let (acceptor, service, watcher) =
                (acceptor.clone(), service.clone(), graceful.watcher());
            tokio::spawn(async move {
                connection::serve(stream, peer, acceptor, service, watcher).await;
                drop(place);
            });
        }
        drop(listener);
        chores.abort();
        if let Some(told) = told {
            told.abort();
        }
        let _ = tokio::time::timeout(STOP, graceful.shutdown()).await;
        let traces = app.traces.clone();
        drop((service, app));
        last.await;
        let _ = tokio::task::spawn_blocking(move || traces.close()).await;
        // The lane ends with the last way into it.
        let _ = tokio::task::spawn_blocking(move || lane.join()).await;
        Ok(())
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|error| ServerError::Listen { address, error })
}

/// Tells what was counted, to who may reach this address.
async fn tell(listener: TcpListener, counters: Counters) {
    let print = move || {
        let text = counters.print();
        async move { ([("content-type", "text/plain; version=0.0.4")], text) }
    };
    let service = axum::Router::new().route("/metrics", axum::routing::get(print));
    // It ends with the process.
    let _ = axum::serve(listener, service).await;
}

/// How people on this machine reach a listener.
fn own_front(mut address: SocketAddr, is_tls: bool) -> Option<Front> {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let scheme = if is_tls { "https" } else { "http" };
    Front::parse(&format!("{scheme}://{address}"))
}
