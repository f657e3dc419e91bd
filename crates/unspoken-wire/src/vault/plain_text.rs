//! A value in a body, on its way to being sealed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unspoken_seal::{Secret, SecretError};
use zeroize::Zeroizing;

/// A text that is wiped on drop. As with [`Secret`], what could show it by chance is not
/// there; it is written into a body by whoever sends it, and nowhere else.
#[derive(Default)]
pub struct PlainText(Zeroizing<String>);

impl PlainText {
    pub fn new(secret: &Secret) -> Self {
        Self(Zeroizing::new(secret.expose().to_owned()))
    }

    /// Lends the text. Never log, store or format what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A value, if it can be one.
    pub fn secret(&self) -> Result<Secret, SecretError> {
        Secret::new(self.0.as_bytes().to_vec())
    }
}

impl From<Zeroizing<String>> for PlainText {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl<'de> Deserialize<'de> for PlainText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = PlainText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PlainText, E> {
                Ok(PlainText(Zeroizing::new(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<PlainText, E> {
                Ok(PlainText(Zeroizing::new(text)))
            }
        }

        deserializer.deserialize_str(Reader)
    }
}

impl Serialize for PlainText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl schemars::JsonSchema for PlainText {
    fn schema_name() -> Cow<'static, str> {
        "PlainText".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "password", "maxLength": Secret::MAX })
    }
}

impl fmt::Debug for PlainText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainText([REDACTED])")
    }
}
