//! The whole program, over HTTP.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod front;
mod login;
mod people;
mod sign_in;
