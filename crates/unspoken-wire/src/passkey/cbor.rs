//! As much of CBOR as authenticators write: definite lengths, the shortest numbers, few entries, little depth.

use super::PasskeyError;

/// Reads one item after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'b> {
    rest: &'b [u8],
}

/// How many entries a list or a map has.
const ENTRIES: usize = 32;

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes have not been read.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'b [u8], PasskeyError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(PasskeyError::Cbor)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The kind of the next item and its number, which was written as shortly as can be.
    fn head(&mut self) -> Result<(u8, u64), PasskeyError> {
        let first = self.take(1)?.first().copied().ok_or(PasskeyError::Cbor)?;
        let (kind, short) = (first >> 5, first & 31);
        let width = match short {
            0..=23 => return Ok((kind, u64::from(short))),
            24..=27 => 1 << (short - 24),
            _ => return Err(PasskeyError::Cbor),
        };
        let bytes = self.take(width)?.iter();
        let number = bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let least = match width {
            1 => 24,
            2 => 1 << 8,
            4 => 1 << 16,
            _ => 1 << 32,
        };
        if number < least { Err(PasskeyError::Cbor) } else { Ok((kind, number)) }
    }

    fn of_kind(&mut self, wanted: u8) -> Result<usize, PasskeyError> {
        let (kind, number) = self.head()?;
        if kind != wanted {
            return Err(PasskeyError::Cbor);
        }
        usize::try_from(number).map_err(|_| PasskeyError::Cbor)
    }

    pub(super) fn integer(&mut self) -> Result<i64, PasskeyError> {
        let (kind, number) = self.head()?;
        let number = i64::try_from(number).map_err(|_| PasskeyError::Cbor)?;
        match kind {
            0 => Ok(number),
            1 => Ok(-1 - number),
            _ => Err(PasskeyError::Cbor),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'b [u8], PasskeyError> {
        let length = self.of_kind(2)?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'b str, PasskeyError> {
        let length = self.of_kind(3)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| PasskeyError::Cbor)
    }

    /// How many entries follow.
    pub(super) fn map(&mut self) -> Result<usize, PasskeyError> {
        bounded(self.of_kind(5)?)
    }

    /// Passes over one item that holds no others deeper than this.
    pub(super) fn skip(&mut self, depth: u8) -> Result<(), PasskeyError> {
        let (kind, number) = self.head()?;
        let number = usize::try_from(number).map_err(|_| PasskeyError::Cbor)?;
        match kind {
            0 | 1 => Ok(()),
            2 => self.take(number).map(drop),
            3 => std::str::from_utf8(self.take(number)?).map(drop).map_err(|_| PasskeyError::Cbor),
            4 | 5 => {
                let within = depth.checked_sub(1).ok_or(PasskeyError::Cbor)?;
                let items = bounded(number)? * usize::from(kind - 3);
                (0..items).try_for_each(|_| self.skip(within))
            }
            // No, yes, nothing. Neither tags nor fractions.
            7 if (20..=22).contains(&number) => Ok(()),
            _ => Err(PasskeyError::Cbor),
        }
    }

    pub(super) fn end(&self) -> Result<(), PasskeyError> {
        if self.rest.is_empty() { Ok(()) } else { Err(PasskeyError::Cbor) }
    }
}

fn bounded(entries: usize) -> Result<usize, PasskeyError> {
    if entries <= ENTRIES { Ok(entries) } else { Err(PasskeyError::Cbor) }
}
