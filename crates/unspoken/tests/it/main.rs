//! The program as a user meets it: what is typed, what is said, the exit code,
//! and what lies on the disk afterwards.
//!
//! Every value is a canary. No failing test shows one: values are compared with
//! `assert!(a == b)`, never with `assert_eq!`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod attack;
mod backup;
mod budget;
mod completion;
mod crash;
mod disk;
mod edit;
mod export;
mod fault;
mod foreign;
mod help;
mod import;
mod inbox;
mod init;
mod key;
mod list;
mod names;
mod place;
mod run;
mod set;
mod sharing;
mod speech;
mod tamper;
mod terminal;
mod trace;
mod value;
