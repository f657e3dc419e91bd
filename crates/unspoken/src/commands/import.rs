//! `unspoken import FILE`: takes over the values of a plaintext file.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::{Change, Secret, dotenv, parse_json};
use unspoken_store::{StoreError, ignore_pattern, read_limited};
use zeroize::Zeroizing;

use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::flags::EnvFlag;
use crate::git;

/// Take over the values of a .env or JSON file
///
/// Reads `.env` files as npm's dotenv does, and says where other readers would
/// read another value. If one line is wrong, nothing is written. When all values
/// were written, read back and compared, the file is removed and added to
/// `.gitignore`, unless `--keep` is given.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken import .env\n  unspoken import .env.production -e production --on-conflict overwrite\n  vault kv get -format=json -field=data app | unspoken import - --format json"
)]
pub(crate) struct Import {
    /// The file, or `-` for standard input
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,

    #[command(flatten)]
    env: EnvFlag,

    /// What to do with a name that has another value already
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Conflict::Fail)]
    on_conflict: Conflict,

    /// dotenv or json [default: json for `.json`, else dotenv]
    #[arg(short, long, value_enum)]
    format: Option<Format>,

    /// Do not remove the file
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Conflict {
    Fail,
    Skip,
    Overwrite,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    Dotenv,
    Json,
}

/// A plaintext file that has been read as a whole.
pub(crate) struct Source {
    /// `None` for standard input.
    path: Option<PathBuf>,
    /// What was read, to tell whether the file is still that when it goes.
    bytes: Zeroizing<Vec<u8>>,
    entries: Vec<Entry>,
    warnings: Vec<String>,
}

struct Entry {
    name: SecretName,
    secret: Secret,
    line: Option<usize>,
}

/// How large a file is read.
const LIMIT: usize = 32 * 1024 * 1024;

impl Import {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let source = Source::read(&self.file, self.format)?;
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        source.take_over(cx, &workspace, &environment, self.on_conflict, self.keep)
    }
}

impl Source {
    /// Reads a file, or says every line that is wrong.
    pub(crate) fn read(path: &Path, format: Option<Format>) -> Result<Self, Failure> {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let format = format.unwrap_or(if is_json { Format::Json } else { Format::Dotenv });
        let (path, bytes) = if path == Path::new("-") {
            (None, read_stdin()?)
        } else {
            (Some(path.to_owned()), Zeroizing::new(read_limited(path, LIMIT as u64)?))
        };
        let shown =
            path.as_deref().map_or("standard input".to_owned(), |p| p.display().to_string());
        match format {
            Format::Dotenv => {
                let parsed = dotenv::parse(&bytes).map_err(|errors| wrong(&shown, &errors))?;
                let warnings = parsed.warnings.iter().map(ToString::to_string).collect();
                let entries = parsed.entries.into_iter().map(|entry| Entry {
                    name: entry.name,
                    secret: entry.secret,
                    line: Some(entry.line),
                });
                Ok(Self { path, entries: entries.collect(), bytes, warnings })
            }
            Format::Json => {
                let parsed = parse_json(&bytes).map_err(|errors| wrong(&shown, &errors))?;
                let entries = parsed.into_iter();
                let entries = entries.map(|(name, secret)| Entry { name, secret, line: None });
                Ok(Self { path, entries: entries.collect(), bytes, warnings: Vec::new() })
            }
        }
    }

    /// Puts the values into an environment, compares what was written, and only
    /// then removes the file.
    pub(crate) fn take_over(
        self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
        conflict: Conflict,
        keep: bool,
    ) -> Result<(), Failure> {
        for warning in &self.warnings {
            cx.ui.warn(warning);
        }
        cx.fold(workspace, environment);
        let sealed = cx.warn_unless_sealed(workspace, environment);
        let store = cx.store(workspace);
        let edited = store.edit(environment, cx.now(), |document| {
            let (path, _) = workspace.project.document(environment);
            let refused = |error| StoreError::Set { path: path.clone(), error };
            let outcomes = self.put(document, conflict, refused)?;
            // All values fit, and none is written yet: where the source cannot be
            // kept out of git, nothing is changed.
            self.ignore(workspace)?;
            Ok::<_, Failure>(outcomes)
        })?;
        self.compare(workspace, cx, environment, &edited.outcome)?;
        let skipped = edited.outcome.contains(&Outcome::Skipped);
        let removed = self.remove(cx, keep || skipped || !sealed)?;
        let count = |outcome| edited.outcome.iter().filter(|found| **found == outcome).count();
        let summary = format!(
            "{environment}: {} added, {} replaced, {} unchanged, {} skipped",
            count(Outcome::Added),
            count(Outcome::Replaced),
            count(Outcome::Unchanged),
            count(Outcome::Skipped)
        );
        let lines = || self.entries.iter().zip(&edited.outcome);
        if cx.ui.json {
            let entries: Vec<_> = lines()
                .map(|(entry, outcome)| {
                    json!({ "name": entry.name.as_str(), "line": entry.line, "outcome": outcome.word() })
                })
                .collect();
            cx.ui.print_json(&json!({
                "environment": environment.as_str(),
                "revision": edited.revision,
                "entries": entries,
                "warnings": self.warnings,
                "removed": removed,
            }))?;
        } else {
            for (entry, outcome) in lines() {
                let line = entry.line.map_or(String::new(), |line| format!("line {line}: "));
                cx.ui.note(&format!("{line}{} {}", entry.name, outcome.word()));
            }
            cx.ui.note(&summary);
        }
        if let Some(path) = self.path.as_deref().filter(|_| removed) {
            cx.ui.note(&format!(
                "removed {0}; if it was ever committed, its values are in the history: \
                 `git log --all -- {0}`",
                workspace.shown(path)
            ));
        }
        Ok(())
    }

    fn put(
        &self,
        document: &mut unspoken_seal::OpenDocument<'_>,
        conflict: Conflict,
        refused: impl Fn(unspoken_seal::SetError) -> StoreError,
    ) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::with_capacity(self.entries.len());
        let mut conflicts = Vec::new();
        for entry in &self.entries {
            let there = document.get(&entry.name).transpose().map_err(&refused)?;
            let differs = there.is_some_and(|old| !old.is_same(&entry.secret));
            match conflict {
                Conflict::Fail if differs => conflicts.push(entry.name.as_str()),
                Conflict::Skip if differs => {
                    outcomes.push(Outcome::Skipped);
                    continue;
                }
                _ => {}
            }
            outcomes.push(match document.set(&entry.name, &entry.secret).map_err(&refused)? {
                Change::Added => Outcome::Added,
                Change::Replaced => Outcome::Replaced,
                Change::Unchanged => Outcome::Unchanged,
            });
        }
        if conflicts.is_empty() {
            return Ok(outcomes);
        }
        let message = format!("other values are there already: {}", conflicts.join(", "));
        Err(Failure::new(Code::Refused, message).hint(
            "Nothing was changed. Add `--on-conflict skip` to keep them, or \
             `--on-conflict overwrite` to replace them.",
        ))
    }

    /// Opens the document again, from the disk, and compares every value.
    fn compare(
        &self,
        workspace: &Workspace,
        cx: &Context,
        environment: &EnvironmentName,
        outcomes: &[Outcome],
    ) -> Result<(), Failure> {
        let written = cx.store(workspace).open_own(environment)?;
        for (entry, outcome) in self.entries.iter().zip(outcomes) {
            let same = written.get(&entry.name).is_some_and(|found| found.is_same(&entry.secret));
            if *outcome != Outcome::Skipped && !same {
                let message = format!("`{}` was not read back as it was written", entry.name);
                return Err(Failure::new(Code::Other, message).hint(
                    "The source file was kept. Another command may have run at the same time.",
                ));
            }
        }
        Ok(())
    }

    /// Removes the file, if it still is what was read.
    fn remove(&self, cx: &Context, keep: bool) -> Result<bool, Failure> {
        let Some(path) = &self.path else { return Ok(false) };
        let shown = path.display();
        if keep {
            cx.ui.warn(&format!("`{shown}` is still there, in plaintext"));
            return Ok(false);
        }
        let now = Zeroizing::new(read_limited(path, LIMIT as u64)?);
        if *now != *self.bytes {
            cx.ui.warn(&format!(
                "`{shown}` was changed meanwhile and is kept; run the import again"
            ));
            return Ok(false);
        }
        std::fs::remove_file(path).map_err(|error| {
            Failure::new(Code::Other, format!("cannot remove `{shown}`: {error}"))
                .hint(format!("The values are safe. Run `rm {}` yourself.", quoted(path)))
        })?;
        Ok(true)
    }

    /// Adds a file of the project to `.gitignore`.
    fn ignore(&self, workspace: &Workspace) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let (Ok(root), Ok(path)) = (workspace.project.root.canonicalize(), path.canonicalize())
        else {
            return Ok(());
        };
        let Some(below) = path.strip_prefix(&root).ok().and_then(Path::to_str) else {
            return Ok(());
        };
        if below == ".env" {
            return git::ignore(&root, &[".env"]).map(drop);
        }
        git::ignore(&root, &[&ignore_pattern(below)]).map(drop)
    }
}

/// What happened to one entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Added,
    Replaced,
    Unchanged,
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
        }
    }
}

fn wrong(shown: &str, errors: &[impl ToString]) -> Failure {
    let count = errors.len();
    let things = if count == 1 { "1 thing is" } else { &format!("{count} things are") };
    let mut message = format!("{shown}: {things} wrong, nothing was imported");
    for error in errors.iter().take(50) {
        message.push_str("\n  ");
        message.push_str(&error.to_string());
    }
    if count > 50 {
        message.push_str("\n  …");
    }
    Failure::new(Code::Other, message).hint("Mend these lines and run it again.")
}

fn read_stdin() -> Result<Zeroizing<Vec<u8>>, Failure> {
    // Room for all of it, so that it never moves and leaves a copy; what is not
    // used is never touched.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 2));
    let read = std::io::stdin().lock().take(LIMIT as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        Failure::new(Code::Other, format!("cannot read standard input: {error}"))
    })?;
    if bytes.len() > LIMIT {
        return Err(Failure::new(
            Code::Other,
            format!("standard input holds more than {LIMIT} bytes"),
        ));
    }
    Ok(bytes)
}
