//! The secrets that `unspoken run --fd` hands to this program, in memory only.
//!
//! ```no_run
//! fn main() -> Result<(), unspoken_sdk::Error> {
//!     unspoken_sdk::load()?; // first, before there are threads and children
//!     let url = unspoken_sdk::get("DATABASE_URL")?;
//!     connect(url.expose());
//!     Ok(())
//! }
//! # fn connect(_: &str) {}
//! ```
//!
//! Start the program with `unspoken run --fd -- my-program`. Its secrets come through a pipe
//! that is read once; nothing stands in its environment, in its arguments or on a disk.
//!
//! # Call [`load`] first in `main`
//!
//! The first use reads the pipe, closes it, and removes `UNSPOKEN_FD` and `UNSPOKEN_BUNDLE` from
//! the environment. Any use may be the first, from any thread, and 64 at once are one reading.
//! But a child that was started before has inherited the open pipe, and C code that walks the
//! environment at the very moment may miss another variable. [`load`] as the first line of
//! `main`, before an async runtime starts its threads, leaves room for neither.
//!
//! # What ends the process
//!
//! A bundle that cannot be read (not JSON, a wrong shape, a newer version, a pipe that somebody
//! else emptied) ends the process with exit code 78 and a message on standard error that holds
//! no part of the content. Everything else is an [`Error`].
//!
//! # What redaction does not do
//!
//! It keeps a [`Secret`] out of `{:?}`, logs and serialisers. It does not follow the text that
//! [`Secret::expose`] lends: `format!("{}", secret.expose())` prints it, and a copy made from it
//! is not wiped. Nor does it hide memory from a debugger or from root.

#[cfg(not(unix))]
compile_error!("descriptors are inherited by number on Unix systems alone");

mod bundle;
mod error;
mod inherited;
mod nearest;
mod ready;
mod refusal;
mod secret;
mod secrets;
mod source;

use std::sync::OnceLock;

pub use error::Error;
pub use ready::ready;
pub use secret::Secret;
pub use secrets::Secrets;

static LOADED: OnceLock<Result<Secrets, Error>> = OnceLock::new();

/// Reads the bundle, once; every later call gives the same.
///
/// Outside Unspoken this succeeds with an empty set whose [`Secrets::is_outside`] is true. An
/// error is remembered, too: it comes again at every access, also at the optional one. A bundle
/// that is broken ends the process with exit code 78.
pub fn load() -> Result<&'static Secrets, Error> {
    LOADED.get_or_init(source::load).as_ref().map_err(Clone::clone)
}

/// Gives the secret called `name`, or says what to do about its absence.
pub fn get(name: &str) -> Result<Secret, Error> {
    load()?.get(name)
}

/// Gives the secret called `name`, if there is one.
///
/// It is absent outside Unspoken, too. It is an error where a bundle was sent and did not
/// arrive: then nobody knows what is missing.
pub fn optional(name: &str) -> Result<Option<Secret>, Error> {
    load().map(|secrets| secrets.optional(name))
}

/// Puts a set in place of the process's own, for tests of code that calls [`get`].
///
/// It must come before the first use, and holds for the whole test program; where something
/// was loaded or installed before, the set is given back. Code that takes `&Secrets` as an
/// argument needs no installing.
///
/// ```
/// use unspoken_sdk::{Secrets, get, install_for_testing};
///
/// install_for_testing(Secrets::for_testing([("STRIPE_KEY", "sk_test_1")])).unwrap();
/// assert_eq!(get("STRIPE_KEY").unwrap().expose(), "sk_test_1");
/// ```
pub fn install_for_testing(secrets: Secrets) -> Result<(), Secrets> {
    let mut given = Some(secrets);
    let _ = LOADED.get_or_init(|| Ok(given.take().unwrap_or_default()));
    given.map_or(Ok(()), Err)
}

/// The examples of the README are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
