//! `unspoken edit`: an environment's own values, in an editor.

mod changes;
mod in_vault;

use serde_json::json;
use unspoken_deliver::editor::{Draft, Editor, Mark};
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::dotenv::{self, Parsed, WarningKind};
use unspoken_seal::{OpenDocument, SecretSet};
use unspoken_store::env_vars::{EDITOR, VISUAL};
use unspoken_store::{NotText, StoreError};
use zeroize::Zeroizing;

use self::changes::Changes;
use crate::agent_runtime::Guarded;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::prompt;
use crate::ui::counted;

/// Edit an environment's own secrets in an editor
///
/// Opens `$VISUAL`, else `$EDITOR`, else `vi`. The text stands in memory alone:
/// no folder lists it, and it is wiped when the editor ends. Vim, Neovim, nano
/// and Emacs are told to leave no swap, backup, undo or history file; editors
/// that hand files to another process are refused. What is inherited is not
/// shown. A text that was not changed leaves the document untouched; a line that
/// is wrong opens the editor again, with the error above the line.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken edit\n  unspoken edit -e production\n  EDITOR='vim -u NONE' unspoken edit"
)]
pub(crate) struct Edit {
    #[command(flatten)]
    env: EnvFlag,

    /// Remove what was removed from the text without asking
    #[arg(short, long)]
    yes: bool,
}

/// How often a text with wrong lines is shown again. No person gets there; a
/// program that edits might.
const ROUNDS: usize = 50;

/// How many wrong lines are told of at once.
const MARKS: usize = 50;

impl Edit {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let editor = editor(cx)?;
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        Guarded::Edit.refuse_agents(cx, &workspace, &environment)?;
        cx.fold(&workspace, &environment);
        let vault = cx.vault_of(&workspace, &environment)?;
        let before = match &vault {
            // What is changed is changed on top of what the vault has now.
            Some(vault) => vault.fetch(&environment)?,
            None => cx.store(&workspace).open_own(&environment)?,
        };
        cx.warn_unless_sealed(&workspace, &environment);

        let place = workspace.project.place(&environment);
        let (draft, left_out) = Draft::print(&before, &place);
        let Some(after) = edit(cx, &editor, draft)? else {
            return report(cx, &environment, &Changes::default(), None);
        };
        let left_out: Vec<&SecretName> = left_out.iter().map(|error| &error.name).collect();
        warn(cx, &before, &after);
        let changes = Changes::between(&before, after.entries, &left_out);
        if changes.is_empty() {
            return report(cx, &environment, &changes, None);
        }
        if !changes.removed.is_empty() {
            let names = changes::join(&changes.removed);
            let question = format!("remove {names} from {environment}?");
            prompt::confirm(&cx.ui, &question, self.yes)?;
        }
        if let Some(vault) = vault {
            let revision = in_vault::apply(&vault, &environment, &before, &changes)?;
            return report(cx, &environment, &changes, Some(revision));
        }
        let (path, _) = workspace.project.document(&environment);
        let edited = cx.store(&workspace).edit(&environment, cx.now(), |document| {
            refuse_conflicts(document, &before, &changes)?;
            let refused = |error| StoreError::Set { path: path.clone(), error };
            changes.apply(document).map_err(|error| Failure::from(refused(error)))
        })?;
        report(cx, &environment, &changes, edited.revision)
    }
}

/// The editor that is meant, before any value is opened.
fn editor(cx: &Context) -> Result<Editor, Failure> {
    let given = [VISUAL, EDITOR].into_iter().find(|variable| cx.variables.is_set(*variable));
    let text = match given {
        Some(variable) => cx.variables.text(variable).map_err(not_text)?.unwrap_or_default(),
        None if cx.ui.is_interactive() => "vi",
        None => {
            return Err(Failure::new(Code::Usage, "there is no terminal, and no editor is set")
                .hint(
                    "Set one value with `unspoken set NAME < file`, or set EDITOR to a program.",
                ));
        }
    };
    let editor = Editor::choose(text, &std::env::var_os("PATH").unwrap_or_default())?;
    if !editor.is_known() {
        cx.ui.note(&format!(
            "The editor `{}` is not known here: it may leave copies of what it shows, as swap, \
             backup or history files.",
            editor.name()
        ));
    }
    Ok(editor)
}

fn not_text(error: NotText) -> Failure {
    Failure::because(Code::Usage, &error)
}

/// Has the text edited until it reads. `None` when it was left as it is.
fn edit(cx: &Context, editor: &Editor, draft: Draft) -> Result<Option<Parsed>, Failure> {
    let mut draft = draft;
    for _ in 0..ROUNDS {
        let edited = editor.edit(draft.text(), draft.line(), std::env::vars_os())?;
        let edited = draft.without_marks(&edited);
        if draft.is_same(&edited) {
            return match draft.line() {
                None => Ok(None),
                Some(_) => Err(aborted("the text was closed with wrong lines in it")),
            };
        }
        if edited.trim_ascii().is_empty() {
            return Err(aborted("the text was emptied"));
        }
        let marks = match read(&edited) {
            Ok(parsed) => return Ok(Some(parsed)),
            Err(marks) => marks,
        };
        let count = counted(marks.len(), "line");
        let verb = if marks.len() == 1 { "is" } else { "are" };
        cx.ui.note(&format!("{count} {verb} wrong; the editor opens again"));
        draft = Draft::again(edited, marks.get(..MARKS).unwrap_or(&marks));
    }
    Err(aborted("the text is still wrong"))
}

/// Reads the text strictly: a name that stands twice is an error here.
fn read(edited: &Zeroizing<Vec<u8>>) -> Result<Parsed, Vec<Mark>> {
    let parsed = dotenv::parse(edited).map_err(|errors| {
        let problem = |error: &dotenv::LineError| match &error.key {
            Some(key) => format!("`{key}`: {}", error.problem),
            None => error.problem.to_string(),
        };
        let mark = |error: &dotenv::LineError| Mark { line: error.line, problem: problem(error) };
        errors.iter().map(mark).collect::<Vec<_>>()
    })?;
    let twice = |warning: &dotenv::Warning| match warning.kind {
        WarningKind::Duplicate { first } => {
            let problem = format!("`{}` stands in line {first} already", warning.name);
            Some(Mark { line: warning.line, problem })
        }
        _ => None,
    };
    let mut marks: Vec<Mark> = parsed.warnings.iter().filter_map(twice).collect();
    marks.sort_by_key(|mark| mark.line);
    if marks.is_empty() { Ok(parsed) } else { Err(marks) }
}

/// Says where a changed line may mean something else to its writer.
fn warn(cx: &Context, before: &SecretSet, after: &Parsed) {
    let changed = |name: &SecretName| {
        let entry = after.entries.iter().find(|entry| entry.name == *name);
        let old = before.get(name);
        !entry.zip(old).is_some_and(|(entry, old)| entry.secret.is_same(old))
    };
    for warning in after.warnings.iter().filter(|warning| changed(&warning.name)) {
        cx.ui.warn(&format!("`{}`: {}", warning.name, warning.kind));
    }
}

/// Somebody else may have written meanwhile: what they did not touch is ours to
/// change, and what both changed is nobody's.
fn refuse_conflicts(
    document: &OpenDocument<'_>,
    before: &SecretSet,
    changes: &Changes,
) -> Result<(), Failure> {
    refuse(&changes.conflicts(document, before))
}

fn refuse(conflicts: &[SecretName]) -> Result<(), Failure> {
    if conflicts.is_empty() {
        return Ok(());
    }
    let names = changes::join(conflicts);
    let message = format!("changed by another command while the editor was open: {names}");
    Err(Failure::new(Code::Refused, message)
        .hint("Nothing was changed. Run the same command again, on top of what is there now."))
}

fn aborted(why: &str) -> Failure {
    Failure::new(Code::Refused, format!("{why}, so nothing was changed"))
        .hint("Run the same command to begin anew.")
}

fn report(
    cx: &Context,
    environment: &EnvironmentName,
    changes: &Changes,
    revision: Option<u64>,
) -> Result<(), Failure> {
    let added: Vec<&SecretName> = changes.added().collect();
    let replaced: Vec<&SecretName> = changes.replaced().collect();
    let kinds = [("added", &added), ("replaced", &replaced)];
    let removed: Vec<&SecretName> = changes.removed.iter().collect();
    let words: Vec<String> = kinds
        .into_iter()
        .chain([("removed", &removed)])
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} {}", changes::join(names.iter().copied())))
        .collect();
    let words = if words.is_empty() { "nothing was changed".to_owned() } else { words.join("; ") };
    let texts = |names: &[&SecretName]| names.iter().map(|name| json!(name.as_str())).collect();
    let lists: [serde_json::Value; 3] = [texts(&added), texts(&replaced), texts(&removed)];
    let [added, replaced, removed] = lists;
    cx.ui.report(
        &json!({
            "environment": environment.as_str(),
            "added": added,
            "replaced": replaced,
            "removed": removed,
            "revision": revision,
        }),
        &format!("{environment}: {words}"),
    )
}
