//! People, as they sign in.

use unspoken_model::{DeploymentId, PersonId, TeamId};

use super::{Email, StoredPassword};
use crate::db::{Cell, Desk, Row, SqlError};
use crate::key::Address;
use crate::wanted::StoredProof;

/// Somebody who is known.
pub(crate) struct PersonRow {
    pub(crate) id: PersonId,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) is_active: bool,
    pub(crate) proof: StoredProof,
    /// The last step of the second factor that was used.
    pub(crate) used_step: Option<i64>,
}

impl PersonRow {
    pub(crate) fn find(
        desk: &mut Desk<'_>,
        deployment: &DeploymentId,
        id: PersonId,
    ) -> Result<Option<Self>, SqlError> {
        // Whoever shuts the person out is waited for, or waits.
        let row = desk.row(
            "SELECT id, email, name, state, password, totp, totp_used FROM person WHERE id = $1 FOR SHARE",
            &[Cell::text(id)],
        )?;
        row.as_ref().map(|row| Self::read(row, deployment)).transpose()
    }

    pub(crate) fn find_by_email(
        desk: &mut Desk<'_>,
        deployment: &DeploymentId,
        email: &Email,
    ) -> Result<Option<Self>, SqlError> {
        let row = desk.row(
            "SELECT id, email, name, state, password, totp, totp_used FROM person WHERE email = $1 FOR SHARE",
            &[email.as_str().into()],
        )?;
        row.as_ref().map(|row| Self::read(row, deployment)).transpose()
    }

    fn read(row: &Row, deployment: &DeploymentId) -> Result<Self, SqlError> {
        let id: PersonId = row.parsed(0)?;
        let password = row.maybe_text(4)?.map(|text| StoredPassword::new(text.to_owned()));
        let own = row.maybe_bytes(5)?.map(|sealed| (Self::own(deployment, id), sealed.to_vec()));
        Ok(Self {
            id,
            email: row.text(1)?.to_owned(),
            name: row.text(2)?.to_owned(),
            is_active: row.text(3)? == "active",
            proof: StoredProof { password, own },
            used_step: row.maybe_number(6)?,
        })
    }

    /// Has whoever changes how a person signs in at the same time wait.
    pub(crate) fn lock(desk: &mut Desk<'_>, id: PersonId) -> Result<(), SqlError> {
        desk.row("SELECT id FROM person WHERE id = $1 FOR UPDATE", &[Cell::text(id)])?;
        Ok(())
    }

    /// Where the second factor of a person is sealed.
    pub(crate) fn own(deployment: &DeploymentId, id: PersonId) -> Address {
        Address::own(deployment, "totp", &id.to_string())
    }

    /// The oldest team that somebody belongs to.
    pub(crate) fn team(desk: &mut Desk<'_>, id: PersonId) -> Result<Option<TeamId>, SqlError> {
        let row = desk.row(
            "SELECT t.id FROM team t WHERE t.id IN (SELECT team FROM membership WHERE person = $1) \
             ORDER BY t.made, t.id LIMIT 1",
            &[Cell::text(id)],
        )?;
        row.map(|row| row.parsed(0)).transpose()
    }

    pub(crate) fn set_password(
        desk: &mut Desk<'_>,
        id: PersonId,
        password: &StoredPassword,
    ) -> Result<(), SqlError> {
        let cells = [Cell::text(id), password.as_str().into()];
        desk.change("UPDATE person SET password = $2 WHERE id = $1", &cells)?;
        Ok(())
    }

    /// Keeps a second factor, whose first code was just used.
    pub(crate) fn set_second_factor(
        desk: &mut Desk<'_>,
        id: PersonId,
        sealed: Vec<u8>,
        step: i64,
    ) -> Result<(), SqlError> {
        let cells = [Cell::text(id), sealed.into(), step.into()];
        desk.change("UPDATE person SET totp = $2, totp_used = $3 WHERE id = $1", &cells)?;
        Ok(())
    }

    /// Uses a step of the second factor. `false` when it was used already.
    pub(crate) fn use_step(desk: &mut Desk<'_>, id: PersonId, step: i64) -> Result<bool, SqlError> {
        let cells = [Cell::text(id), step.into()];
        let changed = desk.change(
            "UPDATE person SET totp_used = $2 WHERE id = $1 AND (totp_used IS NULL OR totp_used < $2)",
            &cells,
        )?;
        Ok(changed == 1)
    }
}
