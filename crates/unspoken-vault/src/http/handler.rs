//! What is done for each route. A handler reads like the sentence that it implements.

pub(super) mod environment;
pub(super) mod journal;
pub(super) mod key_value;
pub(super) mod project;
pub(super) mod record;
pub(super) mod secret;
pub(super) mod session;
pub(super) mod token;
