//! Texts under a passphrase: age files of the scrypt kind.
//!
//! The work factors are fixed. Left to itself, the age crate times the machine,
//! so a slow one would write weak files and refuse those of others.

use std::io::{self, Read as _};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, scrypt};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::wrapped;

/// The work that a file of ours costs, as a power of two: a second or so.
const WORK: u8 = 18;

/// The most that is spent on a file of others: 4 GiB of memory, half a minute.
const WORK_MAX: u8 = 22;

/// Why nothing was sealed or opened with a passphrase.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PassphraseError {
    #[error("the passphrase is empty")]
    Empty,
    #[error("the text is not sealed with a passphrase")]
    Form,
    #[error("the passphrase does not fit")]
    Passphrase,
    #[error("opening it would take 2^{required} rounds, and at most 2^{max} are spent", max = WORK_MAX)]
    Work { required: u8 },
    #[error("the sealed text was damaged or changed")]
    Damaged,
    #[error("the text could not be sealed")]
    Seal,
}

/// Seals bytes with a passphrase: an armoured age file, which the program age
/// opens as well.
pub fn seal_with_passphrase(bytes: &[u8], passphrase: &str) -> Result<String, PassphraseError> {
    if passphrase.is_empty() {
        return Err(PassphraseError::Empty);
    }
    let mut recipient = scrypt::Recipient::new(secret(passphrase));
    recipient.set_work_factor(WORK);
    wrapped::seal(&recipient, bytes).map_err(|_| PassphraseError::Seal)
}

/// Opens what was sealed with a passphrase, here or by the program age, with or
/// without armour.
pub fn open_with_passphrase(
    sealed: &[u8],
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
    let file = decryptor(sealed).ok_or(PassphraseError::Form)?;
    if passphrase.is_empty() {
        return Err(PassphraseError::Empty);
    }
    let mut identity = scrypt::Identity::new(secret(passphrase));
    identity.set_max_work_factor(WORK_MAX);
    let identities = std::iter::once(&identity as &dyn age::Identity);
    let mut reader = file.decrypt(identities).map_err(|error| match error {
        DecryptError::ExcessiveWork { required, .. } => PassphraseError::Work { required },
        DecryptError::DecryptionFailed => PassphraseError::Passphrase,
        _ => PassphraseError::Damaged,
    })?;
    // Room for all of it, so that it never moves and leaves a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut bytes).map_err(|_| PassphraseError::Damaged)?;
    Ok(bytes)
}

/// Whether bytes are an age file that a passphrase opens.
pub fn is_passphrase_sealed(bytes: &[u8]) -> bool {
    decryptor(bytes).is_some()
}

/// How age files begin, as they are and in armour.
const STARTS: [&[u8]; 2] = [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"];

/// Reads the header. `None` when this is no such file.
fn decryptor(sealed: &[u8]) -> Option<Decryptor<impl io::BufRead>> {
    // Others take leading blank lines, the armour reader does not.
    let sealed = sealed.trim_ascii_start();
    // Readers keep buffers that they do not wipe: what is a private key goes into none.
    if !STARTS.iter().any(|start| sealed.starts_with(start)) {
        return None;
    }
    let reader = io::BufReader::new(ArmoredReader::new(sealed));
    Decryptor::new_buffered(reader).ok().filter(Decryptor::is_scrypt)
}

fn secret(passphrase: &str) -> SecretString {
    SecretString::from(passphrase.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_passphrase_alone() {
        let sealed = seal_with_passphrase(b"plain", "correct horse").unwrap();
        assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(is_passphrase_sealed(sealed.as_bytes()));
        let open = |passphrase| open_with_passphrase(sealed.as_bytes(), passphrase);
        assert_eq!(open("correct horse").unwrap().as_slice(), b"plain");
        assert_eq!(open("correct horsf").unwrap_err(), PassphraseError::Passphrase);
        assert_eq!(open("").unwrap_err(), PassphraseError::Empty);
        assert_eq!(seal_with_passphrase(b"x", "").unwrap_err(), PassphraseError::Empty);
    }

    #[test]
    fn the_work_is_fixed_and_bounded() {
        let sealed = seal_with_passphrase(b"plain", "p").unwrap();
        let mut header = Vec::new();
        ArmoredReader::new(sealed.as_bytes()).read_to_end(&mut header).unwrap();
        let text = String::from_utf8_lossy(&header).into_owned();
        let stanza = text.lines().nth(1).unwrap();
        assert!(stanza.starts_with("-> scrypt ") && stanza.ends_with(" 18"), "{stanza}");

        let at = stanza.len() + text.lines().next().unwrap().len() - 1;
        assert_eq!(&header[at..at + 2], b"18");
        header[at..at + 2].copy_from_slice(b"23");
        let error = open_with_passphrase(&header, "p").unwrap_err();
        assert_eq!(error, PassphraseError::Work { required: 23 });
    }

    #[test]
    fn what_is_no_such_file_is_told_from_a_damaged_one() {
        for other in
            [b"".as_slice(), b"AGE-SECRET-KEY-1", b"age-encryption.org/v1\n-> X25519 a\nb\n--- c\n"]
        {
            assert!(!is_passphrase_sealed(other));
            assert_eq!(open_with_passphrase(other, "p").unwrap_err(), PassphraseError::Form);
        }
        let sealed = seal_with_passphrase(b"plain", "p").unwrap();
        let mut file = Vec::new();
        ArmoredReader::new(sealed.as_bytes()).read_to_end(&mut file).unwrap();
        *file.last_mut().unwrap() ^= 1;
        assert_eq!(open_with_passphrase(&file, "p").unwrap_err(), PassphraseError::Damaged);
    }
}
