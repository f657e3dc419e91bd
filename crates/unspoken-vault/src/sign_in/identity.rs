//! Who a person is at providers: by an issuer and what it calls them, and by nothing else.

use unspoken_model::PersonId;

use crate::db::{Cell, Desk, SqlError};

/// What an issuer calls somebody. It gives the same name to nobody else, ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
}

impl Identity<'_> {
    /// Whose it is.
    pub(crate) fn find(self, desk: &mut Desk<'_>) -> Result<Option<PersonId>, SqlError> {
        let row = desk.row(
            "SELECT person FROM identity WHERE issuer = $1 AND subject = $2",
            &[self.issuer.into(), self.subject.into()],
        )?;
        row.map(|row| row.parsed(0)).transpose()
    }

    /// Makes it somebody's from now on.
    pub(crate) fn link(self, desk: &mut Desk<'_>, person: PersonId) -> Result<(), SqlError> {
        desk.change(
            "INSERT INTO identity (issuer, subject, person, made) VALUES ($1, $2, $3, $4)",
            &[self.issuer.into(), self.subject.into(), Cell::text(person), desk.now().into()],
        )?;
        Ok(())
    }

    /// By which issuers a person is known.
    pub(crate) fn issuers(desk: &mut Desk<'_>, person: PersonId) -> Result<Vec<String>, SqlError> {
        let rows =
            desk.rows("SELECT issuer FROM identity WHERE person = $1", &[Cell::text(person)])?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    }
}
