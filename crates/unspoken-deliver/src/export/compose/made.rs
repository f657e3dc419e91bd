//! The record of which files in a folder are ours, and so may be replaced and
//! removed.
//!
//! Rules:
//! - A first line that says what it is, then a secret's name to a line, each
//!   ended by a line end, sorted, once. Anything else is no record of ours.

use std::collections::BTreeSet;

use thiserror::Error;
use unspoken_model::SecretName;

/// The names of the files that were made.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Made(pub(super) BTreeSet<SecretName>);

/// Why bytes are no [`Made`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum MadeError {
    #[error("it does not begin as a record of `unspoken export` does")]
    Header,
    #[error("its line {line} is no name, or is not in order")]
    Line { line: usize },
}

impl Made {
    const HEADER: &str = "unspoken compose 1";

    /// The most that is read.
    pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

    /// Reads a record, or says where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, MadeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| MadeError::Header)?;
        let rest = text.strip_prefix(Self::HEADER).and_then(|rest| rest.strip_prefix('\n'));
        let rest = rest.ok_or(MadeError::Header)?;
        let mut names = BTreeSet::new();
        for (at, line) in rest.split_inclusive('\n').enumerate() {
            let bad = MadeError::Line { line: at + 2 };
            let name = line.strip_suffix('\n').ok_or(bad)?;
            let name = SecretName::parse(name).map_err(|_| bad)?;
            if names.last().is_some_and(|last| *last >= name) {
                return Err(bad);
            }
            names.insert(name);
        }
        Ok(Self(names))
    }

    /// Prints the record.
    pub fn print(&self) -> String {
        let lines = self.0.iter().map(|name| format!("{name}\n"));
        std::iter::once(format!("{}\n", Self::HEADER)).chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_we_print_is_a_record() {
        #[track_caller]
        fn case(text: &str, expected: Result<usize, MadeError>) {
            let found = Made::parse(text.as_bytes());
            assert_eq!(found.map(|made| made.0.len()), expected, "{text:?}");
        }

        case("unspoken compose 1\n", Ok(0));
        case("unspoken compose 1\nA\nB\n", Ok(2));
        case("", Err(MadeError::Header));
        case("unspoken compose 1", Err(MadeError::Header));
        case("unspoken compose 2\n", Err(MadeError::Header));
        case("unspoken compose 1\nA", Err(MadeError::Line { line: 2 }));
        case("unspoken compose 1\nA\n../x\n", Err(MadeError::Line { line: 3 }));
        case("unspoken compose 1\nB\nA\n", Err(MadeError::Line { line: 3 }));
        case("unspoken compose 1\nA\nA\n", Err(MadeError::Line { line: 3 }));
        case("unspoken compose 1\n\n", Err(MadeError::Line { line: 2 }));
    }

    proptest! {
        #[test]
        fn what_is_read_is_printed_alike(rest in "([A-C]{0,3}\n){0,4}[A-C./]{0,2}") {
            let text = format!("{}\n{rest}", Made::HEADER);
            if let Ok(made) = Made::parse(text.as_bytes()) {
                prop_assert_eq!(made.print(), text);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Made::parse(&bytes);
        }
    }
}
