//! The hazardous materials: the one file that names the AEAD, KDF, signature
//! and RNG crates. Its part `foreign` has what other tools encrypt with.
//!
//! Everything above works with the types of this file, which leave no choice
//! open: one cipher, one hash per purpose, one signature, one source of
//! randomness. The hybrid key encapsulation, long by itself, is in a file below.

pub(crate) mod hybrid;

pub(crate) mod foreign;

use std::fmt;

use aes::Aes256;
use aes_gcm::aead::consts::{U16, U32};
use aes_gcm::aead::{AeadInPlace as _, generic_array::GenericArray};
use aes_gcm::{Aes256Gcm, AesGcm, KeyInit as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;
use unspoken_model::SealKey;
use zeroize::Zeroizing;

/// How many bytes of nonce the sops format uses (not the usual 12).
pub(crate) const NONCE: usize = 32;

/// How many bytes the tag of a ciphertext has.
pub(crate) const TAG: usize = 16;

/// The key that one document's values are encrypted with. Wiped on drop.
pub(crate) struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    pub(crate) fn random() -> Self {
        Self(Zeroizing::new(random()))
    }

    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second holder of the same key, for a document that was opened with it.
    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey([REDACTED])")
    }
}

/// Bytes from the operating system's generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// The same, of a length that is chosen at run time, wiped on drop.
pub(crate) fn random_bytes(count: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// AES-256-GCM under one data key, with the key schedule made once.
pub(crate) struct Cipher {
    gcm: AesGcm<Aes256, U32>,
    aes: Aes256,
}

impl Cipher {
    pub(crate) fn new(key: &DataKey) -> Self {
        let aes = Aes256::new(GenericArray::from_slice(key.expose()));
        Self { gcm: AesGcm::from(aes.clone()), aes }
    }

    /// Encrypts in place and returns the tag.
    ///
    /// `None` only for a text longer than GCM allows, which no caller has.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; TAG]> {
        let nonce = GenericArray::from_slice(nonce);
        self.gcm.encrypt_in_place_detached(nonce, associated, text).ok().map(Into::into)
    }

    /// Decrypts in place. `None` when anything does not fit: key, nonce,
    /// associated data, text or tag. The buffer is then to be thrown away.
    ///
    /// The nonce's length comes from the file; 12, 16 and 32 bytes are known.
    pub(crate) fn open(
        &self,
        nonce: &[u8],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> Option<()> {
        let tag = GenericArray::from_slice(tag);
        match nonce.len() {
            NONCE => {
                let nonce = GenericArray::from_slice(nonce);
                self.gcm.decrypt_in_place_detached(nonce, associated, text, tag)
            }
            16 => AesGcm::<Aes256, U16>::from(self.aes.clone()).decrypt_in_place_detached(
                GenericArray::from_slice(nonce),
                associated,
                text,
                tag,
            ),
            12 => Aes256Gcm::from(self.aes.clone()).decrypt_in_place_detached(
                GenericArray::from_slice(nonce),
                associated,
                text,
                tag,
            ),
            _ => return None,
        }
        .ok()
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher([REDACTED])")
    }
}

/// The key pair that seals a document, derived from its data key: who can open
/// the document can sign it.
pub(crate) struct SealPair(SigningKey);

impl SealPair {
    pub(crate) fn derive(key: &DataKey) -> Self {
        Self(SigningKey::from_bytes(&derive(key, b"unspoken/document-seal/v1")))
    }

    pub(crate) fn public(&self) -> SealKey {
        SealKey::new(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SealPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealPair([REDACTED])")
    }
}

/// Whether a signature over `message` was made by the holder of `key`.
pub(crate) fn verifies(key: &SealKey, message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key.as_bytes())
        .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
        .is_ok()
}

/// Whether an Ed25519 point is one of the few that have no secret behind them,
/// or no point at all.
pub(crate) fn is_weak(point: &[u8]) -> bool {
    let key = point.try_into().ok().and_then(|point| VerifyingKey::from_bytes(point).ok());
    key.is_none_or(|key| key.is_weak())
}

/// SHA-512, fed in pieces: the sops MAC.
pub(crate) struct Sha512Stream(Sha512);

impl Sha512Stream {
    pub(crate) fn new() -> Self {
        Self(Sha512::new())
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}

/// HMAC-SHA-256, which is what the first step of HKDF is.
pub(crate) fn hmac_sha256(key: &DataKey, message: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(key.expose()), message).0.into()
}

/// Another key of a key, for one purpose. HKDF-SHA-256.
pub(crate) fn derive(key: &DataKey, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(None, key.expose()).expand(purpose, &mut *derived);
    // HKDF-SHA-256 gives up to 8,160 bytes; 32 cannot be refused.
    debug_assert!(expanded.is_ok());
    derived
}

/// Whether bytes are the same, without telling by time where they differ.
pub(crate) fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.ct_eq(other).into()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_things_alone() {
        let cipher = Cipher::new(&DataKey::new(&[7; 32]).unwrap());
        let mut text = b"plain".to_vec();
        let tag = cipher.seal(&[1; NONCE], b"A:", &mut text).unwrap();
        assert_ne!(text, b"plain");

        let opens = |nonce: &[u8], associated: &[u8], tag: &[u8; TAG]| {
            let mut copy = text.clone();
            cipher.open(nonce, associated, &mut copy, tag).map(|()| copy)
        };
        assert_eq!(opens(&[1; NONCE], b"A:", &tag).unwrap(), b"plain");
        assert_eq!(opens(&[2; NONCE], b"A:", &tag), None);
        assert_eq!(opens(&[1; NONCE], b"B:", &tag), None);
        assert_eq!(opens(&[1; NONCE], b"A:", &[0; TAG]), None);
        assert_eq!(opens(&[1; 31], b"A:", &tag), None);
    }

    /// RFC 8032 has no vector for this derivation, so it is pinned here: a
    /// change of it would lock every existing document.
    #[test]
    fn the_seal_key_of_a_data_key_never_changes() {
        let bytes: Vec<u8> = (0..32).collect();
        let pair = SealPair::derive(&DataKey::new(&bytes).unwrap());
        assert_eq!(pair.public().to_string(), "dP/CugO8Czk3Nzf5x7REmpZxPJvMPNtfiurduxgnfcY=");
        let signature = pair.sign(b"message");
        assert!(verifies(&pair.public(), b"message", &signature));
        assert!(!verifies(&pair.public(), b"massage", &signature));
    }
}
