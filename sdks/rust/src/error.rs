//! What can go wrong without ending the process, and what to do about it.

use std::{fmt, io};

/// Why a secret could not be had. No variant holds a part of a value.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The program was not started by Unspoken.
    Outside {
        /// The secret that was asked for.
        name: String,
    },

    /// The set has no secret of this name.
    Missing {
        /// The secret that was asked for.
        name: String,
        /// The project of the set.
        project: String,
        /// The environment of the set.
        environment: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },

    /// A variable of ours does not list descriptors.
    Malformed {
        /// Its name.
        variable: &'static str,
    },

    /// None of the descriptors that a variable of ours lists is one of ours.
    Closed {
        /// Its name.
        variable: &'static str,
    },

    /// The port could not be told to the supervisor.
    Unsaid {
        /// What the system said.
        kind: io::ErrorKind,
    },
}

/// As [`Display`](fmt::Display): a `main` that returns an error prints this, and
/// the way out is in the words.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside { name } => write!(
                f,
                "no secret `{}`: this program was handed none; \
                 start it with: unspoken run --fd -- <program> \
                 (without --fd, run and dev set variables, which are not read here)",
                name.escape_debug()
            ),
            Self::Missing { name, project, environment, nearest } => {
                let (name, project) = (name.escape_debug(), project.escape_debug());
                let environment = environment.escape_debug().to_string();
                write!(f, "no secret `{name}` in `{project}/{environment}`; ")?;
                match nearest {
                    Some(near) => write!(f, "did you mean `{}`? Or add it", near.escape_debug())?,
                    None => f.write_str("add it")?,
                }
                write!(f, ": unspoken set {name}")?;
                if environment.is_empty() { Ok(()) } else { write!(f, " -e {environment}") }
            }
            Self::Malformed { variable } => {
                write!(f, "`{variable}` must list descriptors from 3 on, such as `3,20`")
            }
            Self::Closed { variable } => write!(
                f,
                "something between `unspoken run` and this program closed the descriptors that \
                 `{variable}` lists; start the program without a launcher (`exec` in scripts), \
                 choose another descriptor with `unspoken run --fd=N`, or ask `unspoken doctor`"
            ),
            Self::Unsaid { kind } => {
                write!(f, "the port could not be told to the supervisor: {kind}")
            }
        }
    }
}

impl std::error::Error for Error {}
