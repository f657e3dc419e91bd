//! The vault from outside: the real program, over real databases.
//!
//! No failing test shows a value: they are compared with `assert!(a == b)`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod operations;
