//! A passkey's public key, as COSE writes it: RFC 9053.

use super::PasskeyError;
use super::cbor::Reader;

/// A key of one of three kinds, each with its one algorithm.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PublicKey {
    /// ECDSA with SHA-256: a point of P-256, uncompressed. Whether it lies on the curve has not been
    /// looked at.
    Es256([u8; 65]),
    /// Ed25519.
    EdDsa([u8; 32]),
    /// RSA of 2,048 to 4,096 bits, PKCS#1 1.5 with SHA-256.
    Rs256 { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl PublicKey {
    /// The algorithms by COSE's numbers, as they are asked for: the best first.
    pub const ALGORITHMS: [i64; 3] = [-8, -7, -257];

    /// Reads a key, and nothing behind it.
    pub fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let mut reader = Reader::new(bytes);
        let key = Self::read(&mut reader)?;
        reader.end()?;
        Ok(key)
    }

    /// Reads the entries that a key of its kind has, in the one order that `WebAuthn` allows.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, PasskeyError> {
        let entries = reader.map()?;
        let kind = labelled(reader, 1, Reader::integer)?;
        let algorithm = labelled(reader, 3, Reader::integer)?;
        match (kind, algorithm, entries) {
            (2, -7, 5) => {
                expect(labelled(reader, -1, Reader::integer)? == 1)?;
                let x = labelled(reader, -2, Reader::bytes)?;
                let y = labelled(reader, -3, Reader::bytes)?;
                expect(x.len() == 32 && y.len() == 32)?;
                let point = [&[4], x, y].concat();
                point.try_into().map(Self::Es256).map_err(|_| PasskeyError::Key)
            }
            (1, -8, 4) => {
                expect(labelled(reader, -1, Reader::integer)? == 6)?;
                let key = labelled(reader, -2, Reader::bytes)?;
                key.try_into().map(Self::EdDsa).map_err(|_| PasskeyError::Key)
            }
            (3, -257, 4) => {
                let modulus = labelled(reader, -1, Reader::bytes)?;
                let exponent = labelled(reader, -2, Reader::bytes)?;
                // Each number in its shortest form; the exponent is the one that all use.
                let is_full = modulus.first().is_some_and(|byte| *byte >= 0x80);
                expect((256..=512).contains(&modulus.len()) && is_full)?;
                expect(exponent == [1, 0, 1])?;
                Ok(Self::Rs256 { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
            }
            _ => Err(PasskeyError::Key),
        }
    }
}

/// The value of the next entry, whose label must be this one.
fn labelled<'b, T>(
    reader: &mut Reader<'b>,
    label: i64,
    read: fn(&mut Reader<'b>) -> Result<T, PasskeyError>,
) -> Result<T, PasskeyError> {
    if reader.integer()? != label {
        return Err(PasskeyError::Key);
    }
    read(reader)
}

fn expect(holds: bool) -> Result<(), PasskeyError> {
    if holds { Ok(()) } else { Err(PasskeyError::Key) }
}
