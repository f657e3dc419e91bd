//! A terminal of its own for a command, so that what it says there can be passed on
//! without the values.
//!
//! The command talks to a pseudo-terminal. Three take part:
//! - this process, in *front*: it holds the real terminal, copies keys one way and
//!   output the other, and stops and goes on as the command does;
//! - the *monitor*, this program once more: the leader of the session that the
//!   pseudo-terminal belongs to. Without it the command would be that leader, whose
//!   process group is orphaned by definition, and the kernel lets none of those be
//!   stopped by a key;
//! - the command, in a process group of its own.
//!
//! The real terminal is taken, and set to hand over each key, when the command is
//! its only user. In a pipeline, and in the background, the command starts in the
//! background of its own terminal, too: when it wants a key, the kernel stops it,
//! the monitor says so, and then the terminal is taken, or this process stops as
//! any job does that wants a key in the background.

mod attend;
mod keys;
mod link;
mod monitor;
mod outer;
mod report;
mod stage;

pub(crate) use attend::Attendance;
pub(crate) use link::Link;
pub use monitor::monitor;
pub(crate) use monitor::{MONITOR, Post};
pub(crate) use report::{Order, Report};
pub(crate) use stage::{Slave, Stage};
