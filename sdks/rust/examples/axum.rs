//! An axum server whose one secret never stands in its environment, its logs or its answers.
//!
//! ```sh
//! unspoken run --fd -- cargo run --example axum
//! curl 'http://127.0.0.1:3000/sign?text=hello'
//! ```
//!
//! `PORT` chooses the port; without it, or with 0, the system does.

use std::{env, error::Error, fmt::Write as _, net::Ipv4Addr, sync::Arc};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::{net::TcpListener, runtime};
use unspoken_sdk::{Secret, Secrets};

/// What the server was configured with. It derives `Debug` and is logged as a whole.
#[derive(Debug)]
struct Config {
    port: u16,
    signing_key: Secret,
    secrets: &'static Secrets,
}

fn main() -> Result<(), Box<dyn Error>> {
    // First of all: the runtime below starts threads.
    let secrets = unspoken_sdk::load()?;
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let port = env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let config = Config { port, signing_key: secrets.get("SIGNING_KEY")?, secrets };
    tracing::info!(?config, key = ?config.signing_key, "configured with {config:?}");
    runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
    let port = listener.local_addr()?.port();
    let router = Router::new()
        .route("/sign", get(sign))
        .route("/health", get(health))
        .with_state(Arc::new(config));
    tracing::info!(port, "listening");
    unspoken_sdk::ready(port)?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// `GET /sign?text=…`: the HMAC-SHA-256 of the text under the server's key.
async fn sign(
    State(config): State<Arc<Config>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<String, StatusCode> {
    let text = query.iter().find(|(name, _)| name == "text").ok_or(StatusCode::BAD_REQUEST)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(config.signing_key.expose().as_bytes())
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    mac.update(text.1.as_bytes());
    Ok(mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

/// `GET /health`: for the supervisor alone, which proves itself with the instance's token.
async fn health(State(config): State<Arc<Config>>, headers: HeaderMap) -> StatusCode {
    let shown = headers.get("unspoken-token").and_then(|value| value.to_str().ok());
    match shown {
        Some(text) if config.secrets.is_probe(text) => StatusCode::NO_CONTENT,
        _ => StatusCode::NOT_FOUND,
    }
}
