//! `unspoken git setup`: tells git, on this machine, whom to call.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use unspoken_store::{FileError, Project, read_limited, replace};

use crate::context::Context;
use crate::failure::{Code, Failure, quoted};
use crate::git::{self, Git};

/// Tell git to merge and show documents by name, and to check commits
///
/// Writes to the repository's own configuration and hooks, which every clone has
/// for itself, and the lines that `.gitattributes` needs, which are committed.
/// Needs no key. Running it again changes nothing; another hook that is there
/// stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  unspoken git setup\n  unspoken git setup --remove")]
pub(crate) struct Setup {
    /// Take it out of the configuration and the hooks again
    #[arg(long, conflicts_with = "absolute")]
    remove: bool,

    /// Have git call this program by its path, where it is not on everybody's `PATH`
    #[arg(long)]
    absolute: bool,
}

/// The hook that calls us, and how large another one may be to be looked at.
const HOOK: &str = "pre-commit";
const LIMIT: u64 = 1024 * 1024;

/// The second line of a hook of ours, by which we know it.
const MARK: &str = "# Written by `unspoken git setup`; `unspoken git setup --remove` removes it.";

/// What became of the hook.
enum Hooked {
    Written,
    There,
    /// Another hook is there, or one for all repositories would be.
    Left {
        path: PathBuf,
    },
}

impl Setup {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let project = cx.project()?;
        let git = Git::at(&project.root);
        git.text(&["rev-parse", "--git-dir"])?;
        if self.remove {
            return remove(cx, &git);
        }
        let program = self.program()?;
        let mut changed = configure(&git, &program)?;
        changed |= attribute(&project)?;
        let hooked = hook(&git, &program)?;
        changed |= matches!(hooked, Hooked::Written);
        let words = if changed {
            "git merges and shows documents by name here; commit `.gitattributes` if it is new"
        } else {
            "git was set up already; nothing was changed"
        };
        let checks = !matches!(hooked, Hooked::Left { .. });
        cx.ui.report(&json!({ "set_up": true, "changed": changed, "hook": checks }), words)?;
        if let Hooked::Left { path } = &hooked {
            // Last: what went well before must not hide it.
            cx.ui.warn(&format!(
                "the check of commits is NOT installed: `{}` was left as it is; add this line to \
                 it: {program} git pre-commit || exit 1",
                path.display()
            ));
        }
        Ok(())
    }

    /// The program as a shell starts it.
    fn program(&self) -> Result<String, Failure> {
        if !self.absolute {
            return Ok("unspoken".to_owned());
        }
        let path = std::env::current_exe().map_err(|error| {
            Failure::new(Code::Other, format!("cannot tell where this program is: {error}"))
        })?;
        Ok(quoted(&path))
    }
}

/// What git is told. `%` begins a placeholder of git's.
fn settings(program: &str) -> [(&'static str, String); 5] {
    let driver = program.replace('%', "%%");
    [
        ("merge.unspoken.name", "secrets, merged by name".to_owned()),
        ("merge.unspoken.driver", format!("{driver} git merge-driver %O %A %B %P")),
        // Of several common ancestors, their own is taken: what a merge of them
        // left undecided must not pass for decided.
        ("merge.unspoken.recursive", "binary".to_owned()),
        ("diff.unspoken.textconv", format!("{program} git textconv")),
        ("diff.unspoken.cachetextconv", "false".to_owned()),
    ]
}

fn configure(git: &Git, program: &str) -> Result<bool, Failure> {
    let mut changed = false;
    for (key, value) in settings(program) {
        if git.find(&["config", "--local", "--get", key])?.as_deref() != Some(value.as_str()) {
            git.text(&["config", "--local", "--replace-all", key, &value])?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Adds the lines for the usual documents, and for each that lies elsewhere.
fn attribute(project: &Project) -> Result<bool, Failure> {
    let file = &project.file;
    let others = file.environments.keys().filter_map(|name| git::attribute_of(file, name));
    let lines: Vec<String> =
        git::ATTRIBUTES.iter().map(|line| (*line).to_owned()).chain(others).collect();
    git::attribute(&project.root, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn hook(git: &Git, program: &str) -> Result<Hooked, Failure> {
    let path = git.path("hooks")?.join(HOOK);
    let text = script(program);
    match read_limited(&path, LIMIT) {
        Ok(found) if found == text.as_bytes() => return Ok(Hooked::There),
        Ok(found) if is_ours(&found) => {}
        Ok(found) if calls_us(&found) => return Ok(Hooked::There),
        Err(FileError::NotFound { .. }) if is_own_folder(git)? => {}
        Ok(_) | Err(_) => return Ok(Hooked::Left { path }),
    }
    let failed = |what: &str, error: std::io::Error| {
        Failure::new(Code::Other, format!("cannot {what} `{}`: {error}", path.display()))
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| failed("make the folder of", error))?;
    replace(&path, text.as_bytes())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .map_err(|error| failed("make executable", error))?;
    Ok(Hooked::Written)
}

/// The hook. Where the program is not found, nothing was looked at, which must
/// not pass for fine, and says what helps.
fn script(program: &str) -> String {
    format!(
        "#!/bin/sh\n{MARK}\n\
         command -v {program} >/dev/null 2>&1 || {{\n  \
         echo 'unspoken was not found, so this commit was not checked: where it is installed, run \
         `unspoken git setup --absolute`' >&2\n  \
         exit 1\n}}\n\
         exec {program} git pre-commit\n"
    )
}

fn is_ours(hook: &[u8]) -> bool {
    hook.split(|&byte| byte == b'\n').any(|line| line == MARK.as_bytes())
}

/// Whether a hook of somebody's has the line that we ask for.
fn calls_us(hook: &[u8]) -> bool {
    let mut lines = hook.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_start);
    let wanted = b"git pre-commit";
    lines.any(|line| {
        line.starts_with(b"unspoken") && line.windows(wanted.len()).any(|part| part == wanted)
    })
}

/// Whether the folder of hooks is this repository's: a configuration outside of
/// it would name one for all repositories.
fn is_own_folder(git: &Git) -> Result<bool, Failure> {
    let scope = git.find(&["config", "--show-scope", "--get", "core.hooksPath"])?;
    Ok(scope.is_none_or(|line| line.starts_with("local\t") || line.starts_with("worktree\t")))
}

fn remove(cx: &Context, git: &Git) -> Result<(), Failure> {
    let mut changed = false;
    for section in ["merge.unspoken", "diff.unspoken"] {
        let pattern = format!("^{}\\.", section.replace('.', "\\."));
        if git.find(&["config", "--local", "--get-regexp", &pattern])?.is_some() {
            git.text(&["config", "--local", "--remove-section", section])?;
            changed = true;
        }
    }
    let path = git.path("hooks")?.join(HOOK);
    if read_limited(&path, LIMIT).is_ok_and(|found| is_ours(&found)) {
        fs::remove_file(&path).map_err(|error| {
            Failure::new(Code::Other, format!("cannot remove `{}`: {error}", path.display()))
        })?;
        changed = true;
    }
    let words = if changed {
        "git merges documents as text here again; the lines in `.gitattributes` were left"
    } else {
        "git was not set up; nothing was changed"
    };
    cx.ui.report(&json!({ "set_up": false, "changed": changed }), words)
}
