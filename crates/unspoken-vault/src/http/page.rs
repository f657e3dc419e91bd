//! Pages for people: whole documents, which nobody may frame or keep. One script there is, for
//! passkeys; all else works without it.

use std::sync::LazyLock;

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{Schema, SchemaGenerator};
use unspoken_model::RequestId;

use super::answer::{Answer, Reply};
use super::browser::{Browser, Front};
use crate::hazmat;
use crate::problem::{Kind, Problem};

/// A document, or where to go on.
pub(crate) struct Page {
    status: u16,
    html: String,
    location: Option<String>,
    cookie: Cookie,
    /// Where, beside the vault itself, a form may lead.
    leads_to: Option<String>,
    /// Whether it has the script.
    has_script: bool,
}

enum Cookie {
    Keep,
    Set(Browser),
    Forget,
}

/// What all pages look like. It is part of each, so that nothing else is fetched.
pub(super) const STYLE: &str = include_str!("../../templates/style.css");

/// Asks for passkeys. Part of the pages that need it.
pub(super) const SCRIPT: &str = include_str!("../../templates/passkey.js");

/// What a browser is told of both.
static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(hazmat::sha256(&[STYLE.as_bytes()])));

static SCRIPT_HASH: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(hazmat::sha256(&[SCRIPT.as_bytes()])));

impl Page {
    pub(super) fn new(template: &impl Template) -> Result<Self, Problem> {
        let html = template.render().map_err(|_| Problem::internal())?;
        let cookie = Cookie::Keep;
        Ok(Self { status: 200, html, location: None, cookie, leads_to: None, has_script: false })
    }

    /// Goes on with another page.
    pub(super) fn go_to(location: String) -> Self {
        let (html, cookie) = (String::new(), Cookie::Keep);
        let location = Some(location);
        Self { status: 303, html, location, cookie, leads_to: None, has_script: false }
    }

    /// Lets the page run the script that it holds.
    pub(super) fn with_script(self) -> Self {
        Self { has_script: true, ..self }
    }

    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Has the browser keep this number from now on.
    pub(super) fn with_browser(self, browser: Browser) -> Self {
        Self { cookie: Cookie::Set(browser), ..self }
    }

    /// Has the browser forget its number.
    pub(super) fn without_browser(self) -> Self {
        Self { cookie: Cookie::Forget, ..self }
    }

    /// Lets the page's form lead to a program that listens on the same machine.
    pub(super) fn leading_to(self, origin: Option<String>) -> Self {
        Self { leads_to: origin, ..self }
    }

    pub(super) fn respond(self, front: &Front) -> Response {
        let mut response = Response::new(Body::from(self.html));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = response.headers_mut();
        let script = if self.has_script {
            format!(" script-src 'sha256-{}';", *SCRIPT_HASH)
        } else {
            String::new()
        };
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}';{script} form-action 'self'{}{}; \
             frame-ancestors 'none'; base-uri 'none'",
            *STYLE_HASH,
            if self.leads_to.is_some() { " " } else { "" },
            self.leads_to.as_deref().unwrap_or_default(),
        );
        let cookie = match &self.cookie {
            Cookie::Keep => None,
            Cookie::Set(browser) => Some(front.set_cookie(Some(browser))),
            Cookie::Forget => Some(front.set_cookie(None)),
        };
        let set = [
            (header::CONTENT_SECURITY_POLICY, Some(policy)),
            (header::LOCATION, self.location),
            (header::SET_COOKIE, cookie.map(|text| text.to_string())),
        ];
        for (name, text) in set {
            let value = text.and_then(|text| HeaderValue::from_str(&text).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl Reply for Page {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn answer(self) -> Result<Answer, Problem> {
        Ok(Answer::Page(Box::new(self)))
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    style: &'static str,
    title: &'a str,
    message: &'a str,
    request: &'a str,
}

/// A problem, as a person reads it.
pub(super) fn refuse(problem: &Problem, request: RequestId, front: &Front) -> Response {
    let (title, message) = words(problem);
    let request = request.to_string();
    let template = ProblemPage { style: STYLE, title, message, request: &request };
    let page = Page::new(&template).unwrap_or_else(|_| Page::go_to("/device".to_owned()));
    let mut response = page.with_status(problem.kind.status()).respond(front);
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn words(problem: &Problem) -> (&'static str, &str) {
    match problem.kind {
        Kind::Missing | Kind::Gone => (
            "This sign-in is over",
            "It was finished, has run out of time, or was never begun. Begin it anew where you began it.",
        ),
        Kind::Unauthorized | Kind::Forbidden => (
            "This form cannot be used",
            "It is too old, or was not sent by the page it belongs to. If your browser refuses cookies, \
             allow them here. Then begin anew where you began.",
        ),
        Kind::TooMany => {
            ("Too many attempts", "Wait a few minutes, and try again. Nothing else is lost.")
        }
        Kind::Invalid | Kind::TooLarge => (
            "This could not be read",
            "The form did not arrive as it should. Go back and send it again.",
        ),
        Kind::Conflict | Kind::Stale | Kind::Pending | Kind::Method => {
            ("This cannot be done now", &problem.message)
        }
        Kind::Internal | Kind::Unavailable => (
            "The vault cannot answer",
            "Try again in a moment. If it stays like this, tell whoever runs this vault.",
        ),
    }
}
