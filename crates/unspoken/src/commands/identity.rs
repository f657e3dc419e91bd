//! `unspoken identity`: this person's or machine's own key.

use serde_json::json;
use unspoken_seal::Identity as PrivateKey;
use unspoken_store::Home;

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
pub(crate) struct Identity {
    /// Make a key that is safe from quantum computers as well; its public half is long
    #[arg(long)]
    post_quantum: bool,
}

impl Identity {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let home = cx.home()?;
        let (public, made) = match read(&home)? {
            Some(public) => (public, false),
            None => (self.make(cx, &home)?, true),
        };
        if made {
            cx.ui.note(&format!("made your identity, in `{}`", home.identity_path().display()));
        }
        if cx.ui.json {
            return cx.ui.print_json(&json!({ "public_key": public, "made": made }));
        }
        cx.ui.print(&format!("{public}\n"))
    }

    fn make(&self, cx: &Context, home: &Home) -> Result<String, Failure> {
        if let Ok(project) = cx.project() {
            refuse_home_inside(&project.root, home)?;
        }
        let identity = if self.post_quantum {
            PrivateKey::generate_post_quantum()
        } else {
            PrivateKey::generate()
        };
        home.write_identity(identity.print_file(None, cx.now()).as_bytes())?;
        let public = identity.recipient().map(|recipient| recipient.as_str().to_owned());
        public.ok_or_else(|| Failure::new(Code::Other, "the new key has no public half"))
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
    let mut known = identities.iter().filter_map(PrivateKey::recipient);
    let first = known.next().map(|recipient| recipient.as_str().to_owned());
    first.map(Some).ok_or_else(|| wrong("nothing in it tells its public key".to_owned()))
}
