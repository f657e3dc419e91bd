//! The hybrid key encapsulation of `age1pq1…`, ML-KEM-768 beside X25519, and
//! the HPKE message under it.
//!
//! Rules:
//! - A public key has one spelling: the lattice part is encoded canonically, the
//!   curve part is no point that gives everybody the same secret.
//! - A share whose X25519 result is all zero is refused, as in the age program.
//! - Lattice decapsulation never fails by itself: a share for another key gives
//!   another secret, under which the message does not open.

use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::{Hkdf, HkdfExtract};
use ml_kem::kem::{Decapsulate as _, Encapsulate as _};
use ml_kem::{Ciphertext, Encoded, EncodedSizeUser as _, KemCore, MlKem768};
use rand_core::OsRng;
use sha2::Sha256;
use sha3::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use sha3::{Digest as _, Sha3_256, Shake256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize as _, Zeroizing};

use super::random;

type Lattice = <MlKem768 as KemCore>::EncapsulationKey;
type LatticeSecret = <MlKem768 as KemCore>::DecapsulationKey;

const LATTICE: usize = 1184;
const LATTICE_SHARE: usize = 1088;
const CURVE: usize = 32;

/// What stands at the end of the combined hash, so that it is of no other use.
const LABEL: &[u8; 6] = br"\.//^\";

/// `HPKE`, then the numbers of the encapsulation, the KDF and the AEAD.
const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x03";

/// A message for the holder of a key: the share, and the sealed text.
pub(crate) struct HybridMessage {
    pub(crate) share: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

/// A public key, in its encoding.
#[derive(Clone)]
pub(crate) struct HybridPublic(Box<[u8; Self::LENGTH]>);

/// A private key: the seed from which both halves are made. Wiped on drop.
pub(crate) struct HybridSecret(Zeroizing<[u8; 32]>);

impl HybridPublic {
    const LENGTH: usize = LATTICE + CURVE;

    /// Takes a key that is encoded as it must be.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().ok()?;
        let key = Self(Box::new(*bytes));
        let (lattice, curve) = key.parts()?;
        let canonical = lattice.as_bytes().as_slice() == &bytes[..LATTICE];
        (canonical && is_contributory(curve.as_bytes())).then_some(key)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn parts(&self) -> Option<(Lattice, PublicKey)> {
        let (lattice, curve) = self.0.split_at(LATTICE);
        let lattice = <&Encoded<Lattice>>::try_from(lattice).ok()?;
        let curve: [u8; CURVE] = curve.try_into().ok()?;
        Some((Lattice::from_bytes(lattice), PublicKey::from(curve)))
    }

    /// Seals a short text for the holder of the key.
    pub(crate) fn seal(&self, purpose: &[u8], text: &[u8]) -> Option<HybridMessage> {
        let (lattice, curve) = self.parts()?;
        let (lattice_share, secret) = lattice.encapsulate(&mut OsRng).ok()?;
        let lattice_secret = Zeroizing::new(secret.0);
        let own = StaticSecret::from(random::<CURVE>());
        let own_share = PublicKey::from(&own);
        let curve_secret = own.diffie_hellman(&curve);
        if !curve_secret.was_contributory() {
            return None;
        }
        let secret =
            combine(&lattice_secret, curve_secret.as_bytes(), own_share.as_bytes(), &curve);
        let mut share = lattice_share.0.to_vec();
        share.extend_from_slice(own_share.as_bytes());
        let (cipher, nonce) = schedule(&secret, purpose)?;
        Some(HybridMessage { share, sealed: cipher.encrypt(&nonce, text).ok()? })
    }
}

impl HybridSecret {
    pub(crate) fn random() -> Self {
        Self(Zeroizing::new(random()))
    }

    pub(crate) fn new(seed: &[u8]) -> Option<Self> {
        seed.try_into().ok().map(|seed| Self(Zeroizing::new(seed)))
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn public(&self) -> HybridPublic {
        let (lattice, curve) = self.expand();
        let mut bytes = Box::new([0; HybridPublic::LENGTH]);
        let (first, second) = bytes.split_at_mut(LATTICE);
        first.copy_from_slice(lattice.encapsulation_key().as_bytes().as_slice());
        second.copy_from_slice(PublicKey::from(&curve).as_bytes());
        HybridPublic(bytes)
    }

    /// Whether these bytes can be a share at all.
    pub(crate) fn is_share(bytes: &[u8]) -> bool {
        bytes.len() == LATTICE_SHARE + CURVE
    }

    /// The secret that a share was made with: `None` for one that no honest
    /// sender makes.
    pub(crate) fn receive(&self, share: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let (lattice_share, curve_share) = share.split_at_checked(LATTICE_SHARE)?;
        let curve_share: [u8; CURVE] = curve_share.try_into().ok()?;
        let lattice_share = <&Ciphertext<MlKem768>>::try_from(lattice_share).ok()?;
        let (lattice, curve) = self.expand();
        let lattice_secret = Zeroizing::new(lattice.decapsulate(lattice_share).ok()?.0);
        let curve_secret = curve.diffie_hellman(&PublicKey::from(curve_share));
        let own = PublicKey::from(&curve);
        curve_secret
            .was_contributory()
            .then(|| combine(&lattice_secret, curve_secret.as_bytes(), &curve_share, &own))
    }

    fn expand(&self) -> (LatticeSecret, StaticSecret) {
        let mut bytes = Zeroizing::new([0; 96]);
        Shake256::default().chain(*self.0).finalize_xof().read(&mut *bytes);
        let part = |at: usize| {
            let mut part = Zeroizing::new([0; 32]);
            part.copy_from_slice(&bytes[at..at + 32]);
            part
        };
        let (mut d, mut z) = ((*part(0)).into(), (*part(32)).into());
        let (lattice, _) = MlKem768::generate_deterministic(&d, &z);
        d.as_mut_slice().zeroize();
        z.as_mut_slice().zeroize();
        (lattice, StaticSecret::from(*part(64)))
    }
}

/// Opens a message under the secret of its share.
pub(crate) fn open(
    secret: &Zeroizing<[u8; 32]>,
    purpose: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (cipher, nonce) = schedule(secret, purpose)?;
    cipher.decrypt(&nonce, sealed).ok().map(Zeroizing::new)
}

/// Whether secrets that are agreed on with this X25519 key depend on both sides.
pub(crate) fn is_contributory(key: &[u8; 32]) -> bool {
    StaticSecret::from([9; 32]).diffie_hellman(&PublicKey::from(*key)).was_contributory()
}

fn combine(
    lattice: &[u8; 32],
    curve: &[u8; 32],
    share: &[u8; 32],
    key: &PublicKey,
) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha3_256::new();
    for part in [lattice, curve, share, key.as_bytes(), LABEL.as_slice()] {
        sha3::Digest::update(&mut hash, part);
    }
    Zeroizing::new(hash.finalize().into())
}

/// The key schedule of HPKE in base mode, as far as the first message needs it.
fn schedule(secret: &Zeroizing<[u8; 32]>, purpose: &[u8]) -> Option<(ChaCha20Poly1305, Nonce)> {
    let mut context = vec![0];
    context.extend_from_slice(&extract(&[], b"psk_id_hash", &[]).0);
    context.extend_from_slice(&extract(&[], b"info_hash", purpose).0);
    let (_, expander) = extract(secret.as_slice(), b"secret", &[]);
    let mut key = Zeroizing::new([0; 32]);
    expand(&expander, b"key", &context, &mut *key)?;
    let mut nonce = [0; 12];
    expand(&expander, b"base_nonce", &context, &mut nonce)?;
    Some((ChaCha20Poly1305::new(Key::from_slice(&*key)), Nonce::from(nonce)))
}

fn extract(salt: &[u8], label: &[u8], input: &[u8]) -> ([u8; 32], Hkdf<Sha256>) {
    let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
    for part in [b"HPKE-v1", SUITE, label, input] {
        extract.input_ikm(part);
    }
    let (key, expander) = extract.finalize();
    (key.into(), expander)
}

fn expand(from: &Hkdf<Sha256>, label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    from.expand_multi_info(&[&length, b"HPKE-v1", SUITE, label, context], out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_secret_and_the_purpose_alone() {
        let secret = HybridSecret::random();
        let message = secret.public().seal(b"purpose", b"text").unwrap();
        let opens = |secret: &HybridSecret, purpose: &[u8]| {
            let shared = secret.receive(&message.share).unwrap();
            open(&shared, purpose, &message.sealed).map(|text| text.to_vec())
        };
        assert_eq!(opens(&secret, b"purpose").unwrap(), b"text");
        assert_eq!(opens(&secret, b"other"), None);
        assert_eq!(opens(&HybridSecret::random(), b"purpose"), None);
        assert!(secret.receive(&message.share[1..]).is_none());
    }

    #[test]
    fn a_key_in_another_spelling_is_none() {
        let bytes = HybridSecret::random().public().as_bytes().to_vec();
        assert!(HybridPublic::new(&bytes).is_some());
        assert!(HybridPublic::new(&bytes[1..]).is_none());
        // 4095 is no element of the field: twelve bits, all set.
        let mut over = bytes.clone();
        over[..2].copy_from_slice(&[0xff, 0xff]);
        assert!(HybridPublic::new(&over).is_none());
        let mut zero = bytes;
        zero[LATTICE..].fill(0);
        assert!(HybridPublic::new(&zero).is_none());
    }
}
