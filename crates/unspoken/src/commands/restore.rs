//! `unspoken restore FILE`: puts the files of a backup back.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use unspoken_seal::open_with_passphrase;
use unspoken_store::{
    Backup, BackupError, BackupKeys, FindError, Found, Home, KeyState, Project, Restore as Plan,
    State, Step, find, read_limited,
};

use crate::commands::env::refuse_home_inside;
use crate::commands::key::{passphrase_failure, read_passphrase};
use crate::context::Context;
use crate::failure::{Code, Failure, quoted};
use crate::git;
use crate::prompt;
use crate::ui::counted;

/// Put the files of a backup back
///
/// Checks the whole archive first: every checksum, every path, every document's
/// seal. Then it says what would be written, and asks before a file is replaced.
/// In a folder without a project, the project is made anew. A backup is not
/// signed: restore only one that you know, as you would check out a repository.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken restore acme-web-backup-20261122T020359Z.tar\n  unspoken restore --include-keys /media/stick/acme.tar\n  ssh backup.example 'cat acme.tar' | unspoken restore - --yes"
)]
pub(crate) struct Restore {
    /// The archive, or `-` for standard input
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,

    /// Store the private keys that are in it, too; never over another key
    #[arg(long)]
    include_keys: bool,

    /// The passphrase is in the first line of this file
    #[arg(long, value_name = "FILE", requires = "include_keys")]
    passphrase_file: Option<PathBuf>,

    /// Replace files without asking
    #[arg(short, long)]
    yes: bool,
}

impl Restore {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let backup = Backup::parse(&read(&self.file)?)?;
        let (root, project) = ground(cx, &backup)?;
        let plan = Plan::plan(&backup, root.clone())?;
        let keys = if self.include_keys { Some(self.keys(cx, &root, &backup)?) } else { None };
        let replaced = count(&plan, State::Different);
        self.describe(cx, &backup, &plan, &root);
        if let Ground::There(Some(project)) = &project {
            warn_of_other_pins(cx, project, &backup)?;
        }
        if replaced > 0 {
            let files = counted(replaced, "file");
            let question = format!("replace {files} in {}?", root.display());
            prompt::confirm(&cx.ui, &question, self.yes)?;
        }
        // The keys first: documents that nobody can open would be worse than
        // keys without documents.
        if let Some((keys, home)) = &keys {
            keys.store(home)?;
        }
        plan.perform()?;
        if matches!(project, Ground::New) {
            git::ignore(&root, &git::IGNORED)?;
            git::attribute(&root, &git::ATTRIBUTES)?;
        }
        if keys.is_none() && backup.keys().is_some() {
            cx.ui.note("The private keys in it were left there; `--include-keys` stores them.");
        }
        report(cx, &backup, &plan, keys.as_ref().map(|(keys, _)| keys))
    }

    /// Says what would be written: always, where it is asked about.
    fn describe(&self, cx: &Context, backup: &Backup, plan: &Plan<'_>, root: &Path) {
        let line = |step: &Step<'_>| match step.state {
            State::Same => None,
            State::New => Some(format!("\n  new       {}", step.path)),
            State::Different => Some(format!("\n  replaced  {}", step.path)),
        };
        let lines: String = plan.steps().iter().filter_map(line).collect();
        let (project, created) = (&backup.project, backup.created);
        let text = format!("{project} of {created}, into {}:{lines}", root.display());
        let is_asked = count(plan, State::Different) > 0 && cx.ui.is_interactive() && !self.yes;
        if is_asked {
            cx.ui.lay_out(&text);
        } else if !cx.ui.json && !lines.is_empty() {
            cx.ui.note(&text);
        }
    }

    /// Opens the keys in the backup and looks at what is in their places.
    fn keys(
        &self,
        cx: &Context,
        root: &Path,
        backup: &Backup,
    ) -> Result<(BackupKeys, Home), Failure> {
        let sealed = backup.keys().ok_or_else(|| {
            Failure::new(Code::Missing, "there are no private keys in this backup")
                .hint("Nothing was changed. Run it again without `--include-keys`.")
        })?;
        let home = cx.home()?;
        refuse_home_inside(root, &home)?;
        let passphrase = match &self.passphrase_file {
            Some(path) => read_passphrase(path)?,
            None => prompt::passphrase(&cx.ui)?,
        };
        let text = open_with_passphrase(sealed, &passphrase).map_err(passphrase_failure)?;
        let (_, all) = backup.key_ids()?;
        let keys = BackupKeys::parse(&text, &all)
            .map_err(|error| Failure::because(Code::Integrity, &error))?;
        let (states, identity) = keys.compare(&home)?;
        if let Some((id, _)) = states.iter().find(|(_, state)| **state == KeyState::Other) {
            let path = home.keys().path_of(id);
            let message =
                format!("`{}` holds another key, or one that does not read", path.display());
            return Err(Failure::new(Code::Refused, message).hint(format!(
                "Nothing was changed. Look at it, and move it away: `mv {0} {0}.old`.",
                quoted(&path)
            )));
        }
        if identity == Some(KeyState::Other) {
            cx.ui.warn(&format!(
                "`{}` holds another identity, which stays; the one in the backup is not stored",
                home.identity_path().display()
            ));
        }
        Ok((keys, home))
    }
}

/// What is in the folder that the files go to.
enum Ground {
    New,
    /// A project, if its file reads.
    There(Option<Box<Project>>),
}

/// Where the files go: into the project that is here, or into this folder.
fn ground(cx: &Context, backup: &Backup) -> Result<(PathBuf, Ground), Failure> {
    let start = cx.start()?;
    let named = cx.is_project_named().then_some(start.as_path());
    let found = match find(&start, named) {
        Ok(found) => found,
        Err(FindError::NotFound { .. } | FindError::AboveRepository { .. }) => {
            let root = start.canonicalize().map_err(|error| {
                Failure::new(Code::Other, format!("cannot open `{}`: {error}", start.display()))
            })?;
            return Ok((root, Ground::New));
        }
        Err(error) => return Err(error.into()),
    };
    let Found { root, .. } = found.clone();
    // A project file that does not read may be why somebody restores.
    match Project::read(found) {
        Ok(project) if project.file.project != backup.project => {
            let message = format!(
                "this is the project `{}`, and the backup is of `{}`",
                project.file.project, backup.project
            );
            Err(Failure::new(Code::Refused, message).hint(
                "Nothing was changed. Run it in that project's folder, or in an empty one: \
                 `unspoken --project-dir DIR restore …`.",
            ))
        }
        project => Ok((root, Ground::There(project.ok().map(Box::new)))),
    }
}

/// Nobody has signed the backup, and its pins decide which documents are
/// believed.
fn warn_of_other_pins(cx: &Context, project: &Project, backup: &Backup) -> Result<(), Failure> {
    let after = backup.project_file()?;
    for (name, entry) in &project.file.environments {
        let pin = after.entry(name).and_then(|entry| entry.seal_key);
        if entry.seal_key.is_some() && pin != entry.seal_key {
            cx.ui.warn(&format!(
                "the seal key of `{name}` in the backup is not the one that is pinned here: it was \
                 made before the environment's data key was changed, or by somebody else"
            ));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = Backup::MAX_BYTES as u64;
    if path != Path::new("-") {
        return Ok(read_limited(path, limit)?);
    }
    let mut bytes = Vec::new();
    // One byte more than fits, so that what is too large is seen.
    std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(|error| {
        Failure::new(Code::Other, format!("cannot read standard input: {error}"))
    })?;
    Ok(bytes)
}

fn count(plan: &Plan<'_>, state: State) -> usize {
    plan.steps().iter().filter(|step| step.state == state).count()
}

fn report(
    cx: &Context,
    backup: &Backup,
    plan: &Plan<'_>,
    keys: Option<&BackupKeys>,
) -> Result<(), Failure> {
    let paths = |state| -> Vec<&str> {
        plan.steps().iter().filter(|step| step.state == state).map(|step| step.path).collect()
    };
    let (new, replaced, same) = (paths(State::New), paths(State::Different), paths(State::Same));
    let ids: Option<Vec<String>> = keys.map(|keys| keys.ids().map(ToString::to_string).collect());
    let mut words = if new.is_empty() && replaced.is_empty() {
        "every file is as in the backup; nothing was written".to_owned()
    } else {
        let files = counted(new.len() + replaced.len(), "file");
        format!("wrote {files}; look at them with `git diff`")
    };
    if let Some(ids) = &ids {
        words = format!("{words}; {} in the key folder", counted(ids.len(), "key"));
    }
    cx.ui.report(
        &json!({
            "project": backup.project.as_str(),
            "created": backup.created.to_string(),
            "new": new,
            "replaced": replaced,
            "unchanged": same,
            "keys": ids,
        }),
        &words,
    )
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let hint = match &error {
            BackupError::Manifest(_) | BackupError::Spelling | BackupError::Checksum { .. } => {
                "Nothing was changed. Compare the file with other copies of it: `sha256sum FILE`."
            }
            BackupError::Reserved { .. } => "Give the document another path, in `unspoken.toml`.",
            _ => "Nothing was changed. `tar -tvf FILE` shows what is in it.",
        };
        Self::because(Code::Integrity, &error).hint(hint)
    }
}
