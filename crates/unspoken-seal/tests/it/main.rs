//! Our documents and the real sops program's, held against each other,
//! and what our seal promises, shown on whole documents.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test talks to the world and stops at the first surprise"
)]

mod branches;
mod interop;
mod kinds;
mod kit;
mod merge;
mod seal;
mod share;
mod yaml;
