//! From a request to its answer: the same way for every route.
//!
//! Read what can be read without the store; do it in a transaction, with its row of the record; and
//! only when that is durable open what was allowed to be opened.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, get, on};
use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::time::timeout;
use unspoken_model::{DeploymentId, RequestId, SecretName};
use unspoken_seal::TokenAuth;
use unspoken_wire::vault::ProblemBody;
use zeroize::Zeroizing;

use super::answer::{Answer, Head};
use super::asked::{Asked, etag};
use super::browser::Front;
use super::page;
use super::proxies::Proxies;
use super::route::{Brought, Method, Route};
use super::router::routes;
use crate::db::{About, Desk, Lane, Shown};
use crate::federation::{Issuers, Providers};
use crate::hazmat;
use crate::key::KeyRing;
use crate::limit::{Asker, Limit};
use crate::metrics::{self, RouteMetrics};
use crate::problem::{Kind, Problem};
use crate::seen::Seen;
use crate::sign_in::{Doors, Passwords};
use crate::traces::{Trace, Traces};
use crate::wanted::Means;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) lane: Lane,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) deployment: DeploymentId,
    pub(crate) kek: i64,
    pub(crate) seen: Arc<Seen>,
    pub(crate) limit: Arc<Limit>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) providers: Arc<Providers>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) front: Arc<Front>,
    pub(crate) traces: Traces,
    pub(crate) proxies: Arc<Proxies>,
}

/// What was counted, route by route.
#[derive(Clone)]
pub(crate) struct Counters(Vec<(Arc<Route>, Arc<RouteMetrics>)>);

impl Counters {
    pub(crate) fn print(&self) -> String {
        let routes = self.0.iter();
        metrics::print(
            routes
                .map(|(route, counted)| (route.plan.method.as_str(), route.plan.path, &**counted)),
        )
    }
}

/// How large a body may be.
const BODY: usize = 1024 * 1024;

/// How long a request takes at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a request is begun, where something had to be found for it first.
const TRIES: usize = 4;

/// All routes, ready to be served.
pub(crate) fn router(app: App) -> (Router, Counters) {
    let mut router = Router::new();
    let mut counters = Vec::new();
    for route in routes() {
        let route: Arc<Route> = Arc::new(route);
        let counted = Arc::new(RouteMetrics::default());
        counters.push((Arc::clone(&route), Arc::clone(&counted)));
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
            let (route, counted) = (Arc::clone(&route), Arc::clone(&counted));
            async move {
                let begun = Instant::now();
                let response = handle(&app, &route, peer.ip(), &parameters, request).await;
                counted.note(response.status().as_u16(), begun.elapsed());
                response
            }
        };
        router = router.route(path, on(filter, handler));
    }
    let router = router
        // Whether the process lives, and whether it could hand out something.
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .fallback(|| async {
            let request = RequestId::new(hazmat::random());
            refuse(&Problem::new(Kind::Missing, "there is no such route"), request)
        })
        .method_not_allowed_fallback(|| async {
            let request = RequestId::new(hazmat::random());
            refuse(&Problem::new(Kind::Method, "this route is not asked like that"), request)
        })
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(app);
    (router, Counters(counters))
}

/// Whether the store answers. Asks it no more often than requests may be made.
async fn ready(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> (StatusCode, &'static str) {
    let Ok(address) = app.proxies.client(peer.ip(), &headers) else {
        return (StatusCode::BAD_REQUEST, "who asks cannot be told\n");
    };
    let about = About::of_node(address, false);
    let work =
        |desk: &mut Desk<'_>| Ok(desk.rows("SELECT name FROM store LIMIT 1", &[]).map(drop)?);
    let asked = async {
        app.limit.admit(Asker::Address(address)).map_err(|_| Problem::unavailable())?;
        app.lane.run(about, work).await
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}

async fn handle(
    app: &App,
    route: &Route,
    peer: IpAddr,
    parameters: &RawPathParams,
    request: Request,
) -> Response {
    let id = RequestId::new(hazmat::random());
    let trace = app.traces.begin(&route.plan, request.headers());
    let attempt = attempt(app, route, peer, parameters, request, (id, &trace));
    let refuse_by = |problem: &Problem| {
        if route.is_page { page::refuse(problem, id, &app.front) } else { refuse(problem, id) }
    };
    // A fault in one request is that request's alone, and nobody waits for ever.
    let outcome = timeout(PATIENCE, AssertUnwindSafe(attempt).catch_unwind()).await;
    let mut response = match outcome {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(problem))) => refuse_by(&problem),
        Ok(Err(_)) => refuse_by(&Problem::internal()),
        Err(_) => refuse_by(&Problem::unavailable()),
    };
    // By which an answer is found in the record.
    let id = id.to_string();
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    trace.end(response.status().as_u16(), &id);
    response
}

async fn attempt(
    app: &App,
    route: &Route,
    peer: IpAddr,
    parameters: &RawPathParams,
    request: Request,
    (id, trace): (RequestId, &Trace),
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let address = app.proxies.client(peer, &head.headers)?;
    admit(app, Asker::Address(address))?;
    let auth = credential(&head.headers)?;
    if let Some(auth) = &auth {
        admit(app, Asker::Token(Shown::new(auth)))?;
    }
    let body = axum::body::to_bytes(body, BODY)
        .await
        .map_err(|_| Problem::new(Kind::TooLarge, "a body has at most 1 MiB"));
    let mut asked = Asked {
        address,
        parameters: named(route.plan.path, parameters),
        query: query(head.uri.query().unwrap_or_default()),
        if_match: text(&head.headers, &header::IF_MATCH),
        if_none_match: text(&head.headers, &header::IF_NONE_MATCH),
        browser: app.front.browser(&head.headers),
        is_foreign: is_foreign(&head.headers),
        front: Arc::clone(&app.front),
        doors: Arc::clone(&app.doors),
        fresh: hazmat::random(),
        found: Vec::new(),
        keys: Arc::clone(&app.keys),
        issuers: Arc::clone(&app.issuers),
        providers: Arc::clone(&app.providers),
        deployment: app.deployment,
        kek: app.kek,
    };
    let token = auth.as_ref().map(Shown::new);
    for _ in 0..TRIES {
        let about = About {
            request: id,
            address,
            action: route.plan.action,
            token,
            environment: asked.environment(),
            name: asked.text("name").and_then(|text| SecretName::parse(text).ok()),
            changes: route.plan.method != Method::Get,
        };
        let auth = auth.as_ref().map(TokenAuth::copy);
        let brought = Brought { asked: asked.clone(), auth, body: body.clone() };
        let work = (route.prepare)(brought)?;
        match trace.part("record", app.lane.run(about, work)).await {
            Ok(answer) => {
                if let Some(token) = token {
                    app.seen.note(token.id);
                }
                return trace.part("open", async { respond(app, answer) }).await;
            }
            Err(Problem { wanted: Some(wanted), .. }) => {
                let found = trace.part("find", wanted.find(means(app))).await?;
                asked.found.push(found);
            }
            Err(problem) => return Err(problem),
        }
    }
    Err(Problem::unavailable())
}

/// By what is found that a request wants.
fn means(app: &App) -> Means {
    Means {
        ring: Arc::clone(&app.keys),
        issuers: Arc::clone(&app.issuers),
        passwords: Arc::clone(&app.passwords),
    }
}

fn admit(app: &App, asker: Asker) -> Result<(), Problem> {
    app.limit.admit(asker).map_err(|wait| {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        let problem = Problem::new(Kind::TooMany, "that is more than may be asked in this time");
        Problem { retry_after: Some(seconds), ..problem }
    })
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

/// Whether a browser says that a page of somebody else's sent this.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    matches!(site, Some(b"cross-site" | b"same-site"))
}

/// What stands in the places of a path.
fn named(path: &'static str, parameters: &RawPathParams) -> Vec<(&'static str, String)> {
    let places = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let text = |place: &'static str| {
        parameters.iter().find(|(name, _)| *name == place).map(|(_, text)| (place, text.to_owned()))
    };
    places.filter_map(text).collect()
}

/// What is asked for behind a path, if it can be read.
pub(super) fn query(text: &str) -> Option<Vec<(String, String)>> {
    serde_urlencoded::from_str(text).ok()
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn respond(app: &App, answer: Answer) -> Result<Response, Problem> {
    let (bytes, head) = match answer {
        Answer::Empty => return Ok(response(StatusCode::NO_CONTENT, Body::empty())),
        Answer::Unchanged(head) => {
            let mut response = response(StatusCode::NOT_MODIFIED, Body::empty());
            tag(&mut response, head);
            return Ok(response);
        }
        Answer::Page(page) => return Ok(page.respond(&app.front)),
        Answer::Json(bytes) => (bytes, None),
        Answer::Sealed(sealed) => {
            let head = sealed.head;
            (sealed.open()?, Some(head))
        }
    };
    let mut response = response(StatusCode::OK, json(bytes));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(head) = head {
        tag(&mut response, head);
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

/// Says of which revision it is, and for how long a sealed copy may stand in for the vault.
fn tag(response: &mut Response, head: Head) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&etag(head.revision)) {
        headers.insert(header::ETAG, value);
    }
    headers.insert("unspoken-snapshot-seconds", HeaderValue::from(head.offline));
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
