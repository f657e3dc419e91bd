//! Stubs: what a key file says when its private key is in the keychain.

use std::fmt;

use thiserror::Error;

use crate::{KeyId, Place};

/// The name of one entry in the operating system's keychain.
///
/// The key's id says which key it is. The tag tells apart the key folders of
/// one user: each has an entry of its own, so that taking a key back into one
/// folder does not take it from another.
///
/// It stands in a key file as the one line that is no comment, so whoever reads
/// that file knows where the key is, and asks the keychain for no other one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyStub {
    pub key: KeyId,
    pub tag: u32,
}

/// What is wrong with a stub, and in which line.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KeyStubError {
    #[error("line {line} names no entry of the keychain")]
    Entry { line: usize },
    #[error("line {line} stands beside a keychain line, where only comments may")]
    Beside { line: usize },
}

impl KeyStub {
    const START: &'static [u8] = b"keychain:";
    const OURS: &'static str = " unspoken/";

    /// Reads the text of a key file: `None` when no line speaks of the
    /// keychain, so that it is for others to read. Nothing of it is copied.
    pub fn find(text: &[u8]) -> Result<Option<Self>, KeyStubError> {
        let is_stub = |line: &[u8]| line.starts_with(Self::START);
        let mut lines = text.split(|&byte| byte == b'\n').zip(1..);
        let Some((entry, at)) = lines.clone().find(|(line, _)| is_stub(line)) else {
            return Ok(None);
        };
        let is_comment = |line: &[u8]| line.is_empty() || line.starts_with(b"#");
        if let Some((_, line)) = lines.find(|(line, n)| *n != at && !is_comment(line)) {
            return Err(KeyStubError::Beside { line });
        }
        let entry = entry.strip_prefix(Self::START).and_then(|rest| std::str::from_utf8(rest).ok());
        match entry.and_then(|text| text.strip_prefix(Self::OURS)).and_then(Self::parse) {
            Some(stub) => Ok(Some(stub)),
            None => Err(KeyStubError::Entry { line: at }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (key, tag) = text.split_once('-')?;
        let stub = Self { key: KeyId::parse(key).ok()?, tag: u32::from_str_radix(tag, 16).ok()? };
        // One spelling: no sign, no capitals, no zeros left out.
        (stub.to_string() == text).then_some(stub)
    }

    /// The text of the file that stands in the key's place.
    pub fn print(&self, place: Option<&Place>, public: &[&str]) -> String {
        let mut text = String::from("# The private key is in the keychain of this user.\n");
        if let Some(place) = place {
            text.push_str(&format!("# environment: {place}\n"));
        }
        for key in public {
            text.push_str(&format!("# public key: {key}\n"));
        }
        text + "keychain:" + Self::OURS + &self.to_string() + "\n"
    }
}

/// What the entry is called in the keychain.
impl fmt::Display for KeyStub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.key, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{EnvironmentName, ProjectName};

    fn stub() -> KeyStub {
        KeyStub { key: KeyId::parse("0123456789abcdef").unwrap(), tag: 0x1f }
    }

    #[test]
    fn a_stub_is_read_as_it_was_printed() {
        let place = Place {
            project: ProjectName::parse("acme").unwrap(),
            environment: EnvironmentName::parse("production").unwrap(),
        };
        let text = stub().print(Some(&place), &["age1one", "age1two"]);
        assert_eq!(
            text,
            "# The private key is in the keychain of this user.\n# environment: acme/production\n\
             # public key: age1one\n# public key: age1two\n\
             keychain: unspoken/0123456789abcdef-0000001f\n"
        );
        assert_eq!(KeyStub::find(text.as_bytes()), Ok(Some(stub())));
        assert_eq!(KeyStub::find(stub().print(None, &[]).as_bytes()), Ok(Some(stub())));
    }

    #[test]
    fn only_a_file_with_one_keychain_line_and_comments_is_a_stub() {
        #[track_caller]
        fn case(text: &[u8], expected: &Result<Option<KeyStub>, KeyStubError>) {
            assert_eq!(&KeyStub::find(text), expected);
        }

        const LINE: &str = "keychain: unspoken/0123456789abcdef-0000001f";
        let entry = |line| Err(KeyStubError::Entry { line });
        let beside = |line| Err(KeyStubError::Beside { line });
        case(b"", &Ok(None));
        case(b"# keychain: unspoken\nAGE-SECRET-KEY-1CANARY\n", &Ok(None));
        case(b" keychain: unspoken", &Ok(None));
        case(LINE.as_bytes(), &Ok(Some(stub())));
        case(format!("\n{LINE}\n# after\n\n").as_bytes(), &Ok(Some(stub())));
        case(format!("{LINE}\nAGE-SECRET-KEY-1CANARY\n").as_bytes(), &beside(2));
        case(format!("AGE-SECRET-KEY-1CANARY\n{LINE}\n").as_bytes(), &beside(1));
        case(format!("{LINE}\n{LINE}\n").as_bytes(), &beside(2));
        case(b"keychain:", &entry(1));
        case(b"# a\nkeychain: \xff", &entry(2));
        for wrong in ["0000001F", "1f", "+000001f", "0000001f ", "0000001f\r", "00000001f"] {
            let text = format!("keychain: unspoken/0123456789abcdef-{wrong}");
            case(text.as_bytes(), &entry(1));
        }
        case(b"keychain: other/0123456789abcdef-0000001f", &entry(1));
        case(b"keychain: unspoken/0123456789ABCDEF-0000001f", &entry(1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_stub_or_not(bytes: Vec<u8>, line in "keychain: unspoken/.{0,40}") {
            let _ = KeyStub::find(&bytes);
            if let Ok(Some(stub)) = KeyStub::find(line.as_bytes()) {
                prop_assert_eq!(format!("keychain: unspoken/{stub}"), line);
            }
        }
    }
}
