//! What coding agents should leave alone: one list of rules, and what it is in
//! the files and the hook protocols of six agents.
//!
//! Pure: texts in, texts out. It cannot name a value, and it is a guard-rail:
//! it keeps an honest agent from seeing a value by accident. A hostile one finds
//! a way around every rule here.

#![forbid(unsafe_code)]

mod agent;
mod artifact;
mod files;
mod guidance;
mod hook;
mod json_text;
mod judge;
mod peel;
mod reading;
mod rule;
mod section;
mod shell;
mod words;

pub use agent::{Agent, UnknownAgent};
pub use artifact::{Artifact, EditError, State};
pub use hook::{Answer, HookError, answer};
pub use judge::{Call, Denial, decide};
