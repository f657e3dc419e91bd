//! Signing in by a page of the vault: in a browser of this machine, or on another one.
//!
//! Rules:
//! - What is shown here is an address and a number. The number stands on the page too: whoever
//!   was sent a page by somebody else sees that it differs.
//! - The page is the vault's own: an address that leads elsewhere is not opened.
//! - Nobody waits for ever.

use std::env;
use std::thread::sleep;
use std::time::{Duration, Instant};

use unspoken_deliver::open_page;
use unspoken_model::{LoginId, shown};
use unspoken_seal::{SignInState, Verifier};
use unspoken_store::env_vars::{DISPLAY, WAYLAND_DISPLAY};
use unspoken_store::{VaultClient, VaultError, VaultUrl};
use unspoken_wire::Brought;
use unspoken_wire::vault::{LoginBegun, LoginFinish, LoginRequest, PlainText, TokenMade};
use zeroize::Zeroizing;

use super::loopback::Loopback;
use crate::context::Context;
use crate::failure::{Code, Failure};

/// How long somebody may take to allow it.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long is waited between two questions, at least and at most.
const INTERVAL: (i64, i64) = (1, 30);

/// One sign-in.
#[derive(Debug)]
pub(super) struct SignIn<'a> {
    pub(super) url: &'a VaultUrl,
    pub(super) device: &'a str,
    /// Whether a browser may be opened.
    pub(super) open: bool,
}

impl SignIn<'_> {
    /// The browser is on this machine, and brings the answer.
    pub(super) fn here(&self, cx: &Context) -> Result<TokenMade, Failure> {
        if self.open && !cx.ui.is_interactive() {
            return Err(Failure::new(Code::Refused, "nobody is at a terminal to log in").hint(
                format!("Pipe a token in: `unspoken login --vault {} --token-stdin`.", self.url),
            ));
        }
        let loopback = Loopback::open()?;
        let (verifier, state) = (Verifier::random(), SignInState::random());
        let client = VaultClient::new(self.url.clone(), None);
        let begun = self.begin(&client, &verifier, Some((loopback.redirect(), &state)))?;
        let page = self.page(&begun)?;
        cx.ui.lay_out(&format!(
            "To log in, allow it on this page if it shows the number {}:\n\n  {page}\n",
            begun.number
        ));
        let opened = self.open && has_screen(cx) && open_page(&page, env::vars_os());
        if !opened {
            cx.ui.lay_out(
                "Open it in a browser of this machine. For one of another machine there is \
                 `unspoken login --device`.",
            );
        }
        match loopback.wait(Instant::now() + PATIENCE, &state)? {
            Some(Brought::Code(code)) => self.finish(&client, &begun, &verifier, Some(code)),
            Some(Brought::Refused) => Err(refused()),
            None => Err(too_late()),
        }
    }

    /// The browser is anywhere. The vault is asked until somebody has decided.
    pub(super) fn on_another(&self, cx: &Context) -> Result<TokenMade, Failure> {
        let verifier = Verifier::random();
        let client = VaultClient::new(self.url.clone(), None);
        let begun = self.begin(&client, &verifier, None)?;
        let page = self.page(&begun)?;
        let code = begun.user_code.as_deref().map(shown).ok_or_else(|| self.no_vault())?;
        cx.ui.lay_out(&format!(
            "To log in, open this page on any machine:\n\n  {page}\n\nType the code {code}, and allow it \
             if the page shows the number {}.",
            begun.number
        ));
        let interval = begun.interval.unwrap_or(5).clamp(INTERVAL.0, INTERVAL.1).unsigned_abs();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            sleep(Duration::from_secs(interval));
            match self.ask(&client, &begun, &verifier, None) {
                Ok(made) => return Ok(made),
                Err(error) if error.code() == Some("pending") => {}
                // Somebody who is still reading the page need not begin anew.
                Err(error) if error.is_outage() || error.status() == Some(429) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(too_late())
    }

    fn begin(
        &self,
        client: &VaultClient,
        verifier: &Verifier,
        back: Option<(String, &SignInState)>,
    ) -> Result<LoginBegun, Failure> {
        let (redirect, state) =
            back.map(|(redirect, state)| (redirect, state.expose().to_owned())).unzip();
        let (device, challenge) = (self.device.to_owned(), verifier.challenge());
        let request = LoginRequest { device, challenge, redirect, state };
        Ok(client.put("POST", "/v1/logins", &request)?)
    }

    fn finish(
        &self,
        client: &VaultClient,
        begun: &LoginBegun,
        verifier: &Verifier,
        code: Option<Zeroizing<String>>,
    ) -> Result<TokenMade, Failure> {
        self.ask(client, begun, verifier, code).map_err(failed)
    }

    fn ask(
        &self,
        client: &VaultClient,
        begun: &LoginBegun,
        verifier: &Verifier,
        code: Option<Zeroizing<String>>,
    ) -> Result<TokenMade, VaultError> {
        let verifier = PlainText::from(Zeroizing::new(verifier.expose().to_owned()));
        let body = LoginFinish { verifier, code: code.map(PlainText::from) };
        client.put("POST", &format!("/v1/logins/{}/finish", begun.login), &body)
    }

    /// The page's address, if it is one of this vault's.
    fn page(&self, begun: &LoginBegun) -> Result<String, Failure> {
        let rest = begun.url.strip_prefix(self.url.as_str()).unwrap_or(&begun.url);
        let is_path = rest.starts_with('/')
            && !rest.starts_with("//")
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if !is_path || LoginId::parse(&begun.login).is_err() {
            return Err(self.no_vault());
        }
        Ok(format!("{}{rest}", self.url))
    }

    fn no_vault(&self) -> Failure {
        let message = format!("`{}` leads to a page that is not its own", self.url);
        Failure::new(Code::Other, message)
            .hint("Whoever runs the vault should look at the address that it believes to have.")
    }
}

/// Whether there is a screen on which a browser can show something.
fn has_screen(cx: &Context) -> bool {
    cfg!(target_os = "macos")
        || cx.variables.is_set(DISPLAY)
        || cx.variables.is_set(WAYLAND_DISPLAY)
}

/// Who asks with the wrong verifier, twice or too late gets the same answer as who was refused.
fn failed(error: VaultError) -> Failure {
    match error.status() {
        Some(401 | 403 | 410) => refused(),
        _ => error.into(),
    }
}

fn refused() -> Failure {
    Failure::new(Code::Denied, "the login was refused, or is over")
        .hint("Run `unspoken login` again to begin another.")
}

fn too_late() -> Failure {
    let minutes = PATIENCE.as_secs() / 60;
    Failure::new(Code::Denied, format!("nobody has allowed the login within {minutes} minutes"))
        .hint("Run `unspoken login` again to begin another.")
}

#[test]
fn a_page_of_somebody_elses_is_not_opened() {
    let url = VaultUrl::parse("https://vault.example.com").unwrap();
    let way = SignIn { url: &url, device: "a", open: false };
    let page = |address: &str, login: &str| {
        let begun = LoginBegun {
            login: login.to_owned(),
            url: address.to_owned(),
            ..LoginBegun::default()
        };
        way.page(&begun).ok()
    };
    let id = "login_0123456789ab";
    let ours = Some("https://vault.example.com/login/x".to_owned());
    assert_eq!(page("https://vault.example.com/login/x", id), ours);
    assert_eq!(page("/login/x", id), ours);
    assert_eq!(page("/login/x", "login_../../x"), None);
    for wrong in [
        "https://evil.example/login",
        "https://vault.example.com.evil/login",
        "https://vault.example.com@evil/",
        "//evil.example/login",
        "file:///etc/passwd",
        "/login\u{1b}[2J",
        "/\\evil",
        "",
    ] {
        assert_eq!(page(wrong, id), None, "{wrong:?}");
    }
}
