//! The program as a user meets it: what is typed, what is said, the exit code,
//! and what lies on the disk afterwards.
//!
//! Every value is a canary. No failing test shows one: values are compared with
//! `assert!(a == b)`, never with `assert_eq!`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod access;
mod agents;
mod attack;
mod backup;
mod budget;
mod check;
mod completion;
mod crash;
mod dev;
mod dev_process;
mod disk;
mod edit;
mod export;
mod export_container;
mod fault;
mod fd;
mod fd_large;
mod foreign;
mod generate;
mod git;
mod guide;
mod help;
mod import;
mod inbox;
mod init;
mod key;
mod keychain;
mod keys;
mod list;
mod merge;
mod merge_trust;
mod names;
mod pane;
mod people;
mod place;
mod read;
mod redact;
mod redact_terminal;
mod redact_terminal_jobs;
mod repository;
mod rescue;
mod rotate_value;
mod run;
mod scan;
mod set;
mod sharing;
mod speech;
mod story;
mod tamper;
mod terminal;
mod trace;
mod trust;
mod value;
mod vault_ground;
mod vault_login;
mod vault_session;
mod vault_source;
mod way_in;
