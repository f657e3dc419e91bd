//! `unspoken logout`: the end of a token, at its vault and here.

use serde_json::{Value, json};
use unspoken_store::{Credentials, Home, VaultClient, VaultUrl};

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::vault::VaultFlag;

/// End the token of this machine, at the vault and here
///
/// The vault revokes it first: whoever has a copy can do nothing with it from then on. When
/// the vault cannot be reached, the token stays here, so that you can try again.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken logout\n  unspoken logout --all\n  unspoken logout --vault https://gone.example.com --local"
)]
pub(crate) struct Logout {
    #[command(flatten)]
    vault: VaultFlag,

    /// From all vaults
    #[arg(long, conflicts_with = "vault")]
    all: bool,

    /// Forget the token here even where the vault does not hear of it; this then fails nonetheless
    #[arg(long)]
    local: bool,
}

/// What became of one token.
enum Ended {
    Revoked,
    /// The vault did not know it any more.
    Before,
    Nothing,
}

impl Logout {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let home = cx.home()?;
        let urls = if self.all {
            Credentials::list(&home)?
        } else {
            vec![cx.chosen_vault(&home, &self.vault)?]
        };
        let mut ended: Vec<Value> = Vec::new();
        let mut words = Vec::new();
        let mut failed = None;
        for url in &urls {
            match self.end(&home, url) {
                Ok(one) => {
                    ended.push(json!({ "vault": url.as_str(), "state": one.as_str() }));
                    words.push(one.said(url));
                }
                // The others are ended all the same.
                Err(failure) if self.all => {
                    cx.ui.warn(&format!("{url}: {}", failure.message));
                    failed = failed.or(Some(failure));
                }
                Err(failure) => return Err(failure),
            }
        }
        if urls.is_empty() {
            words.push("you are logged in to no vault".to_owned());
        }
        cx.ui.report(&json!({ "vaults": ended }), &words.join("\n"))?;
        failed.map_or(Ok(()), Err)
    }

    fn end(&self, home: &Home, url: &VaultUrl) -> Result<Ended, Failure> {
        let token = match Credentials::kept(home, url) {
            Ok(Some(token)) => token,
            Ok(None) => return Ok(Ended::Nothing),
            Err(error) if self.local => {
                Credentials::remove(home, url)?;
                let failure = Failure::from(error);
                return Err(untold(url, &failure.message, failure.code));
            }
            Err(error) => return Err(error.into()),
        };
        let ended = match VaultClient::new(url.clone(), Some(token)).remove("/v1/session") {
            Ok(()) => Ended::Revoked,
            Err(error) if error.status() == Some(401) => Ended::Before,
            Err(error) if self.local => {
                Credentials::remove(home, url)?;
                let failure = Failure::from(error);
                return Err(untold(url, &failure.message, failure.code));
            }
            Err(error) => {
                let failure = Failure::from(error);
                let hint = format!(
                    "The token is still here. Try again, or forget it with `unspoken logout --vault {url} \
                     --local` and have it revoked by somebody else."
                );
                return Err(Failure { hint: Some(hint), ..failure });
            }
        };
        Credentials::remove(home, url)?;
        Ok(ended)
    }
}

impl Ended {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Before => "ended before",
            Self::Nothing => "not logged in",
        }
    }

    fn said(&self, url: &VaultUrl) -> String {
        match self {
            Self::Revoked => format!("logged out of {url}: the token is revoked"),
            Self::Before => format!("logged out of {url}: the token had ended already"),
            Self::Nothing => format!("you are not logged in to {url}"),
        }
    }
}

/// The token is gone here, and nobody has told the vault.
fn untold(url: &VaultUrl, why: &str, code: Code) -> Failure {
    let message = format!("the token for `{url}` is forgotten here, and was not revoked: {why}");
    Failure::new(code, message)
        .hint("Somebody else can end it: `unspoken token list`, then `unspoken token revoke ID`.")
}
