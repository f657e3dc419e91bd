//! Values: how they are held, sealed and opened.
//!
//! Pure: bytes in, bytes out. No files, no clock, no environment; randomness
//! comes from `hazmat`, the one file that names the AEAD, KDF and RNG crates,
//! and from `age`.

mod accept;
mod block;
mod canonical;
mod document;
pub mod dotenv;
pub mod foreign;
#[cfg(test)]
mod golden_tests;
mod hazmat;
mod identity;
mod json;
mod limit;
mod node;
mod open_document;
mod parse_error;
mod recipient;
mod secret;
mod secret_set;
mod sops;
mod unlock;
mod wrapped;

pub use accept::AcceptError;
pub use block::{Block, BlockError};
pub use document::{Document, Reviewed, Verified, VerifyError};
pub use identity::{Identity, IdentityError};
pub use json::{JsonError, JsonProblem};
pub use open_document::{Change, OpenDocument, OpenError, SealError, SetError};
pub use parse_error::{ParseError, ParseProblem};
pub use recipient::{Recipient, RecipientError};
pub use secret::{Secret, SecretError};
pub use secret_set::SecretSet;
pub use sops::rule::RuleError;
pub use sops::tree::TreeError;
pub use sops::value::ValueError;
pub use unlock::{DocumentKey, Unlock};
