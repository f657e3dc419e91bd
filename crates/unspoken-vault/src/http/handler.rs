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
pub(super) mod provider;
pub(super) mod record;
pub(super) mod rewrap;
pub(super) mod secret;
pub(super) mod session;
pub(super) mod sign_in;
pub(super) mod team;
pub(super) mod token;
pub(super) mod trust;
pub(super) mod ways;

/// Reads bytes as each form that pages send, as far as that goes, for who tries it.
pub(crate) fn read_forms(bytes: &[u8]) {
    sign_in::read_forms(bytes);
    consent::read_forms(bytes);
    account::read_forms(bytes);
    passkey::read_forms(bytes);
    ways::read_forms(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = super::pipeline::query(text);
        let _ = (login::origin(text), login::read_user_code(text));
    }
}
