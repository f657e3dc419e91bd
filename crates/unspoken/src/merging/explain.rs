//! Why documents were not merged, in words: names, sides and times, no value.

use std::fmt::Write as _;

use unspoken_model::{ProjectFile, shown};
use unspoken_seal::{Conflict, Edit, MergeError};
use unspoken_store::NoKey;

use super::{Refusal, Version};
use crate::failure::{Code, Failure, quoted};
use crate::git::{Ground, Sides};

/// Says why, and what to do about it.
pub(crate) fn explain(refusal: Refusal, ground: &Ground, sides: &Sides) -> Failure {
    let file = &ground.project.file;
    let path = file.document_path(&ground.environment);
    let environment = &ground.environment;
    let shell = quoted(path.as_ref());
    let take = format!(
        "Our version is in place. Take one side with `git checkout --ours -- {shell}` or `git \
         checkout --theirs -- {shell}`, and set the other side's values again."
    );
    let resolve = format!(
        "Our version is in place, and whole. Run `unspoken resolve -e {environment}`, which asks \
         for each name, or takes `--ours NAME` and `--theirs NAME`."
    );
    match refusal {
        Refusal::Other(failure) => failure,
        Refusal::Merge(MergeError::Conflicts(conflicts)) => {
            // What no seal vouches for is not for `resolve` to decide.
            let open = |conflict: &Conflict| match conflict {
                Conflict::Metadata => true,
                Conflict::DataKeys => ground.pin().is_none(),
                Conflict::Name { .. } | Conflict::Comments => false,
            };
            let hint = if conflicts.iter().any(open) { take } else { resolve };
            let message =
                format!("`{path}`: both sides changed these, differently{}", list(&conflicts));
            Failure::new(Code::Other, message + &sides.lines()).hint(hint)
        }
        Refusal::OtherDataKey { version } => {
            let message = format!(
                "`{path}`: {version} is under a data key that HEAD does not know{}",
                sides.lines()
            );
            Failure::new(Code::Integrity, message).hint(other_data_key(ground, version))
        }
        Refusal::Readers { added } => {
            let message = format!(
                "`{path}`: under the old data key, {version} lets others read it: {}{}",
                added.join(", "),
                sides.lines(),
                version = Version::Theirs,
            );
            Failure::new(Code::Integrity, message).hint(format!(
                "If they may read everything in it, run `unspoken resolve -e {environment} \
                 --new-data-key`."
            ))
        }
        Refusal::NoKey { no_key, conflicts } => {
            let mut message = format!(
                "no key on this machine opens `{path}`, so its two sides cannot be merged here"
            );
            if !conflicts.is_empty() {
                let _ = write!(message, "; both changed, perhaps alike:{}", list(&conflicts));
            }
            let who = holders(&no_key, file);
            Failure::new(Code::NoKey, message + &sides.lines()).hint(format!(
                "Our version is in place. It can be opened by {who}: there, run `unspoken resolve \
                 -e {environment}`."
            ))
        }
        Refusal::Parse { version, error } => {
            unusable(&path, version, &error.to_string()).hint(take)
        }
        Refusal::Verify { version, error } => {
            unusable(&path, version, &error.to_string()).hint(take)
        }
        Refusal::Open { version, error } => unusable(&path, version, &error.to_string()).hint(take),
        Refusal::Merge(error) => {
            Failure::new(Code::Other, format!("`{path}` cannot be merged: {error}")).hint(take)
        }
        Refusal::Seal(error) => {
            Failure::new(Code::Other, format!("`{path}` cannot be sealed: {error}")).hint(take)
        }
        Refusal::TooLarge => {
            let message = format!("`{path}` would be larger than a document may be");
            Failure::new(Code::Other, message).hint(take)
        }
    }
}

fn unusable(path: &str, version: Version, error: &str) -> Failure {
    Failure::new(Code::Integrity, format!("`{path}`: {version} must not be used: {error}"))
}

fn other_data_key(ground: &Ground, version: Version) -> String {
    let environment = &ground.environment;
    match version {
        Version::Theirs => format!(
            "Somebody rotated it, or anybody who knows the public keys made it, to get what you \
             have sealed for himself. Look at the line `seal_key` on their side; if you know whose \
             it is, run `unspoken resolve -e {environment} --new-data-key`. To keep ours alone, run \
             `git checkout --ours -- {} && git checkout HEAD -- {}`.",
            quoted(ground.project.file.document_path(environment).as_ref()),
            ProjectFile::NAME
        ),
        Version::Ours | Version::Base => format!(
            "Look at `git log -p -- {}`; if the change is right, run `unspoken resolve -e \
             {environment} --new-data-key`.",
            ProjectFile::NAME
        ),
    }
}

/// Each conflict in a line of its own.
fn list(conflicts: &[Conflict]) -> String {
    let line = |conflict: &Conflict| format!("\n  {}", words(conflict));
    conflicts.iter().map(line).collect()
}

/// What both sides did to one thing.
pub(crate) fn words(conflict: &Conflict) -> String {
    match conflict {
        Conflict::Name { name, ours, theirs } => {
            format!("{name}: ours {}, theirs {}", verb(*ours), verb(*theirs))
        }
        Conflict::Comments => "the comments: each side changed them (`--comments`)".to_owned(),
        Conflict::DataKeys => "the data key: each side has another one".to_owned(),
        Conflict::Metadata => "the recipients or rules of a document without a seal".to_owned(),
    }
}

fn verb(edit: Edit) -> &'static str {
    match edit {
        Edit::Added => "added it",
        Edit::Changed => "changed it",
        Edit::Removed => "removed it",
        Edit::Expiry => "changed its expiry",
    }
}

/// Who has a key, by their names where the project knows them.
fn holders(no_key: &NoKey, file: &ProjectFile) -> String {
    let name = |key: &String| match file.name_of(key) {
        Some(name) => name.to_string(),
        None => shown(key),
    };
    let names: Vec<String> = no_key.recipients.iter().map(name).collect();
    if names.is_empty() { "nobody that it names".to_owned() } else { names.join(", ") }
}
