//! Passwords: argon2id, never more than a few at a time.
//!
//! Rules:
//! - A password is tried in a thread that may take long, and never in the lane.
//! - Who is not known, or has no password, costs as much as who has one.
//! - Each try takes 19 MiB, so that only two are under way. The others wait, and a try whose
//!   request went away counts until it ends.

use std::fmt;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::hazmat;
use crate::places::Places;
use crate::problem::Problem;

/// What is kept of a password: algorithm, parameters, salt and hash.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct StoredPassword(String);

/// The places in which passwords are tried.
#[derive(Debug)]
pub(crate) struct Passwords(Places);

/// How many are tried at a time.
const PLACES: usize = 2;

/// What no password fits: 32 random bytes stood in place of the hash.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3RhbmQtaW4tbm9ib2R5$\
     Zs1sQ0mkNn5tQ0bJxXcV7hUuU0gq3gW6m8d2bKq5v1E";

impl StoredPassword {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self(Places::new(PLACES))
    }
}

impl Passwords {
    /// How many characters a password has.
    pub(crate) const LENGTH: std::ops::RangeInclusive<usize> = 12..=1024;

    /// Whether a text can be a password.
    pub(crate) fn allows(text: &str) -> bool {
        Self::LENGTH.contains(&text.chars().count())
    }

    /// Does something that takes as much memory and time as one password.
    pub(crate) async fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.0.run(work).await
    }
}

/// Whether this is the password of which that was kept.
pub(crate) fn fits(password: &str, stored: Option<&StoredPassword>) -> bool {
    let text = stored.map_or(NOBODYS, StoredPassword::as_str);
    let read = PasswordHash::new(text).or_else(|_| PasswordHash::new(NOBODYS));
    let fits = read.is_ok_and(|hash| scheme().verify_password(password.as_bytes(), &hash).is_ok());
    fits && stored.is_some()
}

/// What is kept of a password. `None` when there is not enough memory.
pub(crate) fn store(password: &Zeroizing<String>) -> Option<StoredPassword> {
    let salt = SaltString::encode_b64(&hazmat::random::<16>()).ok()?;
    let hash = scheme().hash_password(password.as_bytes(), &salt).ok()?;
    Some(StoredPassword(hash.to_string()))
}

fn scheme() -> Argon2<'static> {
    // What OWASP asks for at least: 19 MiB, two passes.
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPassword([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_what_was_kept_of_it_alone() {
        let password = Zeroizing::new("correct horse battery".to_owned());
        let stored = store(&password).unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(fits(&password, Some(&stored)));
        assert!(!fits("correct horse batterz", Some(&stored)));
        assert!(!fits(&password, None));
        assert!(!fits("", Some(&StoredPassword::new("nonsense".into()))));
        assert_ne!(store(&password), Some(stored.clone()));
        assert_eq!(format!("{stored:?}"), "StoredPassword([REDACTED])");
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let hash = PasswordHash::new(NOBODYS).unwrap();
        assert_eq!(hash.algorithm, argon2::ARGON2ID_IDENT);
        let (own, params) = (Params::try_from(&hash).unwrap(), Params::DEFAULT);
        assert_eq!(
            (own.m_cost(), own.t_cost(), own.p_cost()),
            (params.m_cost(), params.t_cost(), params.p_cost())
        );
        assert_eq!(
            (hash.hash.unwrap().len(), params.m_cost(), params.t_cost()),
            (32, 19 * 1024, 2)
        );
    }
}
