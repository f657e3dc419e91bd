//! What a command says, on its way to whoever reads it, without the values.

mod bypass;
mod lane;
mod relay;
mod successor;
mod target;

pub use relay::{Outlets, Relay, RelayError};
pub use successor::{Inlet, InletError, SUCCESSOR, SuccessorError, succeed};
pub use target::{Redact, is_written_to_file};
