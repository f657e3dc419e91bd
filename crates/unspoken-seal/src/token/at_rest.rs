//! What a machine keeps of a vault's answers, sealed so that the token it was fetched with
//! opens it and nothing else does.
//!
//! Who has no token can neither read what is kept nor make it: when a token is forgotten, what it
//! fetched is lost with it. Each time a key of its own is used, derived from the token
//! and a salt.

use zeroize::Zeroizing;

use super::TokenAuth;
use crate::hazmat::{self, Cipher, DataKey, NONCE, TAG};

/// How what is kept begins. The number is the format's.
const START: &[u8] = b"unspoken/at-rest/v1\n";

const PURPOSE: &[u8] = b"unspoken/at-rest/v1/key/";

impl TokenAuth {
    /// Seals bytes for the machine's own disk. What they are is `about`; it is not kept, and has
    /// to be said again to open them.
    pub fn seal_at_rest(&self, about: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let salt: [u8; NONCE] = hazmat::random();
        let mut text = Zeroizing::new(bytes.to_vec());
        let tag = self.cipher(&salt)?.seal(&salt, about, &mut text)?;
        let mut sealed = Vec::with_capacity(START.len() + NONCE + TAG + text.len());
        for part in [START, &salt, &tag, &text] {
            sealed.extend_from_slice(part);
        }
        Some(sealed)
    }

    /// Opens what was sealed by this token, as what it was sealed. `None` for everything else.
    pub fn open_at_rest(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let rest = sealed.strip_prefix(START)?;
        let (salt, rest) = rest.split_at_checked(NONCE)?;
        let (tag, text) = rest.split_at_checked(TAG)?;
        let mut text = Zeroizing::new(text.to_vec());
        let tag: &[u8; TAG] = tag.try_into().ok()?;
        self.cipher(salt)?.open(salt, about, &mut text, tag)?;
        Some(text)
    }

    fn cipher(&self, salt: &[u8]) -> Option<Cipher> {
        let key = DataKey::new(&*self.auth)?;
        let purpose = [PURPOSE, salt].concat();
        Some(Cipher::new(&DataKey::new(&*hazmat::derive(&key, &purpose))?))
    }
}

#[cfg(test)]
mod tests {
    use crate::{PlainToken, TokenKind};

    #[test]
    fn what_a_token_sealed_it_opens_alone_and_whole() {
        let (one, other) =
            (PlainToken::random(TokenKind::Cli).auth(), PlainToken::random(TokenKind::Cli).auth());
        let sealed = one.seal_at_rest(b"place", b"canary").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"canary"));
        assert_eq!(one.open_at_rest(b"place", &sealed).unwrap().as_slice(), b"canary");
        assert_ne!(one.seal_at_rest(b"place", b"canary").unwrap(), sealed);
        assert!(one.open_at_rest(b"other place", &sealed).is_none());
        assert!(other.open_at_rest(b"place", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(one.open_at_rest(b"place", &changed).is_none(), "byte {at}");
            assert!(one.open_at_rest(b"place", &sealed[..at]).is_none(), "{at} bytes");
        }
        let empty = one.seal_at_rest(b"", b"").unwrap();
        assert_eq!(one.open_at_rest(b"", &empty).unwrap().as_slice(), b"");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_opened_or_refused(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let token = PlainToken::random(TokenKind::Agent).auth();
            let start = [b"unspoken/at-rest/v1\n".as_slice(), &bytes].concat();
            assert!(token.open_at_rest(b"", &bytes).is_none());
            assert!(token.open_at_rest(b"", &start).is_none());
        }
    }
}
