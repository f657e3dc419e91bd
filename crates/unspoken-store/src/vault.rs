//! A vault, as its client knows it: where it is, what it is asked, what it says.
//!
//! Rules:
//! - Nothing here is made before a vault is needed: no TLS, no name is looked up, no socket is
//!   opened on the way of a local command.
//! - A token goes to the vault that it is for, and to no other: what a project file says decides
//!   where the vault is, and is no proof that it may have a token.
//! - A redirection is not followed: a token would go with it.

mod client;
mod credential;
mod error;
mod token_record;

pub use unspoken_model::{VaultUrl, VaultUrlError};

pub use client::{Fetched, Keep, VaultClient};
pub use credential::{CredentialError, Credentials, KeptToken, TokenPlace};
pub use error::VaultError;
pub use token_record::{TokenNote, TokenRecordError};
