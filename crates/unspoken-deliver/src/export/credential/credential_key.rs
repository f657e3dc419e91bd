//! The keys that encrypt a credential.

use std::str::FromStr;

use thiserror::Error;

/// Which keys encrypt a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CredentialKey {
    /// The key in systemd's own folder, which root alone reads.
    Host,
    /// The machine's security chip.
    Tpm2,
    /// Both, of which both are needed.
    HostAndTpm2,
}

/// Why a text is no [`CredentialKey`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CredentialKeyError {
    #[error("with `{found}` anybody could decrypt the credential")]
    Unprotected { found: String },
    #[error("no such key: it is `host`, `tpm2` or `host+tpm2`")]
    Unknown,
}

impl CredentialKey {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Tpm2 => "tpm2",
            Self::HostAndTpm2 => "host+tpm2",
        }
    }
}

impl FromStr for CredentialKey {
    type Err = CredentialKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "host" => Ok(Self::Host),
            "tpm2" => Ok(Self::Tpm2),
            "host+tpm2" => Ok(Self::HostAndTpm2),
            // Systemd's words for "none", and for "none where there is no chip".
            "null" | "tpm2-absent" | "auto-initrd" => {
                Err(CredentialKeyError::Unprotected { found: text.to_owned() })
            }
            _ => Err(CredentialKeyError::Unknown),
        }
    }
}

#[test]
fn a_key_that_protects_nothing_is_no_key() {
    for key in [CredentialKey::Host, CredentialKey::Tpm2, CredentialKey::HostAndTpm2] {
        assert_eq!(key.as_str().parse(), Ok(key));
    }
    for found in ["null", "tpm2-absent", "auto-initrd"] {
        let found = found.to_owned();
        let expected = CredentialKeyError::Unprotected { found: found.clone() };
        assert_eq!(found.parse::<CredentialKey>(), Err(expected));
    }
    assert_eq!("chip".parse::<CredentialKey>(), Err(CredentialKeyError::Unknown));
}
