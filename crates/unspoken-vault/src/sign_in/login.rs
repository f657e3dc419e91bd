//! Logins: begun by a program, decided on by a person in a browser, finished by the program.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unspoken_model::{LoginId, PersonId};

use crate::db::{Cell, Desk, Row, SqlError};
use crate::hazmat;

/// A login, as it is stored.
pub(crate) struct LoginRow {
    pub(crate) id: LoginId,
    /// The hash of what the program keeps, as base64url.
    pub(crate) challenge: String,
    /// Where the browser brings the code; empty for a device.
    pub(crate) redirect: String,
    pub(crate) state: String,
    pub(crate) number: i64,
    pub(crate) device: String,
    /// Where the program asked from.
    pub(crate) address: String,
    pub(crate) person: Option<PersonId>,
    /// Whether that person has shown for this login that it is them.
    pub(crate) is_proven: bool,
    browser: Option<Vec<u8>>,
    pub(crate) progress: Progress,
    code: Option<Vec<u8>>,
    pub(crate) expires: i64,
    /// What the next challenge of a passkey is made of.
    salt: Vec<u8>,
}

/// How far a login has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    Waiting,
    Allowed,
    Refused,
    Done,
}

/// How somebody came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrival {
    /// They have shown that it is them: by a password, a passkey or an invitation, or to a provider
    /// that was to ask them anew and says that it did.
    Proven,
    /// By a provider that need not have asked them anything.
    Silent,
}

/// A new login.
pub(crate) struct NewLogin<'a> {
    pub(crate) id: LoginId,
    pub(crate) challenge: &'a str,
    pub(crate) redirect: &'a str,
    pub(crate) state: &'a str,
    pub(crate) user_code: Option<&'a str>,
    pub(crate) number: i64,
    pub(crate) device: &'a str,
    pub(crate) address: String,
}

impl LoginRow {
    /// How long a login may take, and how long the code of one that was allowed is good.
    pub(crate) const LIFETIME: i64 = 10 * 60_000;
    pub(crate) const CODE: i64 = 60_000;

    pub(crate) fn find(desk: &mut Desk<'_>, id: LoginId) -> Result<Option<Self>, SqlError> {
        let row = desk.row(
            "SELECT id, challenge, redirect, state, number, device, address, person, browser, \
             progress, code, expires, salt, proven FROM login WHERE id = $1",
            &[Cell::text(id)],
        )?;
        row.as_ref().map(Self::read).transpose()
    }

    /// The login that waits for a person who typed this.
    pub(crate) fn find_typed(desk: &mut Desk<'_>, code: &str) -> Result<Option<LoginId>, SqlError> {
        let row = desk.row(
            "SELECT id FROM login WHERE user_code = $1 AND progress = 'waiting' AND expires > $2",
            &[code.into(), desk.now().into()],
        )?;
        row.map(|row| row.parsed(0)).transpose()
    }

    fn read(row: &Row) -> Result<Self, SqlError> {
        let progress = match row.text(9)? {
            "waiting" => Progress::Waiting,
            "allowed" => Progress::Allowed,
            "refused" => Progress::Refused,
            "done" => Progress::Done,
            _ => return Err(SqlError::Shape(9)),
        };
        Ok(Self {
            id: row.parsed(0)?,
            challenge: row.text(1)?.to_owned(),
            redirect: row.text(2)?.to_owned(),
            state: row.text(3)?.to_owned(),
            number: row.number(4)?,
            device: row.text(5)?.to_owned(),
            address: row.text(6)?.to_owned(),
            person: row.maybe_parsed(7)?,
            browser: row.maybe_bytes(8)?.map(<[u8]>::to_vec),
            progress,
            code: row.maybe_bytes(10)?.map(<[u8]>::to_vec),
            expires: row.number(11)?,
            salt: row.bytes(12)?.to_vec(),
            is_proven: row.number(13)? == 1,
        })
    }

    /// Keeps a new one, and forgets those that are long over.
    pub(crate) fn begin(desk: &mut Desk<'_>, new: &NewLogin<'_>) -> Result<i64, SqlError> {
        let now = desk.now();
        let expires = now + Self::LIFETIME;
        // A program that comes late is told that it is, for a while.
        let long_ago = now - 6 * Self::LIFETIME;
        desk.change(
            "DELETE FROM visit WHERE login IN (SELECT id FROM login WHERE expires < $1)",
            &[long_ago.into()],
        )?;
        desk.change("DELETE FROM login WHERE expires < $1", &[long_ago.into()])?;
        desk.change(
            "INSERT INTO login (id, challenge, redirect, state, user_code, number, device, address, \
             person, proven, progress, browser, code, expires, salt) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, 0, 'waiting', NULL, NULL, $9, $10)",
            &[
                Cell::text(new.id),
                new.challenge.into(),
                new.redirect.into(),
                new.state.into(),
                Cell::maybe(new.user_code),
                new.number.into(),
                new.device.into(),
                new.address.as_str().into(),
                expires.into(),
                hazmat::random::<32>().to_vec().into(),
            ],
        )?;
        Ok(expires)
    }

    /// What an authenticator is to sign in this browser, for this purpose, the next time.
    pub(crate) fn challenge(&self, browser: &[u8; 32], purpose: &str) -> String {
        let (id, purpose) = (self.id.to_string(), purpose.as_bytes());
        let begin = b"unspoken/passkey/v1/challenge/";
        // All but the last part have one length.
        let parts = [begin, self.salt.as_slice(), browser, id.as_bytes(), purpose];
        URL_SAFE_NO_PAD.encode(hazmat::sha256(&parts))
    }

    /// Has all challenges there were be used. `false` when somebody was faster.
    pub(crate) fn use_challenge(&self, desk: &mut Desk<'_>) -> Result<bool, SqlError> {
        let next = hazmat::random::<32>().to_vec();
        let cells = [Cell::text(self.id), self.salt.clone().into(), next.into()];
        let changed =
            desk.change("UPDATE login SET salt = $3 WHERE id = $1 AND salt = $2", &cells)?;
        Ok(changed == 1)
    }

    /// Whether it still waits for a decision.
    pub(crate) fn is_open(&self, now: i64) -> bool {
        self.progress == Progress::Waiting && now < self.expires
    }

    /// Whether it is this browser in which the person signed in.
    pub(crate) fn is_held_by(&self, browser: &[u8; 32]) -> bool {
        self.browser.as_deref().is_some_and(|kept| hazmat::is_same(kept, browser))
    }

    /// Whether it is this code that the browser was to bring.
    pub(crate) fn has_code(&self, hash: &[u8; 32]) -> bool {
        self.code.as_deref().is_some_and(|kept| hazmat::is_same(kept, hash))
    }

    /// Notes who signed in, how, and in which browser. `false` when it waits no more.
    pub(crate) fn hold(
        &self,
        desk: &mut Desk<'_>,
        (person, arrival): (PersonId, Arrival),
        browser: &[u8; 32],
    ) -> Result<bool, SqlError> {
        let proven = i64::from(arrival == Arrival::Proven);
        let changed = desk.change(
            "UPDATE login SET person = $2, browser = $3, proven = $4 \
             WHERE id = $1 AND progress = 'waiting'",
            &[Cell::text(self.id), Cell::text(person), browser.as_slice().into(), proven.into()],
        )?;
        Ok(changed == 1)
    }

    /// Has the person who signed in show anew that it is them in the other logins that they have
    /// under way: what they showed there may be what they have just removed.
    pub(crate) fn doubt_others(
        &self,
        desk: &mut Desk<'_>,
        person: PersonId,
    ) -> Result<(), SqlError> {
        let cells = [Cell::text(self.id), Cell::text(person)];
        desk.change("UPDATE login SET proven = 0 WHERE person = $2 AND id <> $1", &cells)?;
        Ok(())
    }

    /// Notes in which browser its code was typed.
    pub(crate) fn hold_typed(
        desk: &mut Desk<'_>,
        id: LoginId,
        browser: &[u8; 32],
    ) -> Result<(), SqlError> {
        let cells = [Cell::text(id), browser.as_slice().into()];
        desk.change(
            "UPDATE login SET person = NULL, proven = 0, browser = $2 \
             WHERE id = $1 AND progress = 'waiting'",
            &cells,
        )?;
        Ok(())
    }

    /// Forgets who signed in.
    pub(crate) fn let_go(&self, desk: &mut Desk<'_>) -> Result<(), SqlError> {
        desk.change(
            "UPDATE login SET person = NULL, proven = 0 WHERE id = $1 AND progress = 'waiting'",
            &[Cell::text(self.id)],
        )?;
        Ok(())
    }

    /// Who has signed in, and where. On another node somebody else may have meanwhile, for whom
    /// nobody here decides.
    fn holder(&self) -> (Cell, Cell) {
        (Cell::maybe(self.person.map(|id| id.to_string())), Cell::maybe(self.browser.clone()))
    }

    /// Allows it, until then and with this code. `false` when it waits no more, or for somebody else.
    pub(crate) fn allow(
        &self,
        desk: &mut Desk<'_>,
        code: Option<[u8; 32]>,
        until: i64,
    ) -> Result<bool, SqlError> {
        let code = Cell::maybe(code.map(|code| code.to_vec()));
        let (person, browser) = self.holder();
        let cells = [Cell::text(self.id), code, until.into(), person, browser];
        let changed = desk.change(
            "UPDATE login SET progress = 'allowed', code = $2, expires = $3 \
             WHERE id = $1 AND progress = 'waiting' AND person = $4 AND browser = $5",
            &cells,
        )?;
        Ok(changed == 1)
    }

    /// Refuses it. `false` when it waits no more, or for somebody else.
    pub(crate) fn refuse(&self, desk: &mut Desk<'_>) -> Result<bool, SqlError> {
        let (person, browser) = self.holder();
        let changed = desk.change(
            "UPDATE login SET progress = 'refused' \
             WHERE id = $1 AND progress = 'waiting' AND person = $2 AND browser = $3",
            &[Cell::text(self.id), person, browser],
        )?;
        Ok(changed == 1)
    }

    /// Ends it. `false` when somebody was faster: it gives one session.
    pub(crate) fn finish(&self, desk: &mut Desk<'_>) -> Result<bool, SqlError> {
        let changed = desk.change(
            "UPDATE login SET progress = 'done', code = NULL, browser = NULL \
             WHERE id = $1 AND progress = 'allowed'",
            &[Cell::text(self.id)],
        )?;
        Ok(changed == 1)
    }
}
