//! What other tools encrypt with, and we never do: opened here so that values
//! can be taken over from them.

use std::fmt;

use hkdf::Hkdf;
use k256::PublicKey;
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::{Cipher, DataKey, TAG};

/// The nonce that comes before a text of Tako.
const TAKO_NONCE: usize = 12;

/// The nonce that comes before a text of dotenvx.
const ECIES_NONCE: usize = 16;

/// A point of the curve with both coordinates.
const POINT: usize = 65;

/// The key that PBKDF2-HMAC-SHA-256 makes of a passphrase.
pub(crate) fn stretch(passphrase: &[u8], salt: &[u8], rounds: u32) -> DataKey {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha256>(passphrase, salt, rounds, &mut *key);
    DataKey(key)
}

/// Opens nonce ‖ ciphertext ‖ tag. `None` when anything does not fit.
pub(crate) fn open_tako(key: &DataKey, blob: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = blob.split_at_checked(TAKO_NONCE)?;
    let (text, tag) = sealed.split_last_chunk::<TAG>()?;
    open(key, nonce, text, tag)
}

/// A private key on the curve secp256k1. Wiped on drop.
pub(crate) struct CurveKey(k256::SecretKey);

impl CurveKey {
    pub(crate) fn new(bytes: &[u8; 32]) -> Option<Self> {
        k256::SecretKey::from_slice(bytes).ok().map(Self)
    }

    /// The public half, compressed.
    pub(crate) fn public(&self) -> [u8; 33] {
        let point = self.0.public_key().to_encoded_point(true);
        point.as_bytes().try_into().unwrap_or([0; 33])
    }

    /// Opens an ECIES text: ephemeral public key ‖ nonce ‖ tag ‖ ciphertext.
    /// `None` when anything does not fit.
    pub(crate) fn open(&self, blob: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (ephemeral, sealed) = blob.split_at_checked(POINT)?;
        let (nonce, sealed) = sealed.split_at_checked(ECIES_NONCE)?;
        let (tag, text) = sealed.split_first_chunk::<TAG>()?;
        let point = PublicKey::from_sec1_bytes(ephemeral).ok()?;
        open(&self.agree(ephemeral, &point)?, nonce, text, tag)
    }

    /// The key that both halves of an exchange come to.
    fn agree(&self, ephemeral: &[u8], point: &PublicKey) -> Option<DataKey> {
        let mut shared = point.to_projective() * *self.0.to_nonzero_scalar();
        let mut encoded = shared.to_affine().to_encoded_point(false);
        let mut material = Zeroizing::new(Vec::with_capacity(2 * POINT));
        material.extend_from_slice(ephemeral);
        material.extend_from_slice(encoded.as_bytes());
        shared.zeroize();
        encoded.zeroize();
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, &material).expand(&[], &mut *key).ok()?;
        Some(DataKey(key))
    }
}

fn open(key: &DataKey, nonce: &[u8], text: &[u8], tag: &[u8; TAG]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(text.to_vec());
    Cipher::new(key).open(nonce, &[], &mut text, tag)?;
    Some(text)
}

impl fmt::Debug for CurveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurveKey([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// The example that Tako publishes.
    #[test]
    fn the_published_example_of_tako_opens() {
        let key = stretch(b"tako-example", b"tako-secrets-v1:b451c0de00000001", 600_000);
        let expected = STANDARD.decode("s/KWTyNdLaaZ5gbtGfVtv8CwwyGUVMAcdr9tqoXdPpM=").unwrap();
        assert!(key.expose().as_slice() == expected);
        let blob = "B4R5kiKJ/KbtGpzPP/5iwvjvN0e+OtpeCO8VVvjGoLtGfddP1Xda3AMvHALMpNZf";
        let blob = STANDARD.decode(blob).unwrap();
        assert!(open_tako(&key, &blob).unwrap().as_slice() == b"sk-example-key-12345");
        for at in 0..blob.len() {
            let mut flipped = blob.clone();
            flipped[at] ^= 1;
            assert!(open_tako(&key, &flipped).is_none(), "byte {at}");
            assert!(open_tako(&key, &blob[..at]).is_none(), "{at} bytes");
        }
    }

    /// Made by dotenvx 2.38.2.
    #[test]
    fn a_text_of_dotenvx_opens_with_its_key_alone() {
        let key = |last| CurveKey::new(&[[7; 31].as_slice(), &[last]].concat().try_into().unwrap());
        let key = |last| key(last).unwrap();
        let blob = STANDARD.decode(DOTENVX).unwrap();
        assert!(key(7).open(&blob).unwrap().as_slice() == b"world");
        assert!(key(8).open(&blob).is_none());
        for at in 0..blob.len() {
            let mut flipped = blob.clone();
            flipped[at] ^= 1;
            assert!(key(7).open(&flipped).is_none(), "byte {at}");
            assert!(key(7).open(&blob[..at]).is_none(), "{at} bytes");
        }
        assert!(CurveKey::new(&[0; 32]).is_none());
        assert!(CurveKey::new(&[0xff; 32]).is_none());
    }

    const DOTENVX: &str = "BD5RsRXAX5KJLe9A0011r77iWReo+CJPexdNUZj+L8d0xCQZ4pSfKQv4T7koXKI8c33ZpIV3LICgPJD7AnPo\
        k/E0mijv7ZeYVmUd84OFiAuvNObL8Tm6kCCmM8HU0zR7eDkLD4EH";
}
