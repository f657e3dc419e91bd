//! The small age file in which a data key, or a share of one, is wrapped.

use std::io::{Read as _, Write as _};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use zeroize::Zeroizing;

use crate::recipient::{Recipient, RecipientError};

/// A data key or its share is 32 or 33 bytes; what is longer is not one.
const WRAPPED_MAX: u8 = 64;

/// Writes one armoured age file for several recipients.
pub(crate) fn seal_for(recipients: &[Recipient], bytes: &[u8]) -> Result<String, RecipientError> {
    let keys: Vec<_> = recipients.iter().map(Recipient::to_age).collect();
    let keys = keys.iter().map(|key| &**key);
    let encryptor = age::Encryptor::with_recipients(keys).map_err(|_| RecipientError::Wrap)?;
    let write = || -> std::io::Result<Vec<u8>> {
        let armour = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armour)?;
        writer.write_all(bytes)?;
        writer.finish()?.finish()
    };
    let text = write().map_err(|_| RecipientError::Wrap)?;
    String::from_utf8(text).map_err(|_| RecipientError::Wrap)
}

/// Reads a file of any length with an identity that it may be for.
pub(crate) fn open_file(file: &str, identity: &dyn age::Identity) -> Option<Zeroizing<Vec<u8>>> {
    let reader = ArmoredReader::new(file.trim_start().as_bytes());
    let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(reader)).ok()?;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).ok()?;
    // Room for all of it, so that it never moves and leaves a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

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
