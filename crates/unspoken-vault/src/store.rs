//! Values in the database. Whoever reads or writes one shows a permit for its environment.

mod change;
mod read;
mod rollback;

pub(crate) use change::{Change, change};
pub(crate) use read::{keys, names, value, values, versions};
pub(crate) use rollback::{to_revision, to_version};
