//! The sops format: encrypted trees, their metadata and their integrity code.
//!
//! `docs/formats/sops.md` is the specification that this follows.

pub(crate) mod dotenv_store;
pub(crate) mod json_store;
pub(crate) mod metadata;
pub(crate) mod rule;
pub(crate) mod shamir;
pub(crate) mod tree;
pub(crate) mod value;
pub(crate) mod yaml_store;

/// The release of sops whose format is followed, written as `version`.
pub(crate) const VERSION: &str = "3.13.2";

/// The releases that sealed documents may name. One is added when [`VERSION`]
/// changes, and none is ever removed.
pub(crate) const VERSIONS: [&str; 1] = [VERSION];
