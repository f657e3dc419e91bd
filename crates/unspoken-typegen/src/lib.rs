//! From the names of secrets to source text in four languages.
//!
//! Rules:
//! - Pure, and it cannot name a value: it knows `unspoken-model` alone.
//! - The same project gives the same bytes, in the order of the names, in the
//!   form that the language's own formatter leaves alone.
//! - A description is somebody's text. It stays in its comment, as words: it
//!   ends none, is no tag, no directive, no example that a tool would run.

mod catalogue;
mod comment;
mod form;
mod go;
mod identifier;
mod python;
mod rust;
mod typescript;

pub use catalogue::{Catalogue, Entry, Sheet};
pub use form::{Form, HEADER, is_generated};
pub use go::GoPackage;
pub use identifier::Collision;
