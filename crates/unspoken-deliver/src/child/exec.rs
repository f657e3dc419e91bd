//! Becoming the command: this process is replaced, so its signals, terminal,
//! exit code and process id are the command's own. No shell is in between.
//!
//! Rules:
//! - A name without a slash is looked up in the **child's** `PATH`, so a secret
//!   that is delivered as `PATH` decides. Without one the usual default does.
//! - The child starts with the signals that we were started with: the runtime
//!   of this language ignores SIGPIPE, and that is undone.
//! - Variables are handed to the kernel as they are: the standard library's
//!   `Command` would sort and copy them twice, which costs more than opening
//!   the values did.
//!
//! When the kernel has taken our place there is no "us" left that could wipe
//! the copies of values; the kernel drops our memory. When it has not, they are
//! wiped here.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::execve;
use thiserror::Error;
use zeroize::Zeroizing;

use super::Environment;

/// Where a program is looked for when the child has no `PATH`.
const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/usr/bin:/bin";

/// Why this process is still here.
#[derive(Debug, Error)]
pub enum ExecError {
    #[error("no program `{}`", .program.display())]
    NotFound { program: OsString },
    #[error("cannot execute `{}`", .program.display())]
    NotExecutable { program: OsString, source: io::Error },
    #[error("cannot execute `{}`: the interpreter that its first line names is not there", .program.display())]
    NoInterpreter { program: PathBuf },
    #[error(
        "the arguments and the environment are too large together: {bytes} bytes in {variables} variables"
    )]
    TooLarge { bytes: usize, variables: usize },
    #[error("cannot start `{}`", .program.display())]
    Io { program: OsString, source: io::Error },
}

/// Replaces this process by the command. Returns only if that fails.
pub fn exec(command: &[OsString], environment: Environment) -> ExecError {
    let Some(program) = command.first() else {
        return ExecError::NotFound { program: OsString::new() };
    };
    let program = program.clone();
    let arguments = command.iter().map(|argument| CString::new(argument.as_bytes()));
    let Ok(arguments) = arguments.collect::<Result<Vec<CString>, _>>() else {
        // No argument of a process has a NUL, so neither has one of ours.
        return ExecError::NotFound { program };
    };
    let candidates = candidates(&program, environment.path().unwrap_or(DEFAULT_PATH));
    let variables = Zeroizing::new(environment.into_strings());
    sigpipe::reset();
    let named = program.as_bytes().contains(&b'/');
    let mut denied = None;
    for candidate in candidates {
        // Returns only with an error.
        let Err(error) = execve(&candidate, &arguments, &variables);
        match error {
            Errno::ENOENT => {
                // The kernel says "not found" of an interpreter, too.
                let path = PathBuf::from(OsString::from_vec(candidate.into_bytes()));
                if path.is_file() {
                    return ExecError::NoInterpreter { program: path };
                }
            }
            Errno::ENOTDIR => {}
            // Perhaps of a folder that may not be searched, or of a file that
            // another one of the same name stands in for.
            Errno::EACCES => {
                let path = PathBuf::from(OsString::from_vec(candidate.into_bytes()));
                if denied.is_none() && (path.is_file() || named) {
                    denied = Some(error);
                }
            }
            Errno::E2BIG => return too_large(&arguments, &variables),
            Errno::ENOEXEC => {
                return ExecError::NotExecutable { program, source: error.into() };
            }
            _ => return ExecError::Io { program, source: error.into() },
        }
    }
    match denied {
        Some(error) => ExecError::NotExecutable { program, source: error.into() },
        None => ExecError::NotFound { program },
    }
}

/// The files that a program's name may mean, in the order of the search.
fn candidates(program: &OsStr, path: &[u8]) -> Vec<CString> {
    let program = program.as_bytes();
    if program.is_empty() {
        return Vec::new();
    }
    if program.contains(&b'/') {
        return CString::new(program).into_iter().collect();
    }
    path.split(|&byte| byte == b':')
        // An empty entry is the current folder, by an old rule.
        .map(|folder| if folder.is_empty() { b".".as_slice() } else { folder })
        .filter_map(|folder| CString::new([folder, b"/", program].concat()).ok())
        .collect()
}

/// Says how much there was, each text with the byte that ends it.
fn too_large(arguments: &[CString], variables: &[CString]) -> ExecError {
    let texts = arguments.iter().chain(variables);
    let bytes = texts.map(|text| text.as_bytes_with_nul().len()).sum();
    ExecError::TooLarge { bytes, variables: variables.len() }
}

#[test]
fn a_name_is_looked_up_and_a_path_is_taken() {
    let found = |program: &str, path: &str| -> Vec<String> {
        let found = candidates(OsStr::new(program), path.as_bytes());
        found.into_iter().map(|path| path.into_string().unwrap()).collect()
    };
    assert_eq!(found("npm", "/a:/b"), ["/a/npm", "/b/npm"]);
    assert_eq!(found("npm", "/a::/b:"), ["/a/npm", "./npm", "/b/npm", "./npm"]);
    assert_eq!(found("./npm", "/a:/b"), ["./npm"]);
    assert_eq!(found("", "/a:/b"), Vec::<String>::new());
}
