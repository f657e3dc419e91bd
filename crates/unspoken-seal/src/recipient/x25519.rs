//! `age1…`: X25519.

use std::io::Write as _;

use age::armor::{ArmoredWriter, Format};

use super::RecipientError;
use crate::hazmat::DataKey;

pub(super) fn wrap(
    recipient: &age::x25519::Recipient,
    key: &DataKey,
) -> Result<String, RecipientError> {
    let recipients = std::iter::once(recipient as &dyn age::Recipient);
    let encryptor =
        age::Encryptor::with_recipients(recipients).map_err(|_| RecipientError::Wrap)?;
    let write = || -> std::io::Result<Vec<u8>> {
        let armour = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armour)?;
        writer.write_all(key.expose())?;
        writer.finish()?.finish()
    };
    let text = write().map_err(|_| RecipientError::Wrap)?;
    String::from_utf8(text).map_err(|_| RecipientError::Wrap)
}
