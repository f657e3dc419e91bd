//! The vault: a server that keeps secrets, hands them out, and writes down to whom.
//!
//! Nothing leaves before its row of the record is durable.

#![forbid(unsafe_code)]

mod audit;
mod db;
mod hazmat;
mod key;
mod problem;
