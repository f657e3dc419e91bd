//! The errors of the store: documents, and who may read them.

use std::fmt::Write as _;
use std::path::Path;

use unspoken_model::{EnvironmentName, ProjectFile};
use unspoken_seal::{
    BlockError, ParseError, ParseProblem, RecipientError, SealError, SetError, ShareError,
    VerifyError, YamlProblem,
};
use unspoken_store::env_vars::UNSPOKEN_KEY;
use unspoken_store::{NoKey, PrivateError, StoreError};

use super::{Code, Failure, keychain_hint, mend, quoted};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoDocument { ref environment, ref path, pinned } => {
                let hint = if pinned {
                    restore(path)
                } else {
                    format!("Run `unspoken env add {environment}` to make it.")
                };
                Self::because(Code::Missing, &error).hint(hint)
            }
            StoreError::InVault { ref environment } => {
                Self::because(Code::Refused, &error).hint(format!(
                    "Keys, readers and seals belong to documents; who may read in a vault is decided \
                     there. To have a document of it again, run `unspoken pull {environment} --unlink`."
                ))
            }
            StoreError::Vault(error) => (*error).into(),
            StoreError::Parse { ref path, error: ParseError { problem: ParseProblem::Conflict, .. } } => {
                Self::because(Code::Integrity, &error).hint(format!(
                    "Run `unspoken resolve`, which merges by name. Or take one side with `git \
                     checkout --ours -- {0}` or `git checkout --theirs -- {0}`.",
                    quoted(path)
                ))
            }
            StoreError::Parse {
                error: ParseError { problem: ParseProblem::Block(BlockError::Newer { .. }), .. },
                ..
            } => Self::because(Code::Integrity, &error)
                .hint("A newer release wrote it: upgrade, then check with `unspoken --version`."),
            StoreError::Parse { ref path, error: ParseError { problem: ParseProblem::Yaml(problem), .. } }
                if problem != YamlProblem::Syntax =>
            {
                Self::because(Code::Integrity, &error).hint(format!(
                    "Nothing was used. Write it in another way, with `sops edit {}`.",
                    quoted(path)
                ))
            }
            StoreError::Parse { ref path, .. } | StoreError::Open { ref path, .. } => {
                Self::because(Code::Integrity, &error).hint(restore(path))
            }
            StoreError::Verify { ref environment, ref path, error: ref inner } => {
                let hint = verify_hint(environment, path, inner);
                Self::because(Code::Integrity, &error).hint(hint)
            }
            StoreError::NoKey(no_key) => no_key_failure(&no_key),
            StoreError::Set { error: ref inner, .. } => {
                let failure = Self::because(Code::Other, &error);
                match inner {
                    SetError::Clear { .. } => failure.hint(
                        "Nothing was changed. Look at the rule with `grep crypted_` in the \
                         document; `sops set` writes what it leaves in the clear.",
                    ),
                    SetError::Name { .. } | SetError::Repeated { .. } | SetError::Nested { .. } => {
                        failure.hint("Mend it with the program that wrote it, such as `sops edit`.")
                    }
                    _ => failure,
                }
            }
            StoreError::Lock(error) => error.into(),
            StoreError::File(error) => error.into(),
            StoreError::Private(error) => error.into(),
            StoreError::Inherit(_) => Self::because(Code::Integrity, &error),
            StoreError::NewDataKey { ref path } => Self::because(Code::Integrity, &error).hint(format!(
                "Anybody who knows the public keys may have written it. Run `git log -p -- {}`; if you \
                 know who changed the data key, add `--new-data-key`.",
                quoted(path)
            )),
            StoreError::Accept { .. } => Self::because(Code::Other, &error)
                .hint("Mend it with the program that wrote it, then run this again."),
            StoreError::Exists { ref path } => Self::because(Code::Refused, &error).hint(format!(
                "Another environment may have been added there before. Move it away: `mv {0} {0}.old`.",
                quoted(path)
            )),
            error => access(&error),
        }
    }
}

/// What is wrong with who may read, and what has no hint.
fn access(error: &StoreError) -> Failure {
    match error {
        StoreError::Unsealed { environment, .. } => Failure::because(Code::Integrity, error)
            .hint(format!("Review it, then run `unspoken accept -e {environment}`.")),
        StoreError::PublicKey { name, .. } => Failure::because(Code::Other, error).hint(format!(
            "Mend its line in `{}`, or run `unspoken recipients remove {name}`.",
            ProjectFile::NAME
        )),
        StoreError::Seal { path, error: SealError::Layout } => Failure::because(Code::Other, error)
            .hint(format!(
                "Nothing was changed. `sops edit {}` lays it out anew; then run this again.",
                quoted(path)
            )),
        StoreError::LastKey { environment, .. } => {
            Failure::because(Code::Refused, error).hint(format!(
                "Nothing was changed. Run `unspoken key import` for the key of `{environment}` \
                 first, or let somebody else do it."
            ))
        }
        StoreError::Recipient(RecipientError::PluginMissing { name })
        | StoreError::Share {
            error: ShareError::Recipient { error: RecipientError::PluginMissing { name }, .. },
            ..
        } => Failure::because(Code::Other, error)
            .hint(format!("Install it, and see that `command -v age-plugin-{name}` finds it.")),
        _ => Failure::because(Code::Other, error),
    }
}

fn restore(path: &Path) -> String {
    format!("Nothing was used. Run `git checkout -- {}` to restore it.", quoted(path))
}

fn verify_hint(environment: &EnvironmentName, path: &Path, error: &VerifyError) -> String {
    match error {
        VerifyError::WrongPlace { .. } | VerifyError::Seal => restore(path),
        VerifyError::Unpinned { .. } => format!(
            "Restore the line `seal_key` of `{0}`: `git log -p -- {0}` shows it. If it never was there \
             and you know who made the document, run `unspoken accept -e {environment} \
             --new-data-key`.",
            ProjectFile::NAME
        ),
        VerifyError::Unsealed => format!(
            "Another program wrote it, or somebody replaced it. Look at `git log -p -- {}`; if the \
             change is right, run `unspoken accept -e {environment}`.",
            quoted(path)
        ),
        VerifyError::OtherSealKey { .. } => format!(
            "Somebody rotated or replaced it, and `{}` has the pin of another. Look at `git log -p -- \
             {0} {}`; if you know who made it, run `unspoken accept -e {environment} --new-data-key`.",
            ProjectFile::NAME,
            quoted(path)
        ),
        VerifyError::Spelling => format!(
            "A formatter or a change of line ends did this; keep `secrets/` out of formatters. Run \
             `git checkout -- {}` to restore it.",
            quoted(path)
        ),
    }
}

/// A public key as it fits on a line: of the longest kind there are 2000
/// characters, and the first tell them apart.
fn brief(recipient: &str) -> String {
    match recipient.char_indices().nth(1000) {
        Some(_) => recipient.chars().take(60).chain(['…']).collect(),
        None => recipient.to_owned(),
    }
}

fn no_key_failure(no_key: &NoKey) -> Failure {
    let mut message = format!("no key on this machine opens `{}`", no_key.path.display());
    let mut hint = String::new();
    let mut said = Vec::new();
    for refused in &no_key.refused {
        let text = Failure::because(Code::NoKey, &refused.source).message;
        // A loose folder is met again for every key in it.
        if said.contains(&text) {
            continue;
        }
        let _ = write!(message, "\n  not used: {text}");
        said.push(text);
        if let Some(command) = mend(&refused.source) {
            let _ = writeln!(hint, "Others may have read that key. If not, run `{command}`.");
        }
        if let PrivateError::Keychain { source, .. } = &refused.source {
            let advice = keychain_hint(source);
            // The same for every key in it.
            if !hint.contains(advice) {
                let _ = writeln!(hint, "{advice}");
            }
        }
    }
    for tried in &no_key.tried {
        let _ = write!(message, "\n  does not fit: {tried}");
    }
    for recipient in &no_key.recipients {
        let _ = write!(message, "\n  it is for: {}", brief(recipient));
    }
    if hint.is_empty() && no_key.tried.iter().any(|tried| tried.contains(UNSPOKEN_KEY.name)) {
        let _ = write!(
            hint,
            "`UNSPOKEN_KEY` holds another environment's key, or one from before a rotation. Store the \
             new one: `unspoken key export -e {} --yes`.",
            no_key.environment
        );
    }
    if hint.is_empty() {
        let _ = write!(
            hint,
            "To get access, put yourself on the list with `unspoken recipients add YOUR-NAME \
             \"$(unspoken identity)\" -e {0}`, open a pull request, and have somebody with access run \
             `unspoken recipients sync -e {0}`. Or ask for the key and run `unspoken key import`.",
            no_key.environment
        );
    }
    Failure::new(Code::NoKey, message).hint(hint.trim_end().to_owned())
}
