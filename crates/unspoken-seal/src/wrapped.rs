//! The age files that recipients open: small ones, in which a data key or a
//! share of one is wrapped, and those in which a value waits.

use std::io::{self, Read as _, Write as _};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, EncryptError};
use zeroize::Zeroizing;

/// A data key or its share is 32 or 33 bytes; what is longer is not one.
const WRAPPED_MAX: u8 = 64;

/// For how many recipients a file may be.
const STANZAS_MAX: usize = 300;

/// Writes an armoured age file for one recipient.
pub(crate) fn seal(recipient: &dyn age::Recipient, bytes: &[u8]) -> Result<String, EncryptError> {
    seal_for(std::iter::once(recipient), bytes)
}

/// Writes one armoured age file for several recipients.
pub(crate) fn seal_for<'r>(
    recipients: impl Iterator<Item = &'r dyn age::Recipient>,
    bytes: &[u8],
) -> Result<String, EncryptError> {
    let encryptor = age::Encryptor::with_recipients(recipients)?;
    let armour = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armour)?;
    writer.write_all(bytes)?;
    let text = writer.finish()?.finish()?;
    String::from_utf8(text).map_err(|error| EncryptError::Io(io::Error::other(error)))
}

/// Reads a wrapped key with an identity that it may be for.
pub(crate) fn open(
    enc: &str,
    identity: &dyn age::Identity,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    // sops takes leading blank lines, the armour reader does not.
    let mut file = Vec::with_capacity(enc.len());
    ArmoredReader::new(enc.trim_start().as_bytes()).read_to_end(&mut file)?;
    let decryptor = age::Decryptor::new_buffered(file.as_slice())?;
    let reader = decryptor.decrypt(std::iter::once(identity))?;
    let mut key = Zeroizing::new(Vec::with_capacity(WRAPPED_MAX.into()));
    reader.take(WRAPPED_MAX.into()).read_to_end(&mut key)?;
    Ok(key)
}

/// Reads a file of any length.
pub(crate) fn open_file(
    file: &str,
    identity: &dyn age::Identity,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut sealed = Vec::with_capacity(file.len());
    ArmoredReader::new(file.trim_start().as_bytes()).read_to_end(&mut sealed)?;
    // Each stanza costs a try with each identity.
    let header = sealed.windows(5).take_while(|next| *next != b"\n--- ");
    if header.filter(|next| next.starts_with(b"\n-> ")).count() > STANZAS_MAX {
        return Err(DecryptError::InvalidHeader);
    }
    let decryptor = age::Decryptor::new_buffered(sealed.as_slice())?;
    let mut reader = decryptor.decrypt(std::iter::once(identity))?;
    // Room for all of it, so that it never moves and leaves a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut bytes)?;
    Ok(bytes)
}
