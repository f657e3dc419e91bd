//! `unspoken resolve`: finishes a merge that git has stopped at.
//!
//! Rules:
//! - The three versions are those in git's index, never the work tree's file.
//! - What nobody has chosen is asked on a terminal, and is an error elsewhere.
//! - The result is written beside a pin that fits, and is for the user to add.

use std::collections::BTreeMap;

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::{EnvironmentName, ProjectFile, SealKey, SecretName, shown};
use unspoken_seal::{Choices, Conflict, Document, MergeError, Side};
use unspoken_store::{DataKeyPolicy, Found, Lock, Project, replace};

use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::git::{Git, Ground, ObjectId, Sides, Stage, unmerged};
use crate::merging::{Merged, Merger, Refusal, Versions, explain, words};
use crate::prompt;

/// Finish a merge in which both sides changed the same secret
///
/// Asks for each name whose value is to stay, ours or theirs, by branches and
/// times; no value is shown. In a rebase, "ours" is what is rebased onto. What
/// only one side changed is merged without a question.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken resolve\n  unspoken resolve -e production --ours DATABASE_URL --theirs API_KEY"
)]
pub(crate) struct Resolve {
    /// The environment [default: the one whose document is in conflict]
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    env: Option<EnvironmentName>,

    /// Names that get our value
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    ours: Vec<SecretName>,

    /// Names that get their value
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    theirs: Vec<SecretName>,

    /// Whose comments stay, in a document of the dotenv form
    #[arg(long, value_name = "SIDE")]
    comments: Option<Kept>,

    /// Merge also under a data key, or for readers, that HEAD does not know
    #[arg(long)]
    new_data_key: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// A side, as it is typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kept {
    Ours,
    Theirs,
}

/// The blobs of one document's three versions.
struct Stages {
    /// The document's path in the repository.
    path: String,
    base: Option<ObjectId>,
    ours: ObjectId,
    theirs: ObjectId,
}

/// The contents of the three versions.
struct Held {
    base: Option<Vec<u8>>,
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

impl Resolve {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let found = cx.found()?;
        let git = Git::at(&found.root);
        let (stages, ground) = self.stages(cx, &git, &found)?;
        let sides = Sides::of(&git, &stages.path);
        let held = Held::read(&git, &stages)?;
        if self.new_data_key {
            self.confirm(cx, &ground, &held)?;
        }
        let workspace = Workspace { project: ground.project.clone(), home: cx.home()? };
        let policy = if self.new_data_key { DataKeyPolicy::Any } else { DataKeyPolicy::Same };
        let store = cx.store(&workspace);
        let merging = Merger { git: &git, ground: &ground, store, policy, now: cx.now() };
        let merged = self.merge(cx, &merging, &held, &sides)?;
        write(cx, &found, &ground, &merged)
    }

    /// Which document is meant, and its versions in the index.
    fn stages(
        &self,
        cx: &Context,
        git: &Git,
        project: &Found,
    ) -> Result<(Stages, Ground), Failure> {
        let mut paths: BTreeMap<String, Vec<Stage>> = BTreeMap::new();
        for stage in unmerged(git)? {
            paths.entry(stage.path.clone()).or_default().push(stage);
        }
        let mut found = Vec::new();
        for (path, stages) in paths {
            // Other projects of the repository are resolved in their own folders.
            let here = |ground: &Ground| {
                ground.project.root.canonicalize().ok() == project.root.canonicalize().ok()
            };
            if let Some(ground) = Ground::find(git, &path)?.filter(here) {
                found.push((path, stages, ground));
            }
        }
        let wanted = self.env.as_ref();
        found.retain(|(_, _, ground)| wanted.is_none_or(|name| *name == ground.environment));
        if found.len() > 1 {
            let names: Vec<String> =
                found.iter().map(|(_, _, ground)| format!("-e {}", ground.environment)).collect();
            let message = "the documents of several environments are in conflict";
            return Err(Failure::new(Code::Usage, message)
                .hint(format!("Name one at a time: {}.", names.join(", "))));
        }
        let Some((path, stages, ground)) = found.pop() else {
            let message = match wanted {
                Some(name) => format!("the document of `{name}` is in no conflict"),
                None => "no document is in conflict".to_owned(),
            };
            return Err(Failure::new(Code::Missing, message)
                .hint("Run `git status` to see what git has stopped at."));
        };
        cx.ui.detail(format_args!("the document of {} is in conflict", ground.environment));
        let version =
            |at: u8| stages.iter().find(|each| each.number == at).map(|each| each.id.clone());
        let (Some(ours), Some(theirs)) = (version(2), version(3)) else {
            let message = format!("`{}` was removed on one side", shown(&path));
            let path = quoted(path.as_ref());
            return Err(Failure::new(Code::Other, message).hint(format!(
                "Keep it with `git add -- {path}`, or remove it with `git rm -- {path}`."
            )));
        };
        Ok((Stages { base: version(1), ours, theirs, path }, ground))
    }

    /// Shows who would be given our values, before anything is sealed for them.
    fn confirm(&self, cx: &Context, ground: &Ground, held: &Held) -> Result<(), Failure> {
        let Ok(document) = Document::parse(ground.form, &held.theirs) else { return Ok(()) };
        let name = |key: &&str| match ground.project.file.name_of(key) {
            Some(name) => format!("{} ({name})", shown(key)),
            None => shown(key),
        };
        let readers: Vec<String> = document.recipients().iter().map(name).collect();
        let key = document.block().map_or_else(String::new, |block| block.seal_key.to_string());
        cx.ui.lay_out(&format!(
            "their version has the seal key {key}\nreadable by: {}\nand by whoever made its data key",
            readers.join(", ")
        ));
        let question = format!("seal our values of `{}` for them?", ground.environment);
        prompt::confirm(&cx.ui, &question, self.yes)
    }

    /// Merges, and asks until everything is decided.
    fn merge(
        &self,
        cx: &Context,
        merging: &Merger<'_>,
        held: &Held,
        sides: &Sides,
    ) -> Result<Merged, Failure> {
        let versions =
            Versions { base: held.base.as_deref(), ours: &held.ours, theirs: &held.theirs };
        let comments = self.comments.map(|kept| match kept {
            Kept::Ours => Side::Ours,
            Kept::Theirs => Side::Theirs,
        });
        let new_data_key = self.new_data_key;
        let mut choices = Choices { names: BTreeMap::new(), comments, new_data_key };
        let conflicts = match merging.merge(versions, &choices) {
            Err(Refusal::Merge(MergeError::Conflicts(conflicts))) => conflicts,
            Ok(merged) => {
                self.check_named(&[])?;
                return Ok(merged);
            }
            Err(refusal) => return Err(explain(refusal, merging.ground, sides)),
        };
        self.check_named(&conflicts)?;
        for (names, side) in [(&self.ours, Side::Ours), (&self.theirs, Side::Theirs)] {
            choices.names.extend(names.iter().map(|name| (name.clone(), side)));
        }
        if cx.ui.is_interactive() {
            ask(cx, &conflicts, sides, &mut choices)?;
        }
        let merged = merging.merge(versions, &choices);
        merged.map_err(|refusal| explain(refusal, merging.ground, sides))
    }

    /// A name that is in no conflict was misspelt, or is not for anybody to
    /// choose.
    fn check_named(&self, conflicts: &[Conflict]) -> Result<(), Failure> {
        let torn = |name: &SecretName| {
            conflicts.iter().any(|c| matches!(c, Conflict::Name { name: torn, .. } if torn == name))
        };
        if let Some(name) = self.ours.iter().find(|name| self.theirs.contains(name)) {
            return Err(Failure::new(Code::Usage, format!("`{name}` cannot get both values")));
        }
        match self.ours.iter().chain(&self.theirs).find(|name| !torn(name)) {
            None => Ok(()),
            Some(name) => {
                let message = format!("`{name}` is in no conflict");
                Err(Failure::new(Code::Missing, message)
                    .hint("Run `unspoken resolve` without names to see which are."))
            }
        }
    }
}

impl Held {
    fn read(git: &Git, stages: &Stages) -> Result<Self, Failure> {
        let read = |id: &ObjectId| git.blob(id, Document::MAX_BYTES as u64);
        Ok(Self {
            base: stages.base.as_ref().map(read).transpose()?,
            ours: read(&stages.ours)?,
            theirs: read(&stages.theirs)?,
        })
    }
}

/// Asks for each conflict that no flag has decided.
fn ask(
    cx: &Context,
    conflicts: &[Conflict],
    sides: &Sides,
    choices: &mut Choices,
) -> Result<(), Failure> {
    let mut told = false;
    for conflict in conflicts {
        match conflict {
            Conflict::Name { name, .. } if choices.names.contains_key(name) => continue,
            Conflict::Comments if choices.comments.is_some() => continue,
            Conflict::DataKeys | Conflict::Metadata => continue,
            Conflict::Name { .. } | Conflict::Comments => {}
        }
        if !told {
            cx.ui.lay_out(sides.lines().trim_start_matches('\n'));
            told = true;
        }
        let side = choose(&words(conflict))?;
        match conflict {
            Conflict::Name { name, .. } => drop(choices.names.insert(name.clone(), side)),
            _ => choices.comments = Some(side),
        }
    }
    Ok(())
}

fn choose(question: &str) -> Result<Side, Failure> {
    loop {
        let answer = prompt::line(&format!("{question}. Keep [o]urs or [t]heirs? "))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "o" | "ours" => return Ok(Side::Ours),
            "t" | "theirs" => return Ok(Side::Theirs),
            _ => {}
        }
    }
}

/// Writes the document into the work tree, with the pin that it needs.
fn write(cx: &Context, found: &Found, ground: &Ground, merged: &Merged) -> Result<(), Failure> {
    let environment = &ground.environment;
    // Where the document lies is HEAD's to say; which pin is there, the work tree's.
    let project = Project { root: found.root.clone(), file: ground.project.file.clone() };
    let path = project.reach(environment)?;
    {
        let _lock = Lock::acquire(&path, Lock::WAIT)?;
        replace(&path, &merged.bytes)?;
    }
    let below = ground.project.file.document_path(environment);
    let mut add = vec![quoted(below.as_ref())];
    let mut loose = None;
    if let Some(key) = merged.seal_key {
        match Project::read(found.clone()) {
            Ok(mut project) => {
                if pin(&project, environment) != Some(key) {
                    project.edit(|file| file.pin(environment, key))?;
                    add.push(ProjectFile::NAME.to_owned());
                }
            }
            Err(_) => loose = Some(key),
        }
    }
    if let Some(key) = loose {
        cx.ui.warn(&format!(
            "`{}` is in conflict too; under `[environments.{environment}]` it needs the line \
             seal_key = \"{key}\"",
            ProjectFile::NAME
        ));
    }
    let add = add.join(" ");
    cx.ui.report(
        &json!({ "environment": environment.as_str(), "file": below }),
        &format!("merged the document of {environment}; now run `git add {add}`"),
    )
}

fn pin(project: &Project, environment: &EnvironmentName) -> Option<SealKey> {
    project.file.entry(environment)?.seal_key
}
