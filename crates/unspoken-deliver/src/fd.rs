//! Handing a set over on a descriptor, so that nothing of it stands in an
//! environment: the sender's side ([`Channel`]) and the reader's
//! ([`Inheritance`]).

mod channel;
mod descriptor;
mod inheritance;

pub use channel::{Channel, ChannelError, ChannelKind};
pub(crate) use channel::{Filled, Rest};
pub(crate) use descriptor::{apart_from, inherited, keep_only, place};
pub use inheritance::{Inheritance, InheritanceError, Listed};
