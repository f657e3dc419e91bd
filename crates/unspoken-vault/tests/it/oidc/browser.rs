//! A browser without a screen that goes from site to site as real ones do: it follows redirections
//! and pages that lead on, and shows a strict cookie to its own site alone, and only when that site,
//! or the person, leads there.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use unspoken_testkit::{Answer, Client};

use super::{FRONT, REDIRECT};

#[derive(Clone)]
pub(crate) struct Browser {
    vault: SocketAddr,
    /// By host and name: the value, and whether it is strict.
    cookies: BTreeMap<(String, String), (String, bool)>,
    /// What is shown, and where.
    pub(crate) page: String,
    pub(crate) url: String,
    pub(crate) status: u16,
    /// Where it was to go and has not gone: to a program on its machine.
    pub(crate) left: Option<String>,
    /// All that it asked for, in order.
    pub(crate) trace: Vec<String>,
    /// An address that begins so is not gone to, but left.
    pub(crate) stops_at: Vec<String>,
}

impl Browser {
    pub(crate) fn new(vault: SocketAddr) -> Self {
        Self {
            vault,
            cookies: BTreeMap::new(),
            page: String::new(),
            url: String::new(),
            status: 0,
            left: None,
            trace: Vec::new(),
            stops_at: vec![REDIRECT.to_owned()],
        }
    }

    /// Has the vault's name lead to another node from now on.
    pub(crate) fn turn_to(&mut self, node: SocketAddr) {
        self.vault = node;
    }

    /// Goes where a person types, and wherever that leads.
    pub(crate) fn open(&mut self, url: &str) -> u16 {
        self.go("GET", url, "", None)
    }

    /// Follows a link of somebody else's page.
    pub(crate) fn open_from(&mut self, site: &str, url: &str) -> u16 {
        self.go("GET", url, "", Some(site.to_owned()))
    }

    /// Sends the form of the page that is shown whose place ends with this, with its hidden fields.
    #[track_caller]
    pub(crate) fn submit(&mut self, action: &str, fields: &[(&str, &str)]) -> u16 {
        let (target, hidden) = self.form(action);
        let mut all: Vec<(String, String)> = hidden;
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = serde_urlencoded::to_string(all).unwrap();
        let url = absolute(&self.url, &target);
        let from = host(&self.url);
        self.go("POST", &url, &body, Some(from))
    }

    /// Sends what no form of the page that is shown would, with the seal of its forms.
    #[track_caller]
    pub(crate) fn forge(&mut self, url: &str, fields: &[(&str, &str)]) -> u16 {
        let seal = self.page.split("name=\"seal\" value=\"").nth(1).expect("a form");
        let seal = seal.split('"').next().unwrap().to_owned();
        let all = [fields, &[("seal", seal.as_str())]].concat();
        let body = serde_urlencoded::to_string(all).unwrap();
        self.go("POST", url, &body, Some(host(url)))
    }

    /// Where a form or a button of one leads, and what is hidden in it.
    #[track_caller]
    fn form(&self, action: &str) -> (String, Vec<(String, String)>) {
        for form in self.page.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            let places =
                form.split("action=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
            let Some(place) = places.into_iter().find(|place| place.ends_with(action)) else {
                continue;
            };
            let fields =
                form.split("<input").skip(1).filter(|field| field.contains("type=\"hidden\""));
            let part = |field: &str, name: &str| {
                // What only a script fills in is empty.
                let rest = field.split(&format!("{name}=\"")).nth(1).unwrap_or("\"");
                unescaped(rest.split('"').next().unwrap())
            };
            let hidden = fields.map(|field| (part(field, "name"), part(field, "value")));
            return (unescaped(place), hidden.collect());
        }
        panic!("no form leads to {action} in {}", self.page)
    }

    /// `from` is the site whose page leads there.
    fn go(&mut self, method: &str, url: &str, body: &str, from: Option<String>) -> u16 {
        let (mut method, mut url, mut body, mut from) =
            (method.to_owned(), url.to_owned(), body.to_owned(), from);
        self.left = None;
        for _ in 0..20 {
            if self.stops_at.iter().any(|place| url.starts_with(place)) {
                self.left = Some(url);
                return self.status;
            }
            let is_own = from.as_ref().is_none_or(|from| *from == host(&url));
            let answer = self.ask(&method, &url, &body, is_own);
            self.trace.push(format!("{method} {url}"));
            self.status = answer.status;
            if let Some(next) = answer.header("location") {
                // Whoever was on the way counts as who leads on.
                from = if is_own { from.or_else(|| Some(host(&url))) } else { from };
                url = absolute(&url, next);
                (method, body) = ("GET".to_owned(), String::new());
                continue;
            }
            self.page = String::from_utf8(answer.body).unwrap();
            self.url.clone_from(&url);
            let Some(next) = refresh(&self.page) else { return self.status };
            from = Some(host(&url));
            url = absolute(&url, &next);
            (method, body) = ("GET".to_owned(), String::new());
        }
        panic!("it goes in circles: {:?}", self.trace)
    }

    fn ask(&mut self, method: &str, url: &str, body: &str, is_own: bool) -> Answer {
        let host = host(url);
        let address = if host == super::browser::host(FRONT) {
            self.vault
        } else {
            host.parse().unwrap_or_else(|_| panic!("{url} is nowhere"))
        };
        let path = url.splitn(4, '/').nth(3).unwrap_or_default();
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|((of, _), (_, is_strict))| *of == host && (is_own || !is_strict))
            .map(|((_, name), (value, _))| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let mut headers =
            vec![("Sec-Fetch-Site", if is_own { "same-origin" } else { "cross-site" })];
        if !cookies.is_empty() {
            headers.push(("Cookie", cookies.as_str()));
        }
        if method == "POST" {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let client = Client::new(address);
        let answer = client.send(method, &format!("/{path}"), &headers, body.as_bytes());
        for (_, set) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = set.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let is_strict = set.to_lowercase().contains("samesite=strict");
            let key = (host.clone(), name.to_owned());
            let is_over = value.is_empty() || set.contains("Max-Age=0");
            if is_over {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, (value.to_owned(), is_strict));
            }
        }
        answer
    }
}

/// Where a page leads on to by itself.
fn refresh(page: &str) -> Option<String> {
    let rest = page.split("http-equiv=\"refresh\" content=\"0; url=").nth(1)?;
    Some(unescaped(rest.split('"').next()?))
}

pub(super) fn host(url: &str) -> String {
    url.split('/').nth(2).unwrap_or_default().to_owned()
}

fn absolute(base: &str, place: &str) -> String {
    if place.starts_with('/') {
        let mut parts = base.split('/');
        format!("{}//{}{place}", parts.next().unwrap(), parts.nth(1).unwrap())
    } else {
        place.to_owned()
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}
