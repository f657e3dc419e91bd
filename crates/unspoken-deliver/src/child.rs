//! A child process that gets a set in its environment.
//!
//! [`plan()`] decides what the environment is, as a pure function; [`exec()`]
//! becomes the command.

mod environment;
mod exec;
mod plan;
mod variable;

pub use environment::Environment;
pub use exec::{ExecError, exec};
pub(crate) use plan::is_withheld;
pub use plan::{PlanError, Selection, plan};
pub use variable::{Prefix, VariableError, VariableName};
