//! What a vault promises, shown on the real program and real databases.
//!
//! No failing test shows a value: they are compared with `assert!(a == b)`.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::expect_used,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod class;
mod crash;
mod database_tls;
mod exchange;
mod front;
#[cfg(feature = "aws-kms")]
mod kms;
mod login;
mod master;
mod moved;
mod oidc;
mod operations;
mod passkey;
mod people;
mod proxy;
mod raw;
mod record;
mod revocation;
mod scope;
mod service;
mod sign_in;
mod sink;
mod story;
mod table;
mod teams;
mod traces;

/// How long or how often something is to be tried: a variable says it, for a longer run.
#[expect(clippy::disallowed_methods, reason = "the test's own variables")]
fn wish(name: &str, otherwise: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}
