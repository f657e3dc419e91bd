//! A command as the kernel takes it: the files that its name may mean, its
//! arguments, its variables.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use nix::errno::Errno;
use zeroize::Zeroizing;

use super::{Environment, StartError};
use crate::terminal::{MONITOR, Post};

/// Where a program is looked for when the child has no `PATH`.
const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/usr/bin:/bin";

/// A command that can be tried, with its variables.
pub(crate) struct Call {
    program: OsString,
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    /// May hold values.
    variables: Zeroizing<Vec<CString>>,
}

impl Call {
    pub(crate) fn new(command: &[OsString], environment: Environment) -> Result<Self, StartError> {
        let program = command.first().cloned().unwrap_or_default();
        let arguments = command.iter().map(|argument| CString::new(argument.as_bytes()));
        let Ok(arguments) = arguments.collect::<Result<Vec<CString>, _>>() else {
            // No argument of a process has a NUL, so neither has one of ours.
            return Err(StartError::NotFound { program });
        };
        let candidates = candidates(&program, environment.path().unwrap_or(DEFAULT_PATH));
        let variables = Zeroizing::new(environment.into_strings());
        Ok(Self { program, candidates, arguments, variables })
    }

    /// This program once more, which starts the command.
    pub(super) fn monitor(
        post: Post,
        command: &[OsString],
        environment: Environment,
    ) -> Result<Self, StartError> {
        let words = ["unspoken", MONITOR, &post.to_string()].map(OsString::from);
        let mut call = Self::new(&[&words, command].concat(), environment)?;
        call.program = command.first().cloned().unwrap_or_default();
        call.candidates = vec![c"/proc/self/exe".to_owned()];
        Ok(call)
    }

    /// Tries one file after the other, until one starts.
    pub(crate) fn attempt<T>(
        self,
        mut start: impl FnMut(&CStr, &[CString], &[CString]) -> Result<T, Errno>,
    ) -> Result<T, StartError> {
        let Self { program, candidates, arguments, variables } = self;
        let named = program.as_bytes().contains(&b'/');
        let mut denied = None;
        for candidate in candidates {
            let error = match start(&candidate, &arguments, &variables) {
                Ok(started) => return Ok(started),
                Err(error) => error,
            };
            let is_file = |candidate: CString| {
                let path = PathBuf::from(OsString::from_vec(candidate.into_bytes()));
                path.is_file().then_some(path)
            };
            match error {
                Errno::ENOENT => {
                    // The kernel says "not found" of an interpreter, too.
                    if let Some(program) = is_file(candidate) {
                        return Err(StartError::NoInterpreter { program });
                    }
                }
                Errno::ENOTDIR => {}
                // Perhaps of a folder that may not be searched, or of a file that
                // another one of the same name stands in for.
                Errno::EACCES => {
                    if denied.is_none() && (is_file(candidate).is_some() || named) {
                        denied = Some(error);
                    }
                }
                Errno::E2BIG => return Err(too_large(&arguments, &variables)),
                Errno::ENOEXEC => {
                    return Err(StartError::NotExecutable { program, source: error.into() });
                }
                _ => return Err(StartError::Io { program, source: error.into() }),
            }
        }
        match denied {
            Some(error) => {
                Err(StartError::NotExecutable { program, source: io::Error::from(error) })
            }
            None => Err(StartError::NotFound { program }),
        }
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
fn too_large(arguments: &[CString], variables: &[CString]) -> StartError {
    let texts = arguments.iter().chain(variables);
    let bytes = texts.map(|text| text.as_bytes_with_nul().len()).sum();
    StartError::TooLarge { bytes, variables: variables.len() }
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
