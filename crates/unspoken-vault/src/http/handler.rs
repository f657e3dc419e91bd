//! What is done for each route. A handler reads like the sentence that it implements.

pub(super) mod account;
pub(super) mod consent;
pub(super) mod environment;
pub(super) mod journal;
pub(super) mod key_value;
pub(super) mod login;
pub(super) mod passkey;
pub(super) mod person;
pub(super) mod project;
pub(super) mod record;
pub(super) mod rewrap;
pub(super) mod secret;
pub(super) mod session;
pub(super) mod sign_in;
pub(super) mod team;
pub(super) mod token;
pub(super) mod trust;
