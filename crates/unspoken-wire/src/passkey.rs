//! What a browser brings of a passkey: `WebAuthn`'s client data, attestation and authenticator data.
//!
//! Rules:
//! - Bytes are read once, to their end, within bounds. CBOR has definite lengths and the shortest
//!   numbers alone.
//! - A key says its algorithm, and is of the form that belongs to it: there is no key that could
//!   be tried with another one.
//! - Nothing here compares a challenge, an origin or a hash, and nothing checks a signature: who
//!   asks for a passkey does.

mod authenticator_data;
mod cbor;
mod client_data;
mod public_key;

use thiserror::Error;

pub use authenticator_data::{AuthenticatorData, NewCredential};
pub use client_data::{Ceremony, ClientData};
pub use public_key::PublicKey;

use cbor::Reader;

/// Why bytes are nothing of a passkey that can be used.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PasskeyError {
    #[error("this is longer than it may be")]
    Size,
    #[error("the client data cannot be read")]
    ClientData,
    #[error("the client data are for something else")]
    Ceremony,
    #[error("the client data are of a page within another one")]
    Embedded,
    #[error("the bytes are not the CBOR that is expected")]
    Cbor,
    #[error("an attestation of this kind is not taken")]
    Attestation,
    #[error("the authenticator's data cannot be read")]
    AuthenticatorData,
    #[error("the key is of no kind that is taken")]
    Key,
}

/// Finds the authenticator's data in an attestation object. It attests nothing: `none` alone is
/// taken, so that nobody is told apart by the make of their authenticator.
pub fn parse_attestation(bytes: &[u8]) -> Result<&[u8], PasskeyError> {
    if bytes.len() > 2 * AuthenticatorData::MAX_BYTES {
        return Err(PasskeyError::Size);
    }
    let mut reader = Reader::new(bytes);
    let (mut form, mut is_empty, mut found) = (None, false, None);
    if reader.map()? != 3 {
        return Err(PasskeyError::Cbor);
    }
    for _ in 0..3 {
        match reader.text()? {
            "fmt" if form.is_none() => form = Some(reader.text()?),
            "attStmt" if !is_empty => {
                // What another form states is not read.
                if reader.map()? != 0 {
                    return Err(PasskeyError::Attestation);
                }
                is_empty = true;
            }
            "authData" if found.is_none() => found = Some(reader.bytes()?),
            _ => return Err(PasskeyError::Cbor),
        }
    }
    reader.end()?;
    match (form, found) {
        (Some("none"), Some(found)) if is_empty => Ok(found),
        _ => Err(PasskeyError::Attestation),
    }
}

#[cfg(test)]
mod tests;
