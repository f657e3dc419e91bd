//! What the browser says that it was asked, and by which page. The authenticator signs its hash.

use serde::Deserialize;

use super::PasskeyError;

/// See the top.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientData {
    /// As base64url without padding.
    pub challenge: String,
    /// Such as `https://vault.example.com`.
    pub origin: String,
}

/// What a passkey was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ceremony {
    /// To be made.
    Create,
    /// To sign in.
    Get,
}

/// What browsers write. Later ones may write more.
#[derive(Deserialize)]
struct Written {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    is_embedded: bool,
    #[serde(rename = "topOrigin", default)]
    outer: Option<String>,
}

impl Ceremony {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

impl ClientData {
    pub const MAX_BYTES: usize = 4096;

    /// Reads what was written for this, by a page that no other one holds.
    pub fn parse(bytes: &[u8], ceremony: Ceremony) -> Result<Self, PasskeyError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(PasskeyError::Size);
        }
        // A map, and not the list that a reader of maps would take as well.
        if bytes.first() != Some(&b'{') {
            return Err(PasskeyError::ClientData);
        }
        let written: Written =
            serde_json::from_slice(bytes).map_err(|_| PasskeyError::ClientData)?;
        if written.r#type != ceremony.as_str() {
            return Err(PasskeyError::Ceremony);
        }
        if written.is_embedded || written.outer.is_some() {
            return Err(PasskeyError::Embedded);
        }
        Ok(Self { challenge: written.challenge, origin: written.origin })
    }
}
