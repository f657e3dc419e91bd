//! The small age file in which a data key, or a share of one, is wrapped.

use std::io::Read as _;

use age::armor::ArmoredReader;
use zeroize::Zeroizing;

/// A data key or its share is 32 or 33 bytes; what is longer is not one.
const WRAPPED_MAX: u8 = 64;

/// Reads the file with an identity that it may be for.
pub(crate) fn open(enc: &str, identity: &dyn age::Identity) -> Option<Zeroizing<Vec<u8>>> {
    // sops takes leading blank lines, the armour reader does not.
    let mut file = Vec::with_capacity(enc.len());
    ArmoredReader::new(enc.trim_start().as_bytes()).read_to_end(&mut file).ok()?;
    let decryptor = age::Decryptor::new_buffered(file.as_slice()).ok()?;
    let reader = decryptor.decrypt(std::iter::once(identity)).ok()?;
    let mut key = Zeroizing::new(Vec::with_capacity(WRAPPED_MAX.into()));
    reader.take(WRAPPED_MAX.into()).read_to_end(&mut key).ok()?;
    Some(key)
}
