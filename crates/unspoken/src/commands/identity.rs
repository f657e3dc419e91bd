//! `unspoken identity`: this person's or machine's own key.

use jiff::Timestamp;
use serde_json::json;
use unspoken_seal::Identity as PrivateKey;
use unspoken_store::{Home, Written};

use crate::commands::env::refuse_home_inside;
use crate::context::Context;
use crate::failure::{Code, Failure};

/// Print your public key, made first if you have none
///
/// The public key alone goes to standard output: it is what you give to somebody
/// who has access, or put into `unspoken.toml` in a pull request. The private
/// half stays on this machine, outside of every repository.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken identity\n  unspoken recipients add bob \"$(unspoken identity)\""
)]
pub(crate) struct Identity {}

impl Identity {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let home = cx.home()?;
        let (public, made) = match read(&home)? {
            Some(public) => (public, false),
            None => (make(cx, &home, cx.now())?, true),
        };
        if made {
            cx.ui.note(&format!("made your identity, in `{}`", home.identity_path().display()));
        }
        if cx.ui.json {
            return cx.ui.print_json(&json!({ "public_key": public, "made": made }));
        }
        cx.ui.print(&format!("{public}\n"))
    }
}

/// The public half of the identity that is here.
pub(crate) fn read(home: &Home) -> Result<Option<String>, Failure> {
    let Some(text) = home.read_identity()? else { return Ok(None) };
    let path = home.identity_path();
    let wrong = |why: String| {
        Failure::new(Code::NoKey, format!("`{}`: {why}", path.display()))
            .hint("Every line must be an age identity or begin with `#`.")
    };
    let identities = PrivateKey::parse_file(&text).map_err(|error| wrong(error.to_string()))?;
    let first = identities.first().map(|identity| identity.recipient().as_str().to_owned());
    first.map(Some).ok_or_else(|| wrong("it holds no identity".to_owned()))
}

fn make(cx: &Context, home: &Home, now: Timestamp) -> Result<String, Failure> {
    if let Ok(project) = cx.project() {
        refuse_home_inside(&project.root, home)?;
    }
    let identity = PrivateKey::generate();
    let public = identity.recipient().as_str().to_owned();
    match home.write_identity(identity.print_file(None, now).as_bytes())? {
        Written::New | Written::Unchanged => Ok(public),
    }
}
