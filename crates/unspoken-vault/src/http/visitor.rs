//! A visitor: somebody who signed in, in this browser, for this login.
//!
//! How somebody signs in is changed by who has shown, for this login, that it is them. Who came in by
//! a provider that need not have asked anything may see it, and decide on the login.

use std::ops::Deref;

use unspoken_model::LoginId;

use super::asked::Asked;
use crate::db::Desk;
use crate::problem::Problem;
use crate::sign_in::{LoginRow, PersonRow};

/// See the top. There is no other way to make one than to be found.
pub(crate) struct Visitor {
    pub(crate) login: LoginRow,
    pub(crate) person: PersonRow,
    _found: (),
}

/// A visitor who has shown that it is them, and for whose ways to sign in others wait. Each change of
/// those takes one.
pub(crate) struct Proven(Visitor);

impl Visitor {
    /// Refuses whoever is not one.
    pub(super) fn find(desk: &mut Desk<'_>, asked: &Asked) -> Result<Self, Problem> {
        let login = open_login(desk, asked)?;
        Self::of(desk, asked, login)?.map_err(|_| Problem::forbidden())
    }

    /// The visitor of a login, or the login where nobody is one.
    pub(super) fn of(
        desk: &mut Desk<'_>,
        asked: &Asked,
        login: LoginRow,
    ) -> Result<Result<Self, LoginRow>, Problem> {
        let Some(id) = login.person.filter(|_| is_held(asked, &login)) else {
            return Ok(Err(login));
        };
        let person = PersonRow::find(desk, &asked.deployment, id)?.filter(|row| row.is_active);
        let Some(person) = person else { return Ok(Err(login)) };
        desk.entry.actor = person.id.to_string();
        if let Some(team) = PersonRow::team(desk, person.id)? {
            desk.entry.team = team.to_string();
        }
        Ok(Ok(Self { login, person, _found: () }))
    }
}

impl Proven {
    /// Refuses whoever is not one.
    pub(super) fn find(desk: &mut Desk<'_>, asked: &Asked) -> Result<Self, Problem> {
        let login = open_login(desk, asked)?;
        let known = login.person.filter(|_| is_held(asked, &login));
        PersonRow::lock(desk, known.ok_or_else(Problem::forbidden)?)?;
        // Whoever was waited for may have removed by what they came in.
        let visitor = Visitor::find(desk, asked)?;
        if visitor.login.is_proven { Ok(Self(visitor)) } else { Err(Problem::forbidden()) }
    }
}

impl Deref for Proven {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.0
    }
}

/// The login of the path, if it waits. One that is over and one that never was look alike.
///
/// A device's is open in a browser alone in which its code was typed: nobody can be sent to the
/// login of somebody else's device by an address.
pub(super) fn open_login(desk: &mut Desk<'_>, asked: &Asked) -> Result<LoginRow, Problem> {
    let id: LoginId = asked.text("login").and_then(|text| text.parse().ok()).ok_or_else(over)?;
    find_open(desk, asked, id)
}

/// The same of a login that is known otherwise.
pub(super) fn find_open(
    desk: &mut Desk<'_>,
    asked: &Asked,
    id: LoginId,
) -> Result<LoginRow, Problem> {
    desk.entry.subject = id.to_string();
    let row = LoginRow::find(desk, id)?;
    let row = row.filter(|row| row.is_open(desk.now())).ok_or_else(over)?;
    if row.redirect.is_empty() && !is_held(asked, &row) {
        return Err(over());
    }
    Ok(row)
}

pub(super) fn over() -> Problem {
    Problem::missing("there is no such login, or it is over")
}

/// Whether it is this browser that a login belongs to by now.
pub(super) fn is_held(asked: &Asked, login: &LoginRow) -> bool {
    asked.browser.as_ref().is_some_and(|browser| login.is_held_by(&browser.hash()))
}
