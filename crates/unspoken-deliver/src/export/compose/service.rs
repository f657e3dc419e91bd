//! A service, and which secrets it is given.

use std::str::FromStr;

use thiserror::Error;
use unspoken_model::{NameError, SecretName};

/// A service of a compose file, as `web=DATABASE_URL,STRIPE_KEY` or `web`.
///
/// Invariant: the name holds 1 to [`Service::MAX`] of the characters A-Z, a-z,
/// 0-9, `_`, `-` and `.`, as Compose has them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Service {
    pub(super) name: String,
    /// What it gets; `None` is everything.
    pub(super) secrets: Option<Vec<SecretName>>,
}

/// Why a text is no [`Service`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ServiceError {
    #[error("a service's name holds 1 to {max} bytes", max = Service::MAX)]
    Length,
    #[error("{found:?} cannot stand in a service's name")]
    Character { found: char },
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Service {
    pub const MAX: usize = 255;

    /// Reads a service, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, ServiceError> {
        let (name, names) = match text.split_once('=') {
            Some((name, names)) => (name, Some(names)),
            None => (text, None),
        };
        if name.is_empty() || name.len() > Self::MAX {
            return Err(ServiceError::Length);
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if let Some(found) = name.chars().find(|&c| !fits(c)) {
            return Err(ServiceError::Character { found });
        }
        let secrets = names.map(|names| names.split(',').map(SecretName::parse).collect());
        Ok(Self { name: name.to_owned(), secrets: secrets.transpose()? })
    }
}

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
