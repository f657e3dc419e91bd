//! Sinks: how an open set reaches its one receiver.
//!
//! Each takes the set by value, so that it is wiped when the receiver has it.
//! Where a set comes from is not known here.
//!
//! `unsafe` is denied but in one file, `fd/descriptor.rs`.

mod browser;
pub mod child;
pub mod editor;
pub mod export;
pub mod fd;
pub mod hook;
pub mod output;
pub mod terminal;

pub use browser::open_page;
