//! JSON as the sops program reads and writes it.
//!
//! Rules:
//! - Order and repeated keys are kept, numbers keep their text.
//! - Output is byte for byte that of Go's encoder with tabs: `<`, `>`, `&`,
//!   U+2028 and U+2029 are escaped.
//! - Depth is bounded, errors carry a line and never the text that stands
//!   there.

mod print;
mod read;

pub(crate) use print::print_map;
pub(crate) use read::read;
pub use read::{JsonError, JsonProblem};
