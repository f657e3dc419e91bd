//! One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
//!
//! Stricter than sops where sops is loose: text after the closing bracket is
//! refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hazmat::{Cipher, NONCE, TAG};

/// What a plaintext stands for. It decides how the value reads back and
/// whether it counts for the MAC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Text,
    Int,
    Float,
    Bool,
    Time,
    Comment,
}

/// An opened value: its kind and the bytes that are encrypted and hashed.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) kind: Kind,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Why a text that should be an encrypted value does not open.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ValueError {
    #[error("it is not an encrypted value")]
    Form,
    #[error("it was changed, or moved here from another name")]
    Tampered,
    #[error("its type is not known")]
    Kind,
    #[error("it does not read as the type that it says")]
    Mistyped,
}

impl Kind {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Text, "str"),
        (Self::Int, "int"),
        (Self::Float, "float"),
        (Self::Bool, "bool"),
        (Self::Time, "time"),
        (Self::Comment, "comment"),
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|&(kind, _)| kind)
    }

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|&&(kind, _)| kind == self).map_or("str", |&(_, name)| name)
    }
}

impl Plain {
    pub(crate) fn new(kind: Kind, bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind, bytes: Zeroizing::new(bytes.into()) }
    }

    /// Whether two values are the same, without telling by time where they
    /// differ.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && bool::from(self.bytes.ct_eq(&other.bytes))
    }

    /// Brings the bytes into the one spelling that is hashed.
    fn normalise(self) -> Result<Self, ValueError> {
        if matches!(self.kind, Kind::Text | Kind::Comment | Kind::Time) {
            return Ok(self);
        }
        let text = std::str::from_utf8(&self.bytes).map_err(|_| ValueError::Mistyped)?;
        let spelled = match self.kind {
            Kind::Int => text.parse::<i64>().map_err(|_| ValueError::Mistyped)?.to_string(),
            Kind::Float => print_float(text.parse().map_err(|_| ValueError::Mistyped)?),
            _ => match text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => "True".to_owned(),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => "False".to_owned(),
                _ => return Err(ValueError::Mistyped),
            },
        };
        Ok(Self::new(self.kind, spelled))
    }

    /// The value as a program expects it in its environment.
    pub(crate) fn into_text(self) -> Zeroizing<Vec<u8>> {
        let spelled = match (self.kind, self.bytes.as_slice()) {
            (Kind::Bool, bytes) => bytes.to_ascii_lowercase(),
            (Kind::Float, bytes) if bytes.iter().all(|b| b.is_ascii_digit() || *b == b'-') => {
                [bytes, b".0"].concat()
            }
            _ => return self.bytes,
        };
        Zeroizing::new(spelled)
    }
}

/// The shortest decimal that reads back the same, never with an exponent.
pub(crate) fn print_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    value.to_string()
}

/// Whether a text claims to be an encrypted value.
pub(crate) fn is_sealed(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,")
}

/// Opens one encrypted value, bound to `associated`.
pub(crate) fn open(text: &str, cipher: &Cipher, associated: &[u8]) -> Result<Plain, ValueError> {
    let (fields, kind) = split(text).ok_or(ValueError::Form)?;
    let kind = Kind::parse(kind).ok_or(ValueError::Kind)?;
    let [data, iv, tag] = fields;
    let mut bytes = Zeroizing::new(STANDARD.decode(data).map_err(|_| ValueError::Form)?);
    let mut nonce = [0; 3 * NONCE];
    let length = STANDARD.decode_slice(iv, &mut nonce).map_err(|_| ValueError::Form)?;
    let nonce = nonce.get(..length).ok_or(ValueError::Form)?;
    let mut tag_bytes = [0; 2 * TAG];
    let length = STANDARD.decode_slice(tag, &mut tag_bytes).map_err(|_| ValueError::Form)?;
    let tag: &[u8; TAG] =
        tag_bytes.get(..length).and_then(|tag| tag.try_into().ok()).ok_or(ValueError::Form)?;
    cipher.open(nonce, associated, &mut bytes, tag).ok_or(ValueError::Tampered)?;
    Plain { kind, bytes }.normalise()
}

fn split(text: &str) -> Option<([&str; 3], &str)> {
    let rest = text.strip_prefix("ENC[AES256_GCM,data:")?.strip_suffix(']')?;
    let (data, rest) = split_at_comma(rest)?;
    let (iv, rest) = split_at_comma(rest.strip_prefix("iv:")?)?;
    let (tag, rest) = split_at_comma(rest.strip_prefix("tag:")?)?;
    Some(([data, iv, tag], rest.strip_prefix("type:")?))
}

/// Base64 has no comma, so the first one ends it.
fn split_at_comma(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memchr(b',', text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Encrypts one value under a nonce that was never used with this key.
pub(crate) fn seal(
    plain: &Plain,
    cipher: &Cipher,
    associated: &[u8],
    nonce: &[u8; NONCE],
) -> String {
    let mut data = plain.bytes.to_vec();
    let Some(tag) = cipher.seal(nonce, associated, &mut data) else {
        // GCM refuses from 64 GiB; a document is bounded far below.
        unreachable!("a value of 64 GiB")
    };
    let mut text = String::with_capacity(140 + data.len() / 3 * 4);
    text.push_str("ENC[AES256_GCM,data:");
    STANDARD.encode_string(&data, &mut text);
    text.push_str(",iv:");
    STANDARD.encode_string(nonce, &mut text);
    text.push_str(",tag:");
    STANDARD.encode_string(tag, &mut text);
    text.push_str(",type:");
    text.push_str(plain.kind.as_str());
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazmat::DataKey;
    use proptest::prelude::*;

    fn cipher() -> Cipher {
        let bytes: Vec<u8> = (0..32).collect();
        Cipher::new(&DataKey::new(&bytes).unwrap())
    }

    const API_KEY: &str = "ENC[AES256_GCM,data:vbw1LVxa1Ivbufc=,iv:D5JQE/lbUTUfOnyOGqSvnOe7bL8t/i8XJBRk00sz3IY=,tag:u67ycq6O97iB9+g1IuGs1w==,type:str]";

    #[test]
    fn a_value_that_sops_wrote_opens_under_its_own_name_alone() {
        let plain = open(API_KEY, &cipher(), b"API_KEY:").unwrap();
        assert_eq!((plain.kind, plain.bytes.as_slice()), (Kind::Text, &b"sk-test-123"[..]));
        assert_eq!(open(API_KEY, &cipher(), b"OTHER:").unwrap_err(), ValueError::Tampered);
    }

    #[test]
    fn a_changed_value_is_refused_with_its_reason() {
        #[track_caller]
        fn case(from: &str, to: &str, expected: ValueError) {
            let text = API_KEY.replacen(from, to, 1);
            assert_ne!(text, API_KEY);
            assert_eq!(open(&text, &cipher(), b"API_KEY:").unwrap_err(), expected, "{text}");
        }

        case("data:vbw1", "data:vbw2", ValueError::Tampered);
        case("iv:D5", "iv:D6", ValueError::Tampered);
        case("tag:u6", "tag:u7", ValueError::Tampered);
        case("data:vbw1", "data:vbw", ValueError::Form);
        case("1w==", "1x==", ValueError::Form);
        case("type:str]", "type:str]x", ValueError::Form);
        case("ENC[", " ENC[", ValueError::Form);
        case("ENC[", "", ValueError::Form);
        case("type:str", "type:text", ValueError::Kind);
        case("type:str", "type:int", ValueError::Mistyped);
        case("type:str", "type:bool", ValueError::Mistyped);
        case("type:str", "type:bytes", ValueError::Kind);
    }

    #[test]
    fn floats_are_spelled_as_sops_spells_them() {
        for (value, text) in [
            (1e21, "1000000000000000000000"),
            (1.0, "1"),
            (1e-9, "0.000000001"),
            (1.5, "1.5"),
            (-0.0, "-0"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(print_float(value), text);
        }
    }

    #[test]
    fn programs_get_booleans_and_floats_in_their_usual_spelling() {
        for (kind, bytes, text) in [
            (Kind::Bool, "True", "true"),
            (Kind::Float, "1", "1.0"),
            (Kind::Float, "1.5", "1.5"),
            (Kind::Int, "-42", "-42"),
            (Kind::Text, "True", "True"),
        ] {
            assert_eq!(Plain::new(kind, bytes).into_text().as_slice(), text.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_open_as_they_were_sealed(bytes: Vec<u8>, name: String, nonce: [u8; 32]) {
            let text = seal(&Plain::new(Kind::Text, bytes.clone()), &cipher(), name.as_bytes(), &nonce);
            let plain = open(&text, &cipher(), name.as_bytes()).unwrap();
            prop_assert_eq!(plain.bytes.as_slice(), &bytes);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), cut in 0..API_KEY.len()) {
            prop_assert!(open(&text, &cipher(), b"").is_err());
            let mut mixed = API_KEY.get(..cut).unwrap().to_owned();
            mixed.push_str(&text);
            drop(open(&mixed, &cipher(), b"API_KEY:"));
        }
    }
}
