//! Tokens: what a machine, an agent or a person's session shows to a vault.
//!
//! A token is printed as `unsp_agent_`, its id, `_`, its secret half and six characters
//! of checksum. The kind in front lets scanners know it; the checksum lets everybody
//! tell a typing error from a token that is not there.
//!
//! What is sent is never the secret half: it is [`TokenAuth`], which is derived from it, so that
//! another key can be derived from the same secret that no server ever sees.

mod at_rest;

use std::fmt;

use thiserror::Error;
use unspoken_model::{BASE62, TokenId};
use zeroize::Zeroizing;

use crate::hazmat::{self, DataKey};

/// What a token is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TokenKind {
    /// A machine or an agent: reads, and nothing else.
    Agent,
    /// A person's session at a command line.
    Cli,
    /// An invitation: gives one person their first session, once.
    Admin,
}

/// A token as it is shown, once. Wiped on drop.
///
/// As with [`Secret`](crate::Secret), what could show it by chance is not there.
pub struct PlainToken {
    kind: TokenKind,
    id: TokenId,
    secret: Zeroizing<[u8; 32]>,
}

/// What proves a token to a vault, derived from its secret half. Wiped on drop.
///
/// It opens what the token opens, and is kept and sent as carefully.
pub struct TokenAuth {
    id: TokenId,
    auth: Zeroizing<[u8; 32]>,
}

/// What a vault keeps of a token. It opens nothing.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct HashedToken([u8; 32]);

/// Why a text is no token. Says nothing of what it holds.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TokenError {
    #[error(
        "this is no token of a vault: those begin with `unsp_agent_`, `unsp_cli_` or `unsp_admin_`"
    )]
    Kind,
    #[error("the token is not whole: {found} characters stand behind its kind, not {expected}")]
    Length { found: usize, expected: usize },
    #[error("the token was changed on its way: its checksum does not fit")]
    Checksum,
}

/// How many digits hold 32 bytes, and 4.
const LONG: usize = 43;
const SHORT: usize = 6;

/// How many digits an id has.
const ID: usize = 12;

/// What is sent begins with it.
const SENT: &str = "unspa_";

impl TokenKind {
    pub const ALL: [Self; 3] = [Self::Agent, Self::Cli, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Cli => "cli",
            Self::Admin => "admin",
        }
    }

    /// How a token of this kind begins.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Agent => "unsp_agent_",
            Self::Cli => "unsp_cli_",
            Self::Admin => "unsp_admin_",
        }
    }
}

impl PlainToken {
    pub fn random(kind: TokenKind) -> Self {
        let id = TokenId::new(hazmat::random());
        Self { kind, id, secret: Zeroizing::new(hazmat::random()) }
    }

    /// Reads a token, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let (kind, rest) = TokenKind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))
            .ok_or(TokenError::Kind)?;
        let (id, secret) = read(text, rest)?;
        Ok(Self { kind, id, secret })
    }

    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    pub fn id(&self) -> TokenId {
        self.id
    }

    /// Prints the token. Whoever has this text has the token.
    pub fn expose(&self) -> Zeroizing<String> {
        print(self.kind.prefix(), &self.id, &self.secret)
    }

    /// What is sent in its place.
    pub fn auth(&self) -> TokenAuth {
        let key = DataKey::new(&*self.secret);
        let derived = key.map(|key| hazmat::derive(&key, b"unspoken/token/v1/auth"));
        TokenAuth { id: self.id, auth: derived.unwrap_or_default() }
    }
}

impl TokenAuth {
    /// Reads what was sent: this, or a whole token, by programs that know no better.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let Some(rest) = text.strip_prefix(SENT) else {
            return PlainToken::parse(text).map(|token| token.auth());
        };
        let (id, auth) = read(text, rest)?;
        Ok(Self { id, auth })
    }

    pub fn id(&self) -> TokenId {
        self.id
    }

    /// A second holder of the same, for a request that is begun anew.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { id: self.id, auth: self.auth.clone() }
    }

    /// Prints what is sent.
    pub fn expose(&self) -> Zeroizing<String> {
        print(SENT, &self.id, &self.auth)
    }

    pub fn hash(&self) -> HashedToken {
        HashedToken(hazmat::sha256(&*self.auth))
    }

    /// Whether this is the token that a hash was kept of, without telling by time how
    /// nearly.
    pub fn fits(&self, hash: &HashedToken) -> bool {
        hazmat::is_same(&self.hash().0, &hash.0)
    }
}

impl HashedToken {
    pub fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn read(whole: &str, rest: &str) -> Result<(TokenId, Zeroizing<[u8; 32]>), TokenError> {
    let expected = ID + 1 + LONG + 1 + SHORT;
    let parts = (rest.len() == expected)
        .then(|| (rest.get(..ID), rest.get(ID + 1..ID + 1 + LONG), rest.get(expected - SHORT..)));
    let Some((Some(id), Some(secret), Some(sum))) = parts else {
        return Err(TokenError::Length { found: rest.chars().count(), expected });
    };
    let summed = whole.len() - SHORT;
    let found = number::<4>(sum).ok_or(TokenError::Checksum)?;
    let expected_sum = crc32(whole.as_bytes().get(..summed).unwrap_or_default());
    if *found != expected_sum.to_be_bytes() {
        return Err(TokenError::Checksum);
    }
    let id = TokenId::from_digits(id).map_err(|_| TokenError::Checksum)?;
    let separators = [ID, ID + 1 + LONG].map(|at| rest.as_bytes().get(at) == Some(&b'_'));
    match (separators, number::<32>(secret)) {
        ([true, true], Some(secret)) => Ok((id, secret)),
        _ => Err(TokenError::Checksum),
    }
}

fn print(prefix: &str, id: &TokenId, secret: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + ID + LONG + SHORT + 2));
    text.push_str(prefix);
    text.push_str(id.digits());
    text.push('_');
    push_digits(&mut text, secret, LONG);
    text.push('_');
    let sum = crc32(text.as_bytes());
    push_digits(&mut text, &sum.to_be_bytes(), SHORT);
    text
}

/// Adds bytes as one number of so many digits. How long it takes does not depend on
/// the bytes; which cells of the table of digits are read does.
fn push_digits(text: &mut String, bytes: &[u8], count: usize) {
    let mut rest = Zeroizing::new(bytes.to_vec());
    let mut digits = Zeroizing::new(vec![0_u8; count]);
    for digit in digits.iter_mut().rev() {
        let mut carry = 0_u32;
        for byte in rest.iter_mut() {
            let number = carry << 8 | u32::from(*byte);
            *byte = u8::try_from(number / 62).unwrap_or(0);
            carry = number % 62;
        }
        *digit = BASE62.get(carry as usize).copied().unwrap_or(b'0');
    }
    text.extend(digits.iter().map(|digit| char::from(*digit)));
}

/// Reads digits as one number of `N` bytes; `None` when it is none, or too large.
fn number<const N: usize>(digits: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0_u8; N]);
    for digit in digits.bytes() {
        let mut carry = BASE62.iter().position(|known| *known == digit)?;
        for byte in bytes.iter_mut().rev() {
            let number = usize::from(*byte) * 62 + carry;
            *byte = u8::try_from(number & 0xff).unwrap_or(0);
            carry = number >> 8;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(bytes)
}

/// The checksum of zip and gzip. Tokens are short: no table is worth it.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1))
        })
    })
}

macro_rules! shows_its_id {
    ($type:ident) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({}, [REDACTED])"), self.id)
            }
        }
    };
}

shows_its_id!(PlainToken);
shows_its_id!(TokenAuth);

impl fmt::Debug for HashedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedToken([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(kind: TokenKind) -> PlainToken {
        let id = TokenId::from_digits("0aB3456789xy").unwrap();
        PlainToken { kind, id, secret: Zeroizing::new([0xff; 32]) }
    }

    #[test]
    fn a_token_has_one_spelling_for_ever() {
        // The vector of docs/formats/token.md, which another language has made.
        let mut vector = token(TokenKind::Agent);
        vector.secret.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number);
        assert_eq!(
            *vector.expose(),
            "unsp_agent_0aB3456789xy_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf_0tV1SQ"
        );
        assert_eq!(
            *vector.auth().expose(),
            "unspa_0aB3456789xy_drGa7Q9tWMnNdHVrWoijHFX22Lk7kuDoK9XkH8XLBZ2_3PUHOe"
        );
        let hash = vector.auth().hash();
        let hash: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "13250aebdf8afbf3b5605e48448e3d398d6f3f863f268b26e51622404397db25");
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        for kind in TokenKind::ALL {
            let token = PlainToken::random(kind);
            let read = PlainToken::parse(&token.expose()).unwrap();
            assert_eq!((read.kind(), read.id()), (kind, token.id()));
            assert_eq!(*read.secret, *token.secret);
        }
    }

    #[test]
    fn every_typing_error_is_told_and_no_part_of_a_token_is_repeated() {
        let text = token(TokenKind::Cli).expose();
        for at in "unsp_cli_".len()..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let error = PlainToken::parse(std::str::from_utf8(&bytes).unwrap()).unwrap_err();
            assert_eq!(error, TokenError::Checksum, "byte {at}");
        }
        let cut = PlainToken::parse(text.strip_suffix(|_: char| true).unwrap()).unwrap_err();
        assert_eq!(cut, TokenError::Length { found: 62, expected: 63 });
        assert_eq!(PlainToken::parse("hvs.abc").unwrap_err(), TokenError::Kind);
        assert_eq!(PlainToken::parse("").unwrap_err(), TokenError::Kind);
        assert!(PlainToken::parse(&format!("unsp_cli_{}", "ü".repeat(32))).is_err());
    }

    #[test]
    fn what_is_sent_proves_the_token_and_is_not_its_secret() {
        let (one, other) =
            (PlainToken::random(TokenKind::Agent), PlainToken::random(TokenKind::Agent));
        let sent = one.auth().expose();
        let received = TokenAuth::parse(&sent).unwrap();
        assert_eq!(received.id(), one.id());
        assert!(received.fits(&one.auth().hash()));
        assert!(!received.fits(&other.auth().hash()));
        assert_ne!(*received.auth, *one.secret);
        assert!(PlainToken::parse(&sent).is_err());
        // A whole token is understood as well.
        assert!(TokenAuth::parse(&one.expose()).unwrap().fits(&received.hash()));
        let shown = format!("{one:?} {received:?} {:?}", received.hash());
        assert!(!shown.contains(one.expose().get(24..60).unwrap()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,90}") {
            let _ = PlainToken::parse(&text);
            let _ = TokenAuth::parse(&text);
        }

        #[test]
        fn all_secrets_are_printed_and_read(secret in proptest::array::uniform32(0_u8..)) {
            let mut token = token(TokenKind::Admin);
            token.secret = Zeroizing::new(secret);
            assert_eq!(*PlainToken::parse(&token.expose()).unwrap().secret, secret);
        }
    }
}
