//! The hazardous materials of the server: the one file that names ciphers, hashes,
//! key derivation and randomness. It has one of each.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use aws_lc_rs::{constant_time, hmac, rand};
use unspoken_wire::passkey::PublicKey;
use zeroize::Zeroizing;

/// A key of 256 bits. Wiped on drop.
pub(crate) struct Key(Zeroizing<[u8; 32]>);

/// That something did not work, and never what: a wrong key, other data and changed
/// bytes look the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refused;

/// How many bytes a seal adds: salt, commitment, tag.
pub(crate) const OVERHEAD: usize = SALT + COMMITMENT + 16;

const SALT: usize = 32;
const COMMITMENT: usize = 32;

impl Key {
    pub(crate) fn random() -> Self {
        Self(Zeroizing::new(random()))
    }

    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Lends the bytes, to wrap them.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for one message, and what proves later that it was this key, both bound
    /// to a purpose.
    fn derive(&self, salt: &[u8], purpose: &[u8]) -> Result<Zeroizing<[u8; 64]>, Refused> {
        let mut derived = Zeroizing::new([0; 64]);
        Salt::new(HKDF_SHA512, salt)
            .extract(&*self.0)
            .expand(&[purpose], Length)
            .and_then(|expanded| expanded.fill(&mut *derived))
            .map_err(|_| Refused)?;
        Ok(derived)
    }

    /// Seals bytes under a key that is used this once.
    ///
    /// `purpose` is part of that key, `associated` is checked beside the text. The
    /// result is salt, commitment, ciphertext and tag.
    pub(crate) fn seal(
        &self,
        purpose: &[u8],
        associated: &[u8],
        text: &[u8],
    ) -> Result<Vec<u8>, Refused> {
        let salt = random::<SALT>();
        let derived = self.derive(&salt, purpose)?;
        let (key, commitment) = derived.split_at(32);
        let key = cipher(key)?;
        let mut sealed = Vec::with_capacity(text.len() + OVERHEAD);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(commitment);
        let begin = sealed.len();
        // The plain text never stands in what grows or stays.
        let mut inside = Zeroizing::new(Vec::with_capacity(text.len()));
        inside.extend_from_slice(text);
        let tag = key
            .seal_in_place_separate_tag(nonce(), Aad::from(associated), &mut inside)
            .map_err(|_| Refused)?;
        sealed.extend_from_slice(&inside);
        sealed.extend_from_slice(tag.as_ref());
        debug_assert_eq!(sealed.len(), begin + text.len() + 16);
        Ok(sealed)
    }

    /// Opens what [`Key::seal`] made with the same three.
    pub(crate) fn open(
        &self,
        purpose: &[u8],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        let (salt, rest) = sealed.split_at_checked(SALT).ok_or(Refused)?;
        let (found, text) = rest.split_at_checked(COMMITMENT).ok_or(Refused)?;
        let derived = self.derive(salt, purpose)?;
        let (key, commitment) = derived.split_at(32);
        constant_time::verify_slices_are_equal(found, commitment).map_err(|_| Refused)?;
        let mut inside = Zeroizing::new(text.to_vec());
        let length = cipher(key)?
            .open_in_place(nonce(), Aad::from(associated), &mut inside)
            .map_err(|_| Refused)?
            .len();
        inside.truncate(length);
        Ok(inside)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([REDACTED])")
    }
}

/// The length of what [`Key::derive`] derives.
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        64
    }
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, Refused> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Refused)
}

/// Each key seals one message, so the nonce need not differ.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Bytes from the operating system's generator. Where it fails, nothing can go on.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = rand::fill(&mut bytes);
    assert!(filled.is_ok(), "the system has no randomness");
    bytes
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// A hash that a certificate was signed with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

pub(crate) fn hash(by: Hash, bytes: &[u8]) -> Vec<u8> {
    let by = match by {
        Hash::Sha256 => &SHA256,
        Hash::Sha384 => &SHA384,
        Hash::Sha512 => &SHA512,
    };
    digest::digest(by, bytes).as_ref().to_vec()
}

/// Whether two texts are the same, without telling by time how nearly. Their lengths are no secret.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// What requests to AWS are signed by.
#[cfg(feature = "aws-kms")]
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut tag = Zeroizing::new([0; 32]);
    tag.iter_mut().zip(hmac::sign(&key, message).as_ref()).for_each(|(to, from)| *to = *from);
    tag
}

/// What codes of authenticators are made of: RFC 4226 names this hash, and so do all of them.
pub(crate) fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut tag = [0; 20];
    tag.iter_mut().zip(hmac::sign(&key, message).as_ref()).for_each(|(to, from)| *to = *from);
    tag
}

/// A pair of keys that signs heads of the record, made of a seed that is kept sealed.
pub(crate) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    pub(crate) fn new(seed: &Key) -> Result<Self, Refused> {
        Ed25519KeyPair::from_seed_unchecked(seed.expose()).map(Self).map_err(|_| Refused)
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([REDACTED])")
    }
}

/// Whether a signature was made over this by the holder of the key.
pub(crate) fn verifies(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// Whether a signature was made over this by the holder of a passkey, by its one algorithm.
pub(crate) fn is_signed_by(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    match key {
        PublicKey::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(message, signature)
            .is_ok(),
        PublicKey::EdDsa(public) => verifies(public, message, signature),
        PublicKey::Rs256 { modulus, exponent } => {
            let key = RsaPublicKeyComponents { n: modulus, e: exponent };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
    }
}

/// Whether a passkey's key can have signed anything: a point has to lie on its curve.
pub(crate) fn is_usable(key: &PublicKey) -> bool {
    match key {
        PublicKey::Es256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).is_ok(),
        PublicKey::EdDsa(public) => ParsedPublicKey::new(&ED25519, public).is_ok(),
        PublicKey::Rs256 { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_things_alone() {
        let key = Key::new(&[7; 32]).unwrap();
        let sealed = key.seal(b"purpose", b"place", b"plain").unwrap();
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(**key.open(b"purpose", b"place", &sealed).unwrap(), *b"plain");
        assert_eq!(key.open(b"other", b"place", &sealed), Err(Refused));
        assert_eq!(key.open(b"purpose", b"other", &sealed), Err(Refused));
        assert_eq!(Key::random().open(b"purpose", b"place", &sealed), Err(Refused));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"purpose", b"place", &changed), Err(Refused), "byte {at}");
            assert_eq!(key.open(b"purpose", b"place", &sealed[..at]), Err(Refused), "{at} bytes");
        }
        assert_ne!(key.seal(b"purpose", b"place", b"plain").unwrap(), sealed);
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key() {
        let pair = SigningKey::new(&Key::new(&[1; 32]).unwrap()).unwrap();
        let signature = pair.sign(b"message");
        assert!(verifies(&pair.public(), b"message", &signature));
        assert!(!verifies(&pair.public(), b"massage", &signature));
        let other = SigningKey::new(&Key::new(&[2; 32]).unwrap()).unwrap();
        assert!(!verifies(&other.public(), b"message", &signature));
    }
}
