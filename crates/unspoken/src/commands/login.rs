//! `unspoken login`: a token for a vault, kept on this machine.

mod browser;
mod loopback;

use jiff::Timestamp;
use serde_json::json;
use unspoken_model::shown;
use unspoken_seal::{PlainToken, TokenError, TokenKind};
use unspoken_store::env_vars::UNSPOKEN_TOKEN;
use unspoken_store::{Credentials, Home, KeptIn, KeptToken, TokenNote, VaultClient, VaultUrl};
use unspoken_wire::vault::{SessionBody, SessionRequest, TokenMade};

use crate::commands::login::browser::SignIn;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::input::read_stdin;
use crate::prompt;
use crate::vault::{VaultFlag, moment};

/// Log in to a vault, and keep the token on this machine
///
/// Opens a page of the vault in your browser, where you allow it. The token goes to the
/// keychain, or to a private file where no keychain answers; it says which. It is
/// only ever sent to the vault that it is for. `unspoken logout` ends it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken login --vault https://vault.example.com\n  unspoken login --device\n  unspoken login --vault http://127.0.0.1:8750 --token-stdin < invitation.txt"
)]
pub(crate) struct Login {
    #[command(flatten)]
    vault: VaultFlag,

    /// Show a code to type into the page, which may be opened on another machine
    #[arg(long)]
    device: bool,

    /// Read a token from standard input: an invitation, a session's or a machine's
    #[arg(long, conflicts_with = "device")]
    token_stdin: bool,

    /// Show the page's address, and open no browser
    #[arg(long, conflicts_with_all = ["token_stdin", "device"])]
    no_browser: bool,
}

impl Login {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let home = cx.home()?;
        let url = self.vault(cx, &home)?;
        // An invitation is spent by what follows.
        Credentials::prepare(&home)?;
        let got = if self.token_stdin {
            given(cx, &url)?
        } else {
            let way = SignIn { url: &url, device: &device(), open: !self.no_browser };
            Got::made(&if self.device { way.on_another(cx)? } else { way.here(cx)? })?
        };
        let client = VaultClient::new(url.clone(), Some(got.token.auth()));
        let note = got.note(&client)?;
        let kept = Credentials::put(&home, &url, &got.token.auth(), note.clone());
        if kept.is_err() && got.made.is_some() {
            // Nobody has it: it need not live.
            let _ = client.remove("/v1/session");
        }
        let kept = kept?;
        report(cx, &url, &note, &kept)
    }

    /// A vault that nobody has logged in to has to be named.
    fn vault(&self, cx: &Context, home: &Home) -> Result<VaultUrl, Failure> {
        if let Some(url) = &self.vault.vault {
            return Ok(url.clone());
        }
        cx.chosen_vault(home, &self.vault)
    }
}

/// A token, on its way to where it is kept.
struct Got {
    token: PlainToken,
    /// When it ends, where it was made just now.
    made: Option<i64>,
}

impl Got {
    fn made(made: &TokenMade) -> Result<Self, Failure> {
        Ok(Self { token: read(made.token.expose())?, made: Some(made.expires) })
    }

    /// Asks whose it is. One that was made just now is kept even when nobody answers any more: what
    /// it was made of is spent.
    fn note(&self, client: &VaultClient) -> Result<TokenNote, Failure> {
        match (client.find::<SessionBody>("/v1/session"), self.made) {
            (Ok(session), _) => {
                let whose = session.email.as_ref().unwrap_or(&session.name);
                Ok(TokenNote { holder: shown(whose), expires: moment(session.expires) })
            }
            (Err(error), Some(expires)) if error.is_outage() => {
                Ok(TokenNote { holder: "somebody".to_owned(), expires: moment(expires) })
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}

/// The token that is piped in, or pasted. For an invitation, the session that it begins.
fn given(cx: &Context, url: &VaultUrl) -> Result<Got, Failure> {
    const LIMIT: usize = 4096;
    let text = if cx.ui.stdin_is_terminal() {
        prompt::secret("Token (not shown): ")?
    } else {
        read_stdin(LIMIT)?
    };
    let token = read(std::str::from_utf8(&text).unwrap_or_default())?;
    if token.kind() != TokenKind::Admin {
        return Ok(Got { token, made: None });
    }
    let invited = VaultClient::new(url.clone(), Some(token.auth()));
    let made: Result<TokenMade, _> =
        invited.put("POST", "/v1/session", &SessionRequest { device: device() });
    match made {
        Ok(made) => Got::made(&made),
        Err(error) if error.status() == Some(401) => {
            let message = "the invitation is unknown, expired, or used already";
            Err(Failure::new(Code::Denied, message)
                .hint(
                    "Whoever invited you can invite you again; it is good for one login. Who runs the vault \
                     can as well: `unspoken-vault invite EMAIL`.",
                ))
        }
        Err(error) => Err(error.into()),
    }
}

fn read(text: &str) -> Result<PlainToken, Failure> {
    PlainToken::parse(text.trim()).map_err(|error| {
        let failure = Failure::because(Code::Usage, &error);
        match error {
            TokenError::Kind => failure,
            TokenError::Length { .. } | TokenError::Checksum => {
                failure.hint("Copy it as a whole, from `unsp_` to its end.")
            }
        }
    })
}

/// What this machine is called.
fn device() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    if name.is_empty() { "a machine without a name".to_owned() } else { name }
}

fn report(cx: &Context, url: &VaultUrl, note: &TokenNote, kept: &KeptToken) -> Result<(), Failure> {
    let place = match (&kept.kept, &kept.refused) {
        (KeptIn::Keychain, _) => "in the keychain".to_owned(),
        (KeptIn::File, None) => format!("in `{}`", kept.path.display()),
        (KeptIn::File, Some(error)) => {
            format!("in the private file `{}`, since {error}", kept.path.display())
        }
    };
    let until: Timestamp = note.expires;
    let result = json!({
        "vault": url.as_str(),
        "holder": note.holder,
        "expires": until.to_string(),
        "kept": match kept.kept { KeptIn::Keychain => "keychain", KeptIn::File => "file" },
        "path": matches!(kept.kept, KeptIn::File).then(|| kept.path.display().to_string()),
    });
    let words =
        format!("logged in to {url} as {}, until {until:.0}\nthe token is {place}", note.holder);
    cx.ui.report(&result, &words)?;
    if cx.variables.is_set(UNSPOKEN_TOKEN) {
        cx.ui.warn("`UNSPOKEN_TOKEN` is set, and comes before what is kept");
    }
    Ok(())
}
