//! From a request to its answer: the same way for every route.
//!
//! Read what can be read without the store; do it in a transaction, with its row of the record; and
//! only when that is durable open what was allowed to be opened.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::time::timeout;
use unspoken_model::{DeploymentId, RequestId};
use unspoken_seal::TokenAuth;
use unspoken_wire::vault::ProblemBody;
use zeroize::Zeroizing;

use super::answer::Answer;
use super::asked::{Asked, etag};
use super::route::{Brought, Method, Route};
use super::router::routes;
use crate::db::{About, Lane};
use crate::hazmat;
use crate::key::KeyRing;
use crate::problem::{Kind, Problem};
use crate::seen::Seen;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) lane: Lane,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) deployment: DeploymentId,
    pub(crate) kek: i64,
    pub(crate) seen: Arc<Seen>,
}

/// How large a body may be.
const BODY: usize = 1024 * 1024;

/// How long a request takes at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// For how many seconds a client may use a sealed copy of values while no node answers.
const SNAPSHOT: u32 = 24 * 60 * 60;

/// How often a request is begun anew because a key had to be unwrapped.
const TRIES: usize = 3;

/// All routes, ready to be served.
pub(crate) fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in routes() {
        let route: Arc<Route> = Arc::new(route);
        let filter = match route.plan.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        };
        let path = route.plan.path;
        let handler = move |State(app): State<App>,
                            ConnectInfo(peer): ConnectInfo<SocketAddr>,
                            parameters: RawPathParams,
                            request: Request| {
            let route = Arc::clone(&route);
            async move { handle(&app, &route, peer.ip(), &parameters, request).await }
        };
        router = router.route(path, on(filter, handler));
    }
    router
        .fallback(|| async {
            let request = RequestId::new(hazmat::random());
            refuse(&Problem::new(Kind::Missing, "there is no such route"), request)
        })
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(app)
}

async fn handle(
    app: &App,
    route: &Route,
    address: IpAddr,
    parameters: &RawPathParams,
    request: Request,
) -> Response {
    let id = RequestId::new(hazmat::random());
    let attempt = attempt(app, route, address, parameters, request, id);
    // A fault in one request is that request's alone, and nobody waits for ever.
    let outcome = timeout(PATIENCE, AssertUnwindSafe(attempt).catch_unwind()).await;
    match outcome {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(problem))) => refuse(&problem, id),
        Ok(Err(_)) => refuse(&Problem::internal(), id),
        Err(_) => refuse(&Problem::unavailable(), id),
    }
}

async fn attempt(
    app: &App,
    route: &Route,
    address: IpAddr,
    parameters: &RawPathParams,
    request: Request,
    id: RequestId,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let auth = credential(&head.headers)?;
    let body = axum::body::to_bytes(body, BODY)
        .await
        .map_err(|_| Problem::new(Kind::TooLarge, "a body has at most 1 MiB"))?;
    let asked = Asked {
        request: id,
        address,
        parameters: named(route.plan.path, parameters),
        query: query(head.uri.query().unwrap_or_default())?,
        if_match: text(&head.headers, &header::IF_MATCH),
        if_none_match: text(&head.headers, &header::IF_NONE_MATCH),
        keys: Arc::clone(&app.keys),
        deployment: app.deployment,
        kek: app.kek,
    };
    let token = auth.as_ref().map(TokenAuth::id);
    for _ in 0..TRIES {
        let about = About {
            request: id,
            address,
            action: route.plan.action,
            token,
            environment: asked.environment(),
            changes: route.plan.method != Method::Get,
        };
        let auth = auth.as_ref().map(TokenAuth::copy);
        let brought = Brought { asked: asked.clone(), auth, body: body.clone() };
        let work = (route.prepare)(brought)?;
        match app.lane.run(about, work).await {
            Ok(answer) => {
                if let Some(token) = token {
                    app.seen.note(token);
                }
                return respond(app, answer).await;
            }
            Err(Problem { wanted: Some(key), .. }) => {
                let ring = Arc::clone(&app.keys);
                let find = move || ring.find(&key.address, &key.wrapped).map(drop);
                let found = tokio::task::spawn_blocking(find).await;
                found.map_err(|_| Problem::internal())?.map_err(|_| Problem::unavailable())?;
            }
            Err(problem) => return Err(problem),
        }
    }
    Err(Problem::unavailable())
}

/// The token that was shown. One that cannot be read is none.
fn credential(headers: &HeaderMap) -> Result<Option<TokenAuth>, Problem> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")));
    // By which the clients of HashiCorp's Vault show theirs.
    let shown = bearer.or_else(|| headers.get("x-vault-token").map(|value| value.to_str().ok()));
    match shown {
        None => Ok(None),
        Some(text) => text
            .and_then(|text| TokenAuth::parse(text).ok())
            .map(Some)
            .ok_or_else(Problem::unauthorized),
    }
}

/// What stands in the places of a path.
fn named(path: &'static str, parameters: &RawPathParams) -> Vec<(&'static str, String)> {
    let places = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let text = |place: &'static str| {
        parameters.iter().find(|(name, _)| *name == place).map(|(_, text)| (place, text.to_owned()))
    };
    places.filter_map(text).collect()
}

fn query(text: &str) -> Result<Vec<(String, String)>, Problem> {
    serde_urlencoded::from_str(text).map_err(|_| Problem::invalid("what is asked cannot be read"))
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

async fn respond(app: &App, answer: Answer) -> Result<Response, Problem> {
    let (bytes, revision) = match answer {
        Answer::Empty => return Ok(response(StatusCode::NO_CONTENT, Body::empty())),
        Answer::Unchanged(revision) => {
            let mut response = response(StatusCode::NOT_MODIFIED, Body::empty());
            tag(&mut response, revision);
            allow_snapshot(&mut response);
            return Ok(response);
        }
        Answer::Json(bytes) => (bytes, None),
        Answer::Sealed(sealed) => {
            let revision = sealed.revision;
            let ring = Arc::clone(&app.keys);
            let bytes = if sealed.is_near(&ring) {
                sealed.open(&ring)?
            } else {
                let opened = tokio::task::spawn_blocking(move || sealed.open(&ring)).await;
                opened.map_err(|_| Problem::internal())??
            };
            (bytes, Some(revision))
        }
    };
    let mut response = response(StatusCode::OK, json(bytes));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(revision) = revision {
        tag(&mut response, revision);
        allow_snapshot(&mut response);
    }
    Ok(response)
}

/// A body whose bytes are wiped when they were sent.
fn json(bytes: Zeroizing<Vec<u8>>) -> Body {
    struct Owner(Zeroizing<Vec<u8>>);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    Body::from(Bytes::from_owner(Owner(bytes)))
}

fn tag(response: &mut Response, revision: i64) {
    if let Ok(value) = HeaderValue::from_str(&etag(revision)) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

fn allow_snapshot(response: &mut Response) {
    response.headers_mut().insert("unspoken-snapshot-seconds", HeaderValue::from(SNAPSHOT));
}

fn response(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

fn refuse(problem: &Problem, request: RequestId) -> Response {
    let body = ProblemBody {
        code: problem.kind.code().to_owned(),
        message: problem.message.clone(),
        request_id: request.to_string(),
    };
    let bytes = Zeroizing::new(serde_json::to_vec(&body).unwrap_or_default());
    let status = StatusCode::from_u16(problem.kind.status()).unwrap_or_default();
    let mut response = response(status, json(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.kind == Kind::Unauthorized {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
