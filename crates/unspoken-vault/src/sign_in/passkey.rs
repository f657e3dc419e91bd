//! Passkeys: made by who has signed in, and shown instead of a password, or beside it.
//!
//! Rules:
//! - A challenge belongs to one login, one browser and one purpose. It is used once, and is gone with
//!   the login.
//! - What is signed is checked last, over the bytes as they came, by the one algorithm of the key.
//! - A counter that does not grow says that there are two of one authenticator: refused, and recorded.
//! - An id that nobody has costs as much as one that somebody has.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unspoken_model::PersonId;
use unspoken_wire::passkey::{
    AuthenticatorData, Ceremony, ClientData, NewCredential, PublicKey, parse_attestation,
};

use super::RelyingParty;
use crate::db::{Cell, Desk, Row, SqlError};
use crate::hazmat;

/// A passkey, as it is stored.
pub(crate) struct PasskeyRow {
    /// The credential's id, as base64url without padding.
    pub(crate) id: String,
    person: PersonId,
    pub(crate) name: String,
    key: Vec<u8>,
    counter: i64,
    backup: i64,
    pub(crate) made: i64,
    pub(crate) used: Option<i64>,
}

/// What a browser brought of a new passkey.
#[derive(Debug)]
pub(crate) struct Made {
    client: Vec<u8>,
    attestation: Vec<u8>,
}

/// What a browser brought of one that there is.
#[derive(Debug)]
pub(crate) struct Shown {
    credential: String,
    client: Vec<u8>,
    authenticator: Vec<u8>,
    signature: Vec<u8>,
    person: Option<Vec<u8>>,
}

/// What was asked, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) party: &'a RelyingParty,
    pub(crate) challenge: &'a str,
}

/// How a person has to be known to the authenticator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Proof {
    /// By being there: a password was shown as well.
    Presence,
    /// By what they know or are.
    Verification,
}

/// Why a passkey is not taken. Only the record is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// It does not fit what was asked, or there is none such.
    Wrong,
    /// Of its authenticator there are two.
    Counter(PersonId),
}

impl PasskeyRow {
    /// How many a person has.
    pub(crate) const MOST: usize = 20;

    fn find(desk: &mut Desk<'_>, id: &str) -> Result<Option<Self>, SqlError> {
        let row = desk.row(
            "SELECT id, person, name, key, counter, backup, made, used FROM passkey WHERE id = $1",
            &[id.into()],
        )?;
        row.as_ref().map(Self::read).transpose()
    }

    /// All of a person's, oldest first.
    pub(crate) fn list(desk: &mut Desk<'_>, person: PersonId) -> Result<Vec<Self>, SqlError> {
        let rows = desk.rows(
            "SELECT id, person, name, key, counter, backup, made, used FROM passkey \
             WHERE person = $1 ORDER BY made, id",
            &[Cell::text(person)],
        )?;
        rows.iter().map(Self::read).collect()
    }

    /// Whether a person has any.
    pub(crate) fn any(desk: &mut Desk<'_>, person: PersonId) -> Result<bool, SqlError> {
        let sql = "SELECT id FROM passkey WHERE person = $1 LIMIT 1";
        Ok(desk.row(sql, &[Cell::text(person)])?.is_some())
    }

    fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            person: row.parsed(1)?,
            name: row.text(2)?.to_owned(),
            key: row.bytes(3)?.to_vec(),
            counter: row.number(4)?,
            backup: row.number(5)?,
            made: row.number(6)?,
            used: row.maybe_number(7)?,
        })
    }

    /// Whether it may be kept in more than one place.
    pub(crate) fn may_be_copied(&self) -> bool {
        self.backup > 0
    }

    /// Keeps one, and tells its id. `None` when that is somebody's already.
    pub(crate) fn add(
        desk: &mut Desk<'_>,
        person: PersonId,
        name: &str,
        data: &AuthenticatorData<'_>,
        made: &NewCredential<'_>,
    ) -> Result<Option<String>, SqlError> {
        let id = URL_SAFE_NO_PAD.encode(made.id);
        if Self::find(desk, &id)?.is_some() {
            return Ok(None);
        }
        desk.change(
            "INSERT INTO passkey (id, person, name, key, counter, backup, made, used) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)",
            &[
                id.as_str().into(),
                Cell::text(person),
                name.into(),
                made.written.to_vec().into(),
                i64::from(data.counter).into(),
                backup(data).into(),
                desk.now().into(),
            ],
        )?;
        Ok(Some(id))
    }

    pub(crate) fn remove(&self, desk: &mut Desk<'_>) -> Result<(), SqlError> {
        let cells = [self.id.as_str().into(), Cell::text(self.person)];
        desk.change("DELETE FROM passkey WHERE id = $1 AND person = $2", &cells)?;
        Ok(())
    }

    /// Notes that it was used. `false` when it was used, or removed, at the same time.
    fn note(&self, desk: &mut Desk<'_>, data: &AuthenticatorData<'_>) -> Result<bool, SqlError> {
        let changed = desk.change(
            "UPDATE passkey SET counter = $3, backup = $4, used = $5 WHERE id = $1 AND counter = $2",
            &[
                self.id.as_str().into(),
                self.counter.into(),
                i64::from(data.counter).into(),
                backup(data).into(),
                desk.now().into(),
            ],
        )?;
        Ok(changed == 1)
    }
}

impl Made {
    pub(crate) fn read(client: &str, attestation: &str) -> Option<Self> {
        let most = 2 * AuthenticatorData::MAX_BYTES;
        Some(Self {
            client: decode(client, ClientData::MAX_BYTES)?,
            attestation: decode(attestation, most)?,
        })
    }

    /// What was made, if it was made for this. `None` when it cannot be taken.
    pub(crate) fn open(&self, asked: Question<'_>) -> Option<AuthenticatorData<'_>> {
        fit(asked, &self.client, Ceremony::Create).then_some(())?;
        let data = parse_attestation(&self.attestation).ok()?;
        let data = AuthenticatorData::parse(data).ok()?;
        let is_for_us = hazmat::is_same(&data.party, &asked.party.hash());
        let is_known = data.is_present && data.is_verified;
        let is_usable = data.credential.as_ref().is_some_and(|made| hazmat::is_usable(&made.key));
        (is_for_us && is_known && is_usable).then_some(data)
    }
}

impl Shown {
    /// Reads what a form brings. `None` for what no browser brings.
    pub(crate) fn read(
        credential: &str,
        client: &str,
        authenticator: &str,
        signature: &str,
        user: &str,
    ) -> Option<Self> {
        // Its one spelling, by which it is looked up.
        let id = decode(credential, 1023).filter(|id| !id.is_empty())?;
        let person = if user.is_empty() { None } else { Some(decode(user, 64)?) };
        Some(Self {
            credential: URL_SAFE_NO_PAD.encode(id),
            client: decode(client, ClientData::MAX_BYTES)?,
            authenticator: decode(authenticator, AuthenticatorData::MAX_BYTES)?,
            signature: decode(signature, 1024)?,
            person,
        })
    }

    /// Whose it is, if it is what was asked for; it was used then. With a password the person is
    /// known before.
    pub(crate) fn prove(
        &self,
        desk: &mut Desk<'_>,
        asked: Question<'_>,
        proof: Proof,
        known: Option<PersonId>,
    ) -> Result<Result<PersonId, Refusal>, SqlError> {
        let row = PasskeyRow::find(desk, &self.credential)?;
        let stored = row.as_ref().and_then(|row| PublicKey::parse(&row.key).ok());
        let nobodys = PublicKey::Es256(NOBODYS);
        let is_signed = self.is_signed(stored.as_ref().unwrap_or(&nobodys));
        let data = AuthenticatorData::parse(&self.authenticator).ok();
        let (Some(row), Some(_), Some(data)) = (row, stored, data) else {
            return Ok(Err(Refusal::Wrong));
        };
        let is_known = match proof {
            Proof::Presence => true,
            Proof::Verification => data.is_verified,
        };
        let person = row.person.to_string();
        // Without a password it is the passkey that says who it is.
        let is_theirs = match (&self.person, known) {
            (Some(user), Some(known)) => *user == person.as_bytes() && known == row.person,
            (Some(user), None) => *user == person.as_bytes(),
            (None, known) => known == Some(row.person),
        };
        let fits = is_signed
            && is_known
            && is_theirs
            && data.is_present
            && data.credential.is_none()
            && hazmat::is_same(&data.party, &asked.party.hash())
            && data.may_be_copied == row.may_be_copied()
            && fit(asked, &self.client, Ceremony::Get);
        if !fits {
            return Ok(Err(Refusal::Wrong));
        }
        let counter = i64::from(data.counter);
        let is_newer = counter > row.counter || (counter == 0 && row.counter == 0);
        if is_newer && row.note(desk, &data)? {
            return Ok(Ok(row.person));
        }
        // One that was removed at the same time is no copy.
        let is_there = PasskeyRow::find(desk, &self.credential)?.is_some();
        Ok(Err(if is_there { Refusal::Counter(row.person) } else { Refusal::Wrong }))
    }

    fn is_signed(&self, key: &PublicKey) -> bool {
        let hash = hazmat::sha256(&[&self.client]);
        let message = [self.authenticator.as_slice(), &hash].concat();
        hazmat::is_signed_by(key, &message, &self.signature)
    }
}

/// What nobody has signed: P-256's own base point.
const NOBODYS: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
    0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e,
    0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51,
    0xf5,
];

/// Whether the browser was asked this, by a page of ours.
fn fit(asked: Question<'_>, client: &[u8], ceremony: Ceremony) -> bool {
    ClientData::parse(client, ceremony).is_ok_and(|client| {
        client.origin == asked.party.origin
            && hazmat::is_same(client.challenge.as_bytes(), asked.challenge.as_bytes())
    })
}

/// 0 for a key that stays where it is, 1 for one that may be copied, 2 for one that was.
fn backup(data: &AuthenticatorData<'_>) -> i64 {
    i64::from(data.may_be_copied) + i64::from(data.is_copied)
}

fn decode(text: &str, most: usize) -> Option<Vec<u8>> {
    let fits = text.len() <= most.div_ceil(3) * 4;
    let bytes = fits.then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
    (bytes.len() <= most).then_some(bytes)
}

#[test]
fn nobodys_key_is_a_key_that_signed_nothing() {
    let key = PublicKey::Es256(NOBODYS);
    assert!(hazmat::is_usable(&key));
    assert!(!hazmat::is_signed_by(&key, b"message", &[0x30, 6, 2, 1, 1, 2, 1, 1]));
}
