//! Visits: a browser is at a provider, for one login, and may come back once.

use unspoken_model::{LoginId, PersonId, TokenId};

use crate::db::{Cell, Desk, SqlError};
use crate::hazmat;

/// A visit, as it is stored.
pub(crate) struct VisitRow {
    pub(crate) login: LoginId,
    pub(crate) provider: String,
    pub(crate) purpose: Purpose,
    browser: Vec<u8>,
    state: [u8; 32],
}

/// Whose the account is to be that a browser brings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// Whose it is already.
    SignIn,
    /// This person's, who has signed in otherwise.
    Link(PersonId),
    /// Of whom this invitation is for.
    Accept(TokenId),
}

impl VisitRow {
    /// Begins one. What was begun before for the same login is over.
    pub(crate) fn begin(
        desk: &mut Desk<'_>,
        login: LoginId,
        (provider, state, browser): (&str, &str, &[u8; 32]),
        purpose: Purpose,
    ) -> Result<(), SqlError> {
        let (person, invitation) = match purpose {
            Purpose::SignIn => (Cell::Null, Cell::Null),
            Purpose::Link(person) => (Cell::text(person), Cell::Null),
            Purpose::Accept(token) => (Cell::Null, Cell::text(token)),
        };
        desk.change("DELETE FROM visit WHERE login = $1", &[Cell::text(login)])?;
        desk.change(
            "INSERT INTO visit (login, state, provider, browser, person, invitation) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                Cell::text(login),
                hash(state).as_slice().into(),
                provider.into(),
                browser.as_slice().into(),
                person,
                invitation,
            ],
        )?;
        Ok(())
    }

    /// The visit that this is the end of.
    pub(crate) fn find(desk: &mut Desk<'_>, state: &str) -> Result<Option<Self>, SqlError> {
        let state = hash(state);
        let row = desk.row(
            "SELECT login, provider, browser, person, invitation FROM visit WHERE state = $1",
            &[state.as_slice().into()],
        )?;
        let Some(row) = row else { return Ok(None) };
        let purpose = match (row.maybe_parsed(3)?, row.maybe_parsed(4)?) {
            (Some(person), None) => Purpose::Link(person),
            (None, Some(token)) => Purpose::Accept(token),
            (None, None) => Purpose::SignIn,
            (Some(_), Some(_)) => return Err(SqlError::Shape(4)),
        };
        let (provider, browser) = (row.text(1)?.to_owned(), row.bytes(2)?.to_vec());
        Ok(Some(Self { login: row.parsed(0)?, provider, purpose, browser, state }))
    }

    /// Whether it is this browser that left.
    pub(crate) fn is_of(&self, browser: &[u8; 32]) -> bool {
        hazmat::is_same(&self.browser, browser)
    }

    /// Ends it. `false` when it has ended already: nobody comes back twice.
    pub(crate) fn end(&self, desk: &mut Desk<'_>) -> Result<bool, SqlError> {
        let cells = [Cell::text(self.login), self.state.as_slice().into()];
        Ok(desk.change("DELETE FROM visit WHERE login = $1 AND state = $2", &cells)? == 1)
    }
}

fn hash(state: &str) -> [u8; 32] {
    hazmat::sha256(&[b"unspoken/visit/v1/state/", state.as_bytes()])
}
