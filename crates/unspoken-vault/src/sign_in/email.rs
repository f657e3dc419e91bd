//! E-mail addresses: by which people are known.

use std::fmt;

use thiserror::Error;

/// An address in one spelling: no space, one `@`, small letters.
///
/// It is visible ASCII alone, so that no two look alike.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Email(String);

/// Why a text is no [`Email`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an e-mail address looks like `name@example.com`, in at most {max} plain characters", max = Email::MAX)]
pub(crate) struct EmailError;

impl Email {
    pub(crate) const MAX: usize = 254;

    pub(crate) fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let parts = text
            .split_once('@')
            .filter(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        match parts {
            Some(_) if is_plain && text.len() <= Self::MAX => Ok(Self(text.to_ascii_lowercase())),
            _ => Err(EmailError),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub(crate) fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[test]
fn an_address_has_one_spelling() {
    #[track_caller]
    fn case(text: &str, expected: Result<&str, EmailError>) {
        assert_eq!(
            Email::parse(text).as_ref().map(Email::as_str).map_err(|e| *e),
            expected,
            "{text:?}"
        );
    }

    case(" Ada@Example.COM ", Ok("ada@example.com"));
    case("owner@localhost", Ok("owner@localhost"));
    let long = format!("{}@a", "a".repeat(253));
    for wrong in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "a@b\0", "\u{430}da@b", &long] {
        case(wrong, Err(EmailError));
    }
}

#[cfg(test)]
proptest::proptest! {
    #[test]
    fn any_text_is_an_address_or_none(text in ".{0,40}") {
        if let Ok(email) = Email::parse(&text) {
            proptest::prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
        }
    }
}
