//! `unspoken git merge-driver`: what git calls to merge one document.
//!
//! Rules:
//! - The result goes into git's file for our version, and the exit code is 0.
//! - Where there is no result, that file stays as it is, byte for byte: the
//!   work tree then holds a document that opens.
//! - What is no document is merged as the text that it is.

use std::path::{Path, PathBuf};

use unspoken_seal::{Choices, Document};
use unspoken_store::{DataKeyPolicy, read_limited, replace};

use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::git::{Git, Ground, Sides};
use crate::merging::{Merger, Versions, explain};

/// Merge a document by name (git calls this)
///
/// Different names on both sides merge; the same name, changed differently, is
/// a conflict that says what each side did. A version under a data key that HEAD
/// does not know is refused. Exits with 0 when it merged, else git marks a
/// conflict, our version stays, and `unspoken resolve` goes on from there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  unspoken git merge-driver %O %A %B %P     as `unspoken git setup` tells git"
)]
pub(crate) struct MergeDriver {
    /// The file with the common ancestor; an empty one means that there is none
    base: PathBuf,

    /// The file with our version, which the result is written to
    ours: PathBuf,

    /// The file with their version
    theirs: PathBuf,

    /// The document's path in the repository
    path: String,
}

impl MergeDriver {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let git = Git::here();
        let Some(ground) = Ground::find(&git, &self.path)? else { return self.merge_text(&git) };
        let [base, ours, theirs] =
            [&self.base, &self.ours, &self.theirs].map(|path| read(path.as_path()));
        let (base, ours, theirs) = (base?, ours?, theirs?);
        let workspace = Workspace { project: ground.project.clone(), home: cx.home()? };
        let merging = Merger {
            git: &git,
            ground: &ground,
            store: cx.store(&workspace),
            policy: DataKeyPolicy::Same,
            now: cx.now(),
        };
        let base = (!base.is_empty()).then_some(base.as_slice());
        let versions = Versions { base, ours: &ours, theirs: &theirs };
        match merging.merge(versions, &Choices::default()) {
            Ok(merged) if merged.bytes == ours => Ok(()),
            Ok(merged) => Ok(replace(&self.ours, &merged.bytes)?),
            Err(refusal) => Err(explain(refusal, &ground, &Sides::of(&git, &self.path))),
        }
    }

    /// For a file that has our attributes and is no document of the project.
    fn merge_text(&self, git: &Git) -> Result<(), Failure> {
        let mut command = git.command(["merge-file", "--quiet"]);
        command.args([&self.ours, &self.base, &self.theirs]);
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(Failure::new(
                Code::Other,
                format!("`{}` is no document of a project; git has marked the conflict", self.path),
            )),
            Err(error) => Err(Failure::new(Code::Other, format!("git cannot be started: {error}"))),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(read_limited(path, Document::MAX_BYTES as u64)?)
}
