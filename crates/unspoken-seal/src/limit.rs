//! How large a document may be.

/// The largest document that is read or written, in bytes.
pub(crate) const BYTES: usize = 32 * 1024 * 1024;

/// The most values that a document holds.
pub(crate) const VALUES: usize = 10_000;
