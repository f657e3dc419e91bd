//! Ids: how the vault names its things, whatever people call them.
//!
//! Rules:
//! - An id is random, and says what kind of thing it names: `env_` and twelve
//!   characters. There is one spelling.
//! - An id is no secret and gives no right.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How many characters stand behind an id's prefix. Each is a digit or a letter, so
/// they hold 71 bits.
const LENGTH: usize = 12;

/// The digits of what is spelt with 62 of them, in the order of their worth.
pub const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Why a text is no id of its kind.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an id of this kind is `{prefix}_` and {LENGTH} letters and digits")]
pub struct IdError {
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name([u8; LENGTH]);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id of randomness.
            pub fn new(random: [u8; 16]) -> Self {
                Self(digits(u128::from_be_bytes(random)))
            }

            /// Reads the one spelling.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let error = IdError { prefix: $prefix };
                let rest = text.strip_prefix($prefix).and_then(|rest| rest.strip_prefix('_'));
                Self::from_digits(rest.ok_or(error)?)
            }

            /// Reads what stands behind the prefix.
            pub fn from_digits(digits: &str) -> Result<Self, IdError> {
                let bytes: [u8; LENGTH] =
                    digits.as_bytes().try_into().map_err(|_| IdError { prefix: $prefix })?;
                if bytes.iter().all(u8::is_ascii_alphanumeric) {
                    Ok(Self(bytes))
                } else {
                    Err(IdError { prefix: $prefix })
                }
            }

            /// What stands behind the prefix.
            pub fn digits(&self) -> &str {
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.digits())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(
    /// A vault: one store under one master key.
    DeploymentId,
    "dep"
);
id!(TeamId, "team");
id!(PersonId, "per");
id!(
    /// A project in a vault. Its name can change.
    ProjectId,
    "proj"
);
id!(EnvironmentId, "env");
id!(
    /// A token: whose secret half is nowhere in here.
    TokenId,
    "tok"
);
id!(
    /// One life of a server process: who wrote a row of the record.
    NodeId,
    "node"
);
id!(
    /// One sign-in of a program, from its beginning to its token.
    LoginId,
    "login"
);
id!(
    /// One request, as an error names it.
    RequestId,
    "req"
);
id!(
    /// A rule by which a machine of somebody else's gets a token.
    TrustId,
    "trust"
);

fn digits(mut number: u128) -> [u8; LENGTH] {
    let mut digits = [0; LENGTH];
    for digit in digits.iter_mut().rev() {
        let at = usize::try_from(number % 62).unwrap_or(0);
        *digit = BASE62.get(at).copied().unwrap_or(b'0');
        number /= 62;
    }
    digits
}

#[test]
fn an_id_has_one_spelling_and_says_its_kind() {
    let id = EnvironmentId::new([0xff; 16]);
    let text = id.to_string();
    assert_eq!(text.len(), "env_".len() + LENGTH);
    assert_eq!(EnvironmentId::parse(&text), Ok(id));
    assert_eq!(EnvironmentId::from_digits(id.digits()), Ok(id));
    let other = text.replace("env_", "proj_");
    for wrong in ["", "env", "env_", "env_short", &other, &format!("{text}0"), "env_012345678 0a"] {
        assert_eq!(EnvironmentId::parse(wrong), Err(IdError { prefix: "env" }), "{wrong}");
    }
    assert_ne!(EnvironmentId::new([1; 16]), EnvironmentId::new([2; 16]));
}
