//! What a request that is not answered gets: a status, a code for programs, a sentence for
//! people. Never a value, a token, or what a caller may not know.

use crate::db::SqlError;
use crate::key::Address;
use crate::wanted::Wanted;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    /// In how many seconds it may be asked again.
    pub(crate) retry_after: Option<u32>,
    /// What has to be found before the request is begun anew. No caller sees this.
    pub(crate) wanted: Option<Box<Wanted>>,
}

/// A project's key, as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct WrappedKey {
    pub(crate) address: Address,
    pub(crate) wrapped: Vec<u8>,
}

/// The stable part of a problem.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Kind {
    /// The request is not what the interface takes.
    Invalid,
    /// No token was shown, or none that is known and valid. All reasons look alike.
    Unauthorized,
    /// It is not there, or it is not the caller's. Both look alike.
    Forbidden,
    /// There is no such name in an environment that the caller may see.
    Missing,
    /// The route has other methods.
    Method,
    /// It is there already, or something else stands in the way.
    Conflict,
    /// The caller's copy is not the newest.
    Stale,
    /// It was there, and is gone for good.
    Gone,
    TooLarge,
    /// Somebody has to decide first. It may be asked again.
    Pending,
    TooMany,
    /// A fault of ours.
    Internal,
    /// The store, the record or the holder of the master key does not answer.
    Unavailable,
}

impl Kind {
    /// The status and the code.
    pub(crate) fn spelling(self) -> (u16, &'static str) {
        match self {
            Self::Invalid => (400, "invalid"),
            Self::Unauthorized => (401, "unauthorized"),
            Self::Forbidden => (403, "forbidden"),
            Self::Missing => (404, "missing"),
            Self::Method => (405, "method"),
            Self::Conflict => (409, "conflict"),
            Self::Gone => (410, "gone"),
            Self::Stale => (412, "stale"),
            Self::TooLarge => (413, "too_large"),
            Self::Pending => (425, "pending"),
            Self::TooMany => (429, "too_many"),
            Self::Internal => (500, "internal"),
            Self::Unavailable => (503, "unavailable"),
        }
    }

    pub(crate) fn status(self) -> u16 {
        self.spelling().0
    }

    pub(crate) fn code(self) -> &'static str {
        self.spelling().1
    }

    /// Whether somebody wanted what is not theirs: the record has these.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Forbidden)
    }
}

impl Problem {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, wanted: None }
    }

    pub(crate) fn wants(wanted: Wanted) -> Self {
        Self { wanted: Some(Box::new(wanted)), ..Self::unavailable() }
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(Kind::Missing, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(Kind::Unauthorized, "the token is missing, unknown, expired or revoked")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(Kind::Forbidden, "this is not there, or not open to this token")
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    pub(crate) fn internal() -> Self {
        Self::new(Kind::Internal, "the vault made a mistake; its log has this request's id")
    }

    pub(crate) fn unavailable() -> Self {
        Self { retry_after: Some(1), ..Self::new(Kind::Unavailable, "the vault cannot answer now") }
    }
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Twice => Self::conflict("there is one of this name already"),
            SqlError::Shape(_) => Self::internal(),
            SqlError::Conflict | SqlError::Failed(_) => Self::unavailable(),
        }
    }
}
