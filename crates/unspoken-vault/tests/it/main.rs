//! The whole program, over HTTP.

mod front;
mod login;
mod people;
mod sign_in;
