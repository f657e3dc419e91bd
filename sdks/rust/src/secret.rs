//! One value, and the ways out that it does not have.

use std::{fmt, hint::black_box, sync::Arc};

use serde_core::ser::{Error as _, Serialize, Serializer};
use zeroize::Zeroizing;

/// A value that must not be seen.
///
/// Copies share one text, which is wiped when the last of them is dropped. It prints as
/// `[REDACTED]`, in structures that derive `Debug`, too:
///
/// ```
/// # let secrets = unspoken_sdk::Secrets::for_testing([("STRIPE_KEY", "sk_test_1")]);
/// let key = secrets.get("STRIPE_KEY")?;
/// assert_eq!(format!("{key:?}"), "[REDACTED]");
/// # Ok::<(), unspoken_sdk::Error>(())
/// ```
///
/// There is no `Display`, so that it cannot slip into a text:
///
/// ```compile_fail,E0277
/// # let secrets = unspoken_sdk::Secrets::for_testing([("STRIPE_KEY", "sk_test_1")]);
/// let key = secrets.get("STRIPE_KEY").unwrap();
/// format!("Bearer {key}");
/// ```
///
/// There is no `==`, whose time tells how much of a guess is right; [`Secret::is_same`] compares:
///
/// ```compile_fail,E0369
/// # let secrets = unspoken_sdk::Secrets::for_testing([("STRIPE_KEY", "sk_test_1")]);
/// let key = secrets.get("STRIPE_KEY").unwrap();
/// key == secrets.get("STRIPE_KEY").unwrap();
/// ```
///
/// Serialising is an error at run time, so that a structure with a secret in it may derive
/// `Serialize` for its other uses. There is no `Deserialize`: a secret comes from the bundle.
///
/// ```compile_fail,E0277
/// serde_json::from_str::<unspoken_sdk::Secret>("\"sk_test_1\"");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    pub(crate) fn new(text: Zeroizing<String>) -> Self {
        Self(Arc::new(text))
    }

    /// Lends the plain text. Never log, store or format what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Says whether `other` is this text, in a time that depends on the lengths alone.
    pub fn is_same(&self, other: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), other.as_bytes());
        let differing = own.iter().zip(other).fold(0, |bits, (a, b)| black_box(bits | (a ^ b)));
        own.len() == other.len() && differing == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Refuses: what is serialised is on its way to a disk or a network.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a secret is not serialised; `expose` lends its text [REDACTED]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn is_same_compares_the_whole_text() {
        assert!(secret("canary").is_same("canary"));
        assert!(secret("").is_same(""));
        assert!(!secret("canary").is_same("canarz"));
        assert!(!secret("canary").is_same("canary-and-more"));
        assert!(!secret("canary").is_same("can"));
        assert!(!secret("canary").is_same(""));
    }

    #[test]
    fn every_format_is_redacted() {
        let secret = secret("canary-value");
        for text in [
            format!("{secret:?}"),
            format!("{secret:#?}"),
            format!("{secret:40?}"),
            format!("{secret:.3x?}"),
            format!("{:?}", Some(&secret)),
            serde_json::to_string(&secret).unwrap_err().to_string(),
            serde_json::to_value([&secret]).unwrap_err().to_string(),
        ] {
            assert!(text.contains("[REDACTED]"), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn copies_share_one_text() {
        let first = secret("canary");
        let second = first.clone();

        assert_eq!(first.expose().as_ptr(), second.expose().as_ptr());
    }
}
