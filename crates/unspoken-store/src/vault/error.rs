//! Why a vault did not do what it was asked.

use thiserror::Error;

use super::VaultUrl;

/// See the top. Never a value, and never a token.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum VaultError {
    /// It was not reached, or did not answer: the one reason to use a snapshot.
    #[error("the vault `{url}` cannot be reached ({reason})")]
    Unreachable { url: VaultUrl, reason: String },
    /// It answered, with a problem.
    #[error("the vault says: {message} ({code}, {request})")]
    Problem { url: VaultUrl, status: u16, code: String, message: String, request: String },
    #[error("`{url}` does not answer as a vault does (status {status})")]
    Answer { url: VaultUrl, status: u16 },
    #[error("the answer of the vault `{url}` is larger than it may be")]
    TooLarge { url: VaultUrl },
}

impl VaultError {
    /// The status of a problem.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem { status, .. } | Self::Answer { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// The code of a problem, for programs.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem { code, .. } => Some(code),
            Self::Unreachable { .. } | Self::Answer { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// The vault that it is about.
    pub fn url(&self) -> &VaultUrl {
        match self {
            Self::Unreachable { url, .. }
            | Self::Problem { url, .. }
            | Self::Answer { url, .. }
            | Self::TooLarge { url } => url,
        }
    }

    /// Whether a snapshot may stand in: the vault said nothing, or that it cannot answer now.
    /// Never when it said no.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Problem { status, .. } => matches!(status, 502..=504),
            Self::Answer { .. } | Self::TooLarge { .. } => false,
        }
    }
}
