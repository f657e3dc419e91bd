//! The two sides of a merge, as a person knows them: branch, commit, time.

use unspoken_model::shown;

use super::{Git, GitError, ObjectId};

/// Where git notes the other side's commit while a merge is stopped.
const HEADS: [&str; 4] = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"];

/// What to call the two sides in words.
#[derive(Debug, Default)]
pub(crate) struct Sides {
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

impl Sides {
    /// Asks git, as far as it can tell: nothing here decides anything, so what
    /// git does not know is left out.
    pub(crate) fn of(git: &Git, path: &str) -> Self {
        Self::ask(git, path).unwrap_or_default()
    }

    fn ask(git: &Git, path: &str) -> Result<Self, GitError> {
        let branch = git.find(&["symbolic-ref", "--short", "--quiet", "HEAD"])?;
        let branch = branch.unwrap_or_else(|| "HEAD".to_owned());
        let theirs = match named_head().or(stopped_at(git)?).or(picking(git)?) {
            Some((id, name)) => describe(git, id.as_str(), &name, path)?,
            None => String::new(),
        };
        Ok(Self { ours: describe(git, "HEAD", &branch, path)?, theirs })
    }

    /// `ours: …` and `theirs: …`, a line each, where there is something to say.
    pub(crate) fn lines(&self) -> String {
        let line = |label: &str, text: &str| match text {
            "" => String::new(),
            text => format!("\n  {label}: {text}"),
        };
        line("ours", &self.ours) + &line("theirs", &self.theirs)
    }
}

/// The commit on one side that changed the document last.
fn describe(git: &Git, revision: &str, name: &str, path: &str) -> Result<String, GitError> {
    let pathspec = format!(":(top,literal){path}");
    let format = "--format=%h of %ci by %an";
    let last =
        git.find(&["log", "-1", "--no-show-signature", format, revision, "--", &pathspec])?;
    let name = shown(name);
    Ok(match last {
        Some(last) => format!("{name}, last changed in {}", shown(&last)),
        None => name,
    })
}

/// What `git merge` tells its helpers: `GITHEAD_` and a commit in the name of
/// the variable, and the branch in its value.
fn named_head() -> Option<(ObjectId, String)> {
    std::env::vars_os().find_map(|(name, value)| {
        let id = ObjectId::parse(name.to_str()?.strip_prefix("GITHEAD_")?)?;
        Some((id, value.to_string_lossy().into_owned()))
    })
}

fn stopped_at(git: &Git) -> Result<Option<(ObjectId, String)>, GitError> {
    for head in HEADS {
        if let Some(id) = git.resolve(head)? {
            let name = git.find(&["name-rev", "--name-only", "--no-undefined", id.as_str()])?;
            return Ok(Some((id, name.unwrap_or_else(|| head.to_owned()))));
        }
    }
    Ok(None)
}

/// The commit that a rebase is at.
fn picking(git: &Git) -> Result<Option<(ObjectId, String)>, GitError> {
    let Ok(done) = std::fs::read_to_string(git.path("rebase-merge/done")?) else {
        return Ok(None);
    };
    let id = done.lines().next_back().and_then(|line| line.split(' ').nth(1));
    Ok(id.and_then(ObjectId::parse).map(|id| (id, "the commit that is rebased".to_owned())))
}
