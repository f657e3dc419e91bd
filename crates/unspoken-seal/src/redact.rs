//! Values in text: where they are, also in disguise, and text without them.
//!
//! [`Matcher`] knows what values look like and finds them in a text; [`Redactor`]
//! passes a stream on and leaves them out. What the command's output, a scan of
//! files and a request on the wire have in common is here.

mod disguise;
mod escape;
mod filter;
mod gap;
mod index;
mod lazy;
mod matcher;
mod noise;
mod odd;
mod part;
mod quiet;
mod setting;
mod spaced;
mod stream;
mod strength;
#[cfg(test)]
mod tests;
mod token;

pub use lazy::LazyMatcher;
pub use matcher::{Found, Matcher, Scratch};
pub use stream::{Redactor, Unchanged};
pub use strength::Strength;
