//! What an authenticator says: for whom, how it knew its person, how often it was used, and the key
//! that it made.

use super::PasskeyError;
use super::cbor::Reader;
use super::public_key::PublicKey;

/// See the top.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthenticatorData<'b> {
    /// The SHA-256 of the host that it is for.
    pub party: [u8; 32],
    /// Whether somebody was there.
    pub is_present: bool,
    /// Whether it was the right person: a PIN, a finger, a face.
    pub is_verified: bool,
    /// Whether the key may be kept in more than one place, and whether it is.
    pub may_be_copied: bool,
    pub is_copied: bool,
    /// How often it was used; 0 where that is not counted.
    pub counter: u32,
    /// There when it was made.
    pub credential: Option<NewCredential<'b>>,
}

/// A credential that was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewCredential<'b> {
    pub id: &'b [u8],
    pub key: PublicKey,
    /// The key, as it was written.
    pub written: &'b [u8],
}

/// How many bytes the id of a credential has.
const ID: std::ops::RangeInclusive<usize> = 16..=1023;

/// What an extension may hold within.
const DEPTH: u8 = 4;

impl<'b> AuthenticatorData<'b> {
    pub const MAX_BYTES: usize = 8192;

    pub fn parse(bytes: &'b [u8]) -> Result<Self, PasskeyError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(PasskeyError::Size);
        }
        let cut = |_| PasskeyError::AuthenticatorData;
        let mut reader = Reader::new(bytes);
        let party = reader.take(32).map_err(cut)?.try_into();
        let party: [u8; 32] = party.map_err(|_| PasskeyError::AuthenticatorData)?;
        let [flags] = fixed(&mut reader)?;
        let counter = u32::from_be_bytes(fixed(&mut reader)?);
        let has = |bit: u8| flags >> bit & 1 == 1;
        let (may_be_copied, is_copied) = (has(3), has(4));
        if is_copied && !may_be_copied {
            return Err(PasskeyError::AuthenticatorData);
        }
        let credential = has(6).then(|| NewCredential::read(&mut reader)).transpose()?;
        if has(7) {
            // Browsers ask for some by themselves. None of them changes what is decided.
            let entries = reader.map()?;
            for _ in 0..entries {
                reader.text()?;
                reader.skip(DEPTH)?;
            }
        }
        reader.end().map_err(cut)?;
        let (is_present, is_verified) = (has(0), has(2));
        Ok(Self { party, is_present, is_verified, may_be_copied, is_copied, counter, credential })
    }
}

impl<'b> NewCredential<'b> {
    fn read(reader: &mut Reader<'b>) -> Result<Self, PasskeyError> {
        // The make of the authenticator, which `none` says nothing of.
        fixed::<16>(reader)?;
        let length = usize::from(u16::from_be_bytes(fixed(reader)?));
        if !ID.contains(&length) {
            return Err(PasskeyError::AuthenticatorData);
        }
        let id = reader.take(length).map_err(|_| PasskeyError::AuthenticatorData)?;
        let mut ahead = reader.clone();
        let key = PublicKey::read(&mut ahead)?;
        let written = reader.take(reader.left() - ahead.left())?;
        Ok(Self { id, key, written })
    }
}

fn fixed<const N: usize>(reader: &mut Reader<'_>) -> Result<[u8; N], PasskeyError> {
    let taken = reader.take(N).map_err(|_| PasskeyError::AuthenticatorData)?;
    taken.try_into().map_err(|_| PasskeyError::AuthenticatorData)
}
