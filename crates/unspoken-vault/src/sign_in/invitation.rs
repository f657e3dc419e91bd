//! Invitations: how a person comes in for the first time, or anew.

use unspoken_model::{PersonId, TeamId, TokenId};
use unspoken_seal::{PlainToken, TokenKind};

use crate::db::{Cell, Desk, SqlError};

/// How long an invitation can be used.
const LIFETIME: i64 = 72 * 60 * 60 * 1000;

/// Makes an invitation, and tells until when it can be used. It works once.
pub(crate) fn make(
    desk: &mut Desk<'_>,
    person: PersonId,
    team: TeamId,
    author: &str,
) -> Result<(PlainToken, i64), SqlError> {
    let token = PlainToken::random(TokenKind::Admin);
    let (id, now) = (Cell::text(token.id()), desk.now());
    desk.change(
        "INSERT INTO token (id, kind, hash, team, person, name, author, made, expires, idle, \
         addresses, names, revoked, touched) \
         VALUES ($1, 'admin', $2, $3, $4, 'invitation', $5, $6, $7, NULL, NULL, NULL, NULL, $6)",
        &[
            id.clone(),
            token.auth().hash().as_bytes().to_vec().into(),
            Cell::text(team),
            Cell::text(person),
            author.into(),
            now.into(),
            (now + LIFETIME).into(),
        ],
    )?;
    desk.change("INSERT INTO token_use (token, used, remaining) VALUES ($1, NULL, 1)", &[id])?;
    Ok((token, now + LIFETIME))
}

/// Whose an invitation is that was shown before, if it can still be used.
pub(crate) fn find(desk: &mut Desk<'_>, id: TokenId) -> Result<Option<PersonId>, SqlError> {
    let cells = [Cell::text(id), desk.now().into()];
    // Whoever uses it at the same time is waited for.
    let row = desk.row(
        "SELECT person FROM token WHERE id = $1 AND kind = 'admin' AND revoked IS NULL AND expires > $2 \
         FOR UPDATE",
        &cells,
    )?;
    row.map(|row| row.parsed(0)).transpose()
}

/// Ends the invitations of a person who has come in.
pub(crate) fn spend(desk: &mut Desk<'_>, person: PersonId) -> Result<(), SqlError> {
    let cells = [Cell::text(person), desk.now().into()];
    desk.change(
        "UPDATE token SET revoked = COALESCE(revoked, $2), touched = $2 \
         WHERE person = $1 AND kind = 'admin'",
        &cells,
    )?;
    desk.change(
        "UPDATE person SET state = 'active' WHERE id = $1 AND state = 'invited'",
        std::slice::from_ref(&Cell::text(person)),
    )?;
    Ok(())
}

/// Takes a person's ways in away, and gives another invitation.
pub(crate) fn begin_anew(
    desk: &mut Desk<'_>,
    person: PersonId,
    team: TeamId,
    author: &str,
) -> Result<(PlainToken, i64), SqlError> {
    desk.change(
        "UPDATE person SET state = 'invited', password = NULL, totp = NULL, totp_used = NULL \
         WHERE id = $1",
        &[Cell::text(person)],
    )?;
    desk.change("DELETE FROM identity WHERE person = $1", &[Cell::text(person)])?;
    desk.change("DELETE FROM passkey WHERE person = $1", &[Cell::text(person)])?;
    end_sessions(desk, person)?;
    make(desk, person, team, author)
}

/// Ends all sessions and invitations of a person, and the logins that they have under way.
/// Whoever is just using one is waited for.
pub(crate) fn end_sessions(desk: &mut Desk<'_>, person: PersonId) -> Result<(), SqlError> {
    let cells = [Cell::text(person), desk.now().into()];
    desk.change(
        "UPDATE token SET revoked = COALESCE(revoked, $2), touched = $2 WHERE person = $1",
        &cells,
    )?;
    end_logins(desk, person)
}

/// Ends the logins that a person has under way.
pub(crate) fn end_logins(desk: &mut Desk<'_>, person: PersonId) -> Result<(), SqlError> {
    desk.change(
        "UPDATE login SET progress = 'refused' WHERE person = $1 AND progress <> 'done'",
        &[Cell::text(person)],
    )?;
    Ok(())
}
