//! Visits: a browser is at a provider, for one login, and may come back once.

use unspoken_model::{LoginId, PersonId, TokenId};

use crate::db::{Cell, Desk, SqlError};
use crate::hazmat;

/// A visit, as it is stored.
pub(crate) struct VisitRow {
    pub(crate) login: LoginId,
    pub(crate) provider: String,
    pub(crate) purpose: Purpose,
    /// When the browser left.
    pub(crate) begun: i64,
    browser: Vec<u8>,
    state: [u8; 32],
}

/// Whose the account is to be that a browser brings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// Whose it is already.
    SignIn,
    /// This person's from now on, who has signed in otherwise.
    Link(PersonId),
    /// This person's already, who has signed in and is to show once more that it is them.
    Prove(PersonId),
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
        let (word, person, invitation) = match purpose {
            Purpose::SignIn => ("sign_in", Cell::Null, Cell::Null),
            Purpose::Link(person) => ("link", Cell::text(person), Cell::Null),
            Purpose::Prove(person) => ("prove", Cell::text(person), Cell::Null),
            Purpose::Accept(token) => ("accept", Cell::Null, Cell::text(token)),
        };
        desk.change("DELETE FROM visit WHERE login = $1", &[Cell::text(login)])?;
        desk.change(
            "INSERT INTO visit (login, state, provider, browser, begun, purpose, person, invitation) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                Cell::text(login),
                hash(state).as_slice().into(),
                provider.into(),
                browser.as_slice().into(),
                desk.now().into(),
                word.into(),
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
            "SELECT login, provider, browser, begun, purpose, person, invitation FROM visit \
             WHERE state = $1",
            &[state.as_slice().into()],
        )?;
        let Some(row) = row else { return Ok(None) };
        let purpose = match (row.text(4)?, row.maybe_parsed(5)?, row.maybe_parsed(6)?) {
            ("sign_in", None, None) => Purpose::SignIn,
            ("link", Some(person), None) => Purpose::Link(person),
            ("prove", Some(person), None) => Purpose::Prove(person),
            ("accept", None, Some(token)) => Purpose::Accept(token),
            _ => return Err(SqlError::Shape(4)),
        };
        let (provider, browser) = (row.text(1)?.to_owned(), row.bytes(2)?.to_vec());
        let (login, begun) = (row.parsed(0)?, row.number(3)?);
        Ok(Some(Self { login, provider, purpose, begun, browser, state }))
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
