//! How people prove who they are: a password, a second factor, a passkey, or a provider, and how often they may try; and the
//! logins that they decide on.

mod door;
mod email;
mod identity;
pub(crate) mod invitation;
mod login;
mod passkey;
mod password;
mod person;
mod relying_party;
mod second_factor;
mod visit;
mod way_in;

pub(crate) use door::{Door, Doors, whence};
pub(crate) use email::Email;
pub(crate) use identity::{Identity, IdentityRow};
pub(crate) use login::{Arrival, LoginRow, NewLogin, Progress};
pub(crate) use passkey::{Made, PasskeyRow, Proof, Question, Refusal, Shown};
pub(crate) use password::{Passwords, StoredPassword, fits, store};
pub(crate) use person::PersonRow;
pub(crate) use relying_party::RelyingParty;
pub(crate) use second_factor::SecondFactor;
pub(crate) use visit::{Purpose, VisitRow};
pub(crate) use way_in::WaysIn;
