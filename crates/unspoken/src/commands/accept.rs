//! `unspoken accept`: seals a document again after another program wrote it.

use serde_json::json;
use unspoken_model::{EnvironmentName, shown};
use unspoken_seal::{Document, VerifyError};
use unspoken_store::{DataKeyPolicy, StoreError};

use crate::context::{Context, Workspace};
use crate::failure::Failure;
use crate::flags::EnvFlag;
use crate::prompt;
use crate::ui::counted;

/// Seal a document again after another program changed it
///
/// The sops program reads our documents and, when it edits one, leaves our seal
/// out. Review the change first, with `git diff`: the seal is what protects the
/// names, empty values and recipients. Needs a key that opens the document.
///
/// A document whose data key is the pinned one can only have been changed by
/// somebody who could open it. With another data key, after `sops rotate` for
/// instance, anybody who knows the public keys may have written it, values
/// included; that needs `--new-data-key`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  git diff secrets/ && unspoken accept\n  unspoken accept -e production --yes"
)]
pub(crate) struct Accept {
    #[command(flatten)]
    env: EnvFlag,

    /// Accept a document with another data key than the pinned one
    #[arg(long)]
    new_data_key: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Accept {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let mut workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let store = cx.store(&workspace);
        let bytes = store.read(&environment)?;
        let reason = match store.verify(&environment, &bytes) {
            Ok(_) if workspace.is_pinned(&environment) => {
                return cx.ui.report(
                    &json!({ "environment": environment.as_str(), "accepted": false }),
                    &format!(
                        "the document of {environment} is sealed already; nothing was changed"
                    ),
                );
            }
            Ok(_) => VerifyError::Unsealed.to_string(),
            Err(StoreError::Verify { ref error, .. }) if self.may_accept(error) => {
                error.to_string()
            }
            Err(error) => return Err(error.into()),
        };
        self.describe(cx, &workspace, &environment, &bytes, &reason);
        let question = format!("seal this as the document of `{environment}`?");
        prompt::confirm(&cx.ui, &question, self.yes)?;
        let policy = if self.new_data_key { DataKeyPolicy::Any } else { DataKeyPolicy::Same };
        let seal_key = cx.store(&workspace).accept(&environment, &bytes, policy, cx.now())?;
        workspace.project.edit(|file| file.pin(&environment, seal_key))?;
        cx.ui.report(
            &json!({ "environment": environment.as_str(), "accepted": true }),
            &format!("sealed the document of {environment}; its key is pinned in unspoken.toml"),
        )
    }

    /// Whether a review can make up for what is wrong.
    fn may_accept(&self, error: &VerifyError) -> bool {
        match error {
            // No review makes another environment's document this one's.
            VerifyError::WrongPlace { .. } => false,
            // Without a pin nothing shows who made the data key.
            VerifyError::Unpinned { .. } => self.new_data_key,
            VerifyError::Unsealed
            | VerifyError::OtherSealKey { .. }
            | VerifyError::Seal
            | VerifyError::Spelling => true,
        }
    }

    /// Says what would be sealed: why it is not, the names, who can read it.
    fn describe(
        &self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
        bytes: &[u8],
        reason: &str,
    ) {
        let (path, form) = workspace.project.document(environment);
        let Ok(document) = Document::parse(form, bytes) else { return };
        let list = |words: Vec<String>| format!("{} ({})", words.join(", "), words.len());
        cx.ui.lay_out(&format!(
            "{}: {reason}\nnames: {}{}\nreadable by: {}",
            workspace.shown(&path),
            list(document.names().map(shown).collect()),
            match document.comments() {
                0 => String::new(),
                count => format!(", and {}", counted(count, "comment")),
            },
            list(document.recipients().into_iter().map(shown).collect())
        ));
    }
}
