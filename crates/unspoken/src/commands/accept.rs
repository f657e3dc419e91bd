//! `unspoken accept`: seals a document again after another program wrote it.

use serde_json::json;
use unspoken_model::EnvironmentName;
use unspoken_seal::Document;

use crate::cli::EnvFlag;
use crate::context::{Context, Workspace};
use crate::failure::Failure;
use crate::prompt;

/// Seal a document again after another program changed it
///
/// The sops program reads our documents and, when it edits one, leaves our seal
/// out. Review the change first, with `git diff`: the seal is what protects the
/// names, empty values and recipients. Needs a key that opens the document.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  git diff secrets/ && unspoken accept\n  unspoken accept -e production --yes"
)]
pub(crate) struct Accept {
    #[command(flatten)]
    env: EnvFlag,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Accept {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let mut workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let bytes = cx.store(&workspace).read(&environment)?;
        if is_sealed(cx, &workspace, &environment, &bytes) {
            return cx.ui.report(
                &json!({ "environment": environment.as_str(), "accepted": false }),
                &format!("the document of {environment} is sealed already; nothing was changed"),
            );
        }
        let (path, form) = workspace.project.document(&environment);
        if let Ok(document) = Document::parse(form, &bytes) {
            let names: Vec<&str> = document.names().collect();
            let recipients = document.recipients();
            cx.ui.note(&format!(
                "{}: {} names: {}\nreadable by: {}",
                workspace.shown(&path),
                names.len(),
                names.join(", "),
                recipients.join(", ")
            ));
        }
        let question = format!("seal this as the document of `{environment}`?");
        prompt::confirm(&cx.ui, &question, self.yes)?;
        let seal_key = cx.store(&workspace).accept(&environment, cx.now())?;
        workspace.project.edit(|file| file.pin(&environment, seal_key))?;
        cx.ui.report(
            &json!({ "environment": environment.as_str(), "accepted": true }),
            &format!("sealed the document of {environment}; its key is pinned in unspoken.toml"),
        )
    }
}

fn is_sealed(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    bytes: &[u8],
) -> bool {
    let pinned =
        workspace.project.file.entry(environment).is_some_and(|entry| entry.seal_key.is_some());
    pinned && cx.store(workspace).verify(environment, bytes).is_ok()
}
