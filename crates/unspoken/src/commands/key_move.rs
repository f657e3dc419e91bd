//! `unspoken key move`: puts private keys into the keychain, or back into files.

use serde_json::json;
use unspoken_model::KeyId;
use unspoken_store::{Home, KeptIn, KeyFile, KeyName, Moved};

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;

/// Move private keys into the keychain, or back into files
///
/// The keychain is the operating system's: on Linux the Secret Service of a
/// desktop session, on macOS the login keychain. The key's file stays behind
/// without the key, and says where it is. A key is removed from where it was
/// only after it was read back from where it went.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken key move --to keychain -e production\n  unspoken key move --to keychain --identity\n  unspoken key move --to file --all"
)]
pub(crate) struct KeyMove {
    /// Where the keys go
    #[arg(long, value_name = "PLACE")]
    to: Destination,

    #[command(flatten)]
    env: EnvFlag,

    /// Your own identity, instead of an environment's key
    #[arg(long, conflicts_with = "env")]
    identity: bool,

    /// Your identity and the keys of all environments of all projects
    #[arg(long, conflicts_with_all = ["env", "identity"])]
    all: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Destination {
    /// The operating system's keychain
    Keychain,
    /// A file in the key folder that only you can read
    File,
}

impl KeyMove {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let to = match self.to {
            Destination::Keychain => KeptIn::Keychain,
            Destination::File => KeptIn::File,
        };
        let home = cx.home()?;
        let mut moved = Vec::new();
        for key in self.keys(cx, &home)? {
            let outcome = key.move_to(to)?;
            let path = key.path().display().to_string();
            cx.ui.detail(format_args!("`{path}`: {}", said(outcome)));
            moved.push((path, outcome));
        }
        let list: Vec<_> = moved
            .iter()
            .map(|(path, outcome)| json!({ "file": path, "moved": *outcome == Moved::Now }))
            .collect();
        let place = match to {
            KeptIn::Keychain => "in the keychain",
            KeptIn::File => "in its file",
        };
        let lines: Vec<String> = moved
            .iter()
            .map(|(path, outcome)| match outcome {
                Moved::Now => format!("the key of `{path}` is {place} now"),
                Moved::Before => format!("the key of `{path}` was {place} already"),
            })
            .collect();
        let to = if to == KeptIn::Keychain { "keychain" } else { "file" };
        cx.ui.report(&json!({ "to": to, "keys": list }), &lines.join("\n"))
    }

    fn keys<'h>(&self, cx: &Context, home: &'h Home) -> Result<Vec<KeyFile<'h>>, Failure> {
        if self.identity {
            return Ok(vec![home.key_file(KeyName::Identity)]);
        }
        if !self.all {
            return Ok(vec![home.keys().file(&self.key_id(cx)?)]);
        }
        let mut keys = Vec::new();
        let identity = home.key_file(KeyName::Identity);
        if identity.kept()?.is_some() {
            keys.push(identity);
        }
        keys.extend(home.keys().list()?.iter().map(|id| home.keys().file(id)));
        if keys.is_empty() {
            let message = format!("there is no key in `{}`", home.path().display());
            return Err(Failure::new(Code::Missing, message)
                .hint("Run `unspoken doctor` to see where keys are looked for."));
        }
        Ok(keys)
    }

    /// The key that the environment's document names.
    fn key_id(&self, cx: &Context) -> Result<KeyId, Failure> {
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let store = cx.store(&workspace);
        let bytes = store.read(&environment)?;
        let verified = store.verify(&environment, &bytes)?;
        verified.document().block().map(|block| block.key_id.clone()).ok_or_else(|| {
            let message = format!("the document of `{environment}` does not name its key");
            Failure::new(Code::Missing, message)
                .hint("Run `unspoken key move --all` with the same `--to`.")
        })
    }
}

fn said(outcome: Moved) -> &'static str {
    match outcome {
        Moved::Now => "written, read back, and removed from where it was",
        Moved::Before => "nothing was changed",
    }
}
