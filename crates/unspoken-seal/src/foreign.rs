//! What other tools keep secrets in, for `import`.
//!
//! Rules:
//! - A file is taken over whole or not at all, and all that is wrong with it is
//!   told at once.
//! - What stands in a file and is not taken over, or was not encrypted there,
//!   is a [`Note`].
//! - Errors and notes hold names, and never a value.

pub mod doppler;
pub mod dotenvx;
mod entry;
mod format;
pub mod infisical;
pub mod json;
mod names;
mod plain_tree;
mod sops;
pub mod tako;
#[cfg(test)]
mod tests;

pub use entry::{Entry, ForeignError, Imported, Note};
pub use format::Format;
pub use names::{Names, Rename, RenameError};
