//! What a vault promises, shown on the real program and real databases.

#![expect(
    clippy::expect_used,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod class;
mod crash;
mod master;
mod moved;
mod raw;
mod record;
mod revocation;
mod scope;
mod sink;
mod story;
mod table;
mod teams;

/// How long or how often something is to be tried: a variable says it, for a longer run.
fn wish(name: &str, otherwise: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}
