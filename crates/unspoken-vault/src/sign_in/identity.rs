//! Who a person is at providers: by an issuer and what it calls them, and by nothing else.

use unspoken_model::PersonId;

use crate::db::{Cell, Desk, Row, SqlError};

/// What an issuer calls somebody. It gives the same name to nobody else, ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
}

/// One that is somebody's, as it is stored.
pub(crate) struct IdentityRow {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) made: i64,
    pub(crate) used: Option<i64>,
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

    /// Notes that somebody came in by it. `false` when it was removed at the same time.
    pub(crate) fn note(self, desk: &mut Desk<'_>) -> Result<bool, SqlError> {
        let cells = [self.issuer.into(), self.subject.into(), desk.now().into()];
        let changed = desk
            .change("UPDATE identity SET used = $3 WHERE issuer = $1 AND subject = $2", &cells)?;
        Ok(changed == 1)
    }
}

impl IdentityRow {
    /// All of a person's, oldest first.
    pub(crate) fn list(desk: &mut Desk<'_>, person: PersonId) -> Result<Vec<Self>, SqlError> {
        let rows = desk.rows(
            "SELECT issuer, subject, made, used FROM identity WHERE person = $1 \
             ORDER BY made, issuer",
            &[Cell::text(person)],
        )?;
        let read = |row: &Row| {
            Ok(Self {
                issuer: row.text(0)?.to_owned(),
                subject: row.text(1)?.to_owned(),
                made: row.number(2)?,
                used: row.maybe_number(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Makes it nobody's, if it is this person's.
    pub(crate) fn remove(&self, desk: &mut Desk<'_>, person: PersonId) -> Result<(), SqlError> {
        let cells = [self.issuer.as_str().into(), self.subject.as_str().into(), Cell::text(person)];
        desk.change(
            "DELETE FROM identity WHERE issuer = $1 AND subject = $2 AND person = $3",
            &cells,
        )?;
        Ok(())
    }
}
