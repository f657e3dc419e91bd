//! Values: how they are held, sealed and opened.
//!
//! Pure: bytes in, bytes out. No files, no clock, no environment; randomness
//! comes from `hazmat`, the one file that names the AEAD, KDF and RNG crates,
//! and from `age`. One exception, in two files named `plugin.rs`: a key of a
//! plugin kind is used by its program, which the age crate starts.

#![forbid(unsafe_code)]

mod accept;
mod ask;
mod block;
mod canonical;
mod checksum;
mod document;
pub mod dotenv;
mod fingerprint;
pub mod foreign;
#[cfg(test)]
mod golden_tests;
mod hazmat;
mod identity;
mod inbox_item;
mod json;
mod key_bundle;
mod key_text;
mod limit;
mod mac;
mod merge;
mod node;
mod open_document;
mod parse_error;
mod passphrase;
mod pkce;
mod recipient;
mod redact;
mod secret;
mod secret_set;
mod share;
mod sops;
mod stack;
mod token;
mod unlock;
mod wrapped;

pub use accept::AcceptError;
pub use ask::{Ask, Nobody};
pub use block::{Block, BlockError};
pub use checksum::{Checksum, ChecksumError};
pub use document::{Document, Reviewed, Verified, VerifyError};
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use identity::{Identity, IdentityError};
pub use inbox_item::{InboxError, InboxItem, InboxLabel};
pub use json::{JsonError, JsonProblem};
pub use key_bundle::{BundleError, KeyBundle, ReadBundle, SealedBundle};
pub use mac::{Mac, MacKey};
pub use merge::{Choices, Conflict, Edit, MergeError, Side, merge_sealed};
pub use open_document::{Change, OpenDocument, OpenError, SealError, SetError};
pub use parse_error::{ParseError, ParseProblem};
pub use passphrase::{
    PassphraseError, is_passphrase_sealed, open_with_passphrase, seal_with_passphrase,
};
pub use pkce::{SignInState, Verifier};
pub use recipient::{Recipient, RecipientError, key_id};
pub use redact::{Found, LazyMatcher, Matcher, Redactor, Scratch, Strength, Unchanged};
pub use secret::{Secret, SecretError};
pub use secret_set::SecretSet;
pub use share::ShareError;
pub use sops::rule::RuleError;
pub use sops::tree::TreeError;
pub use sops::value::ValueError;
pub use sops::yaml_store::YamlProblem;
pub use stack::wipe_stack;
pub use token::{HashedToken, PlainToken, TokenAuth, TokenError, TokenKind, crc32};
pub use unlock::{DocumentKey, Unlock};
