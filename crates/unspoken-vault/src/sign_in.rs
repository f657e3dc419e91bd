//! How people prove who they are: a password, a second factor, and how often they may try.

mod email;

pub(crate) use email::Email;
