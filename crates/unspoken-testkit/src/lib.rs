//! For tests only: temporary projects, the real peers, values that can be
//! recognised wherever they turn up.
//!
//! It stops at the first surprise by panicking: a test has nobody to hand an
//! error to. It never prints a value.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    reason = "a test stops at the first surprise, and says what it was"
)]

mod canary;
mod chromium;
mod client;
mod ground;
mod invocation;
mod issuer;
mod member;
mod output;
mod peers;
mod postgres;
mod project;
mod session;
mod snapshot;
mod vault;

pub use canary::{canary, canary_marker};
pub use chromium::Chromium;
pub use client::{Answer, Client};
pub use ground::{Agent, Ground};
pub use invocation::Invocation;
pub use issuer::{Issuer, IssuerAsked, IssuerSays};
pub use member::Member;
pub use output::Output;
pub use peers::{Peers, peers};
pub use postgres::Cluster;
pub use project::{Project, show_env, unspoken_binary};
pub use session::Session;
pub use snapshot::Snapshot;
pub use vault::{Database, Vault, use_vault_binary, vault_binary};
