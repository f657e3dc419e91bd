//! A child process that gets a set, in its environment or on a descriptor.
//!
//! [`plan()`] decides what the environment is, as a pure function; [`exec()`]
//! and [`Handover`] become the command, and [`Running`] is a command beside
//! this process, which [`supervise()`] waits for.

mod call;
mod descendants;
mod environment;
mod exec;
mod handover;
mod harden;
mod plan;
mod readiness;
mod running;
mod supervise;
mod variable;
mod watch;

pub(crate) use call::Call;
pub use descendants::Descendants;
pub use environment::Environment;
pub use exec::{StartError, exec};
pub use handover::Handover;
pub use harden::{close_to_others, limit_core, lock_memory};
pub(crate) use plan::is_withheld;
pub use plan::{PlanError, Selection, pass_on, plan};
pub(crate) use running::attributes;
pub use running::{Ending, Passage, Running};
pub use supervise::{Outcome, finish, supervise};
pub use variable::{Prefix, VariableError, VariableName};
pub use watch::{Event, Watch};

/// A signal's name and number.
pub use nix::sys::signal::Signal;
