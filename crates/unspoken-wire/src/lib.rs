//! What crosses a process: the bundle that a program reads from a descriptor,
//! and the list that says which descriptors they are.
//!
//! Pure: bytes in, bytes out. Who opens a pipe, and who reads one, is not known
//! here.

#![forbid(unsafe_code)]

mod bundle;
mod callback;
mod descriptors;
mod escape;
mod forwarded;
mod page;
pub mod passkey;
pub mod vault;

pub use bundle::{Bundle, BundleError, Origin};
pub use callback::{Brought, Callback, CallbackError};
pub use descriptors::{Descriptors, DescriptorsError};
pub use escape::escape;
pub use forwarded::{ForwardedError, forwarded_for};
pub use page::Page;
