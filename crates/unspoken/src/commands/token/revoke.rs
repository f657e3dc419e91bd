//! `unspoken token revoke`: the end of a token, everywhere and at once.

use serde_json::json;
use unspoken_model::{TokenId, shown};

use super::list::{State, state, tokens};
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::vault::{Session, VaultFlag};

/// Revoke a token, everywhere and at once
///
/// When this has ended, no node of the vault gives that token another value. It is not asked
/// whether you mean it: a new token is soon made.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken token revoke ci\n  unspoken token revoke tok_0aB3456789xy"
)]
pub(crate) struct Revoke {
    /// The token's id or its name
    #[arg(value_name = "ID|NAME")]
    token: String,

    #[command(flatten)]
    vault: VaultFlag,
}

impl Revoke {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        // A token itself was pasted: it is not repeated, nor sent anywhere.
        if self.token.starts_with("unsp_") || self.token.starts_with("unspa_") {
            return Err(Failure::new(Code::Usage, "that is a token itself, not its id or name")
                .hint(
                    "It stands in the shell's history now. Run `unspoken token list` to see its id.",
                ));
        }
        let session = cx.session(&self.vault)?;
        let id = match TokenId::parse(&self.token) {
            Ok(id) => id.to_string(),
            Err(_) => self.find(cx, &session)?,
        };
        session.client.remove(&format!("/v1/tokens/{id}"))?;
        cx.ui.report(&json!({ "id": id, "state": "revoked" }), &format!("{id} is revoked"))
    }

    /// The id of the one good token of this name.
    fn find(&self, cx: &Context, session: &Session) -> Result<String, Failure> {
        let now = cx.now().as_millisecond();
        let named: Vec<_> =
            tokens(session)?.into_iter().filter(|token| token.name == self.token).collect();
        let good: Vec<&str> = named
            .iter()
            .filter(|token| state(token, now) == State::Good)
            .map(|token| token.id.as_str())
            .collect();
        let name = shown(&self.token);
        match good.as_slice() {
            [id] => TokenId::parse(id)
                .map(|id| id.to_string())
                .map_err(|_| Failure::new(Code::Other, "the vault names a token by what is no id")),
            [] if named.is_empty() => {
                Err(Failure::new(Code::Missing, format!("there is no token `{name}`"))
                    .hint("Run `unspoken token list` to see which there are."))
            }
            [] => Err(Failure::new(Code::Missing, format!("`{name}` has ended already"))
                .hint("Run `unspoken token list --all` to see how.")),
            several => {
                let ids: Vec<String> =
                    several.iter().map(|id| format!("`{}`", shown(id))).collect();
                Err(Failure::new(Code::Usage, format!("several tokens are called `{name}`"))
                    .hint(format!("Say which by its id: {}.", ids.join(", "))))
            }
        }
    }
}
