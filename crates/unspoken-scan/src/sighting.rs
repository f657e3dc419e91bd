//! What was found, and how sure that is.

use std::ops::Range;

use crate::Kind;

/// How sure it is that a sighting is a credential.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verified {
    /// It has the form of one.
    Shape,
    /// It has the form, and its own checksum fits.
    Checksum,
}

/// A credential in a text: what it is and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sighting {
    pub kind: Kind,
    pub range: Range<usize>,
    pub verified: Verified,
}
