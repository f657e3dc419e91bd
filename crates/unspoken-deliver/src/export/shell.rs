//! `export NAME='value'`, for `eval` or `.` in a POSIX shell.
//!
//! Between apostrophes a shell takes every byte as it is, so the apostrophe is
//! the only thing to care for.

use unspoken_model::SecretName;
use unspoken_seal::Secret;

use super::Reason;
use unspoken_wire::Page;

/// What a shell refuses to set, or changes when it is set.
///
/// `dash` stops at a wrong `OPTIND`; the others are read-only in `bash`, or it
/// counts or looks them up itself. A shell that reads a file must neither stop
/// in the middle of it nor end up with another value.
pub(super) const KEPT: [&str; 32] = [
    "BASHOPTS",
    "BASHPID",
    "BASH_ALIASES",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_ARGV0",
    "BASH_CMDS",
    "BASH_COMMAND",
    "BASH_COMPAT",
    "BASH_LINENO",
    "BASH_MONOSECONDS",
    "BASH_SOURCE",
    "BASH_SUBSHELL",
    "BASH_TRAPSIG",
    "BASH_VERSINFO",
    "BASH_XTRACEFD",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SRANDOM",
    "UID",
];

pub(super) fn print(name: &SecretName, secret: &Secret, page: &mut Page) -> Result<(), Reason> {
    if is_kept(name) {
        return Err(Reason::ShellVariable);
    }
    page.push("export ");
    page.push(name.as_str());
    page.push("='");
    page.push_escaped(secret.expose(), |c| (c == '\'').then_some("'\\''"));
    page.push("'\n");
    Ok(())
}

pub(super) fn is_kept(name: &SecretName) -> bool {
    KEPT.binary_search(&name.as_str()).is_ok()
}
