//! The record, page by page, newest first.

use std::fmt::Write as _;

use unspoken_model::{Action, Outcome};
use unspoken_wire::vault::{AuditPage, AuditRow, Nothing};

use crate::access::Permit;
use crate::db::{Cell, Desk, Row};
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::Problem;

/// How many rows a page has.
const PAGE: i64 = 200;

/// The rows of a team, before a place in the record. Each filter is passed over where it is empty.
const ROWS: &str = "SELECT node, seq, at, team, actor, token, address, action, subject, names, revision, \
     outcome, request, hash FROM audit WHERE team = $1 AND at >= $2 AND at <= $3 \
     AND (at < $4 OR (at = $4 AND (node > $5 OR (node = $5 AND seq < $6)))) \
     AND ($7 = '' OR actor = $7 OR token = $7) AND ($8 = '' OR action = $8) \
     AND ($9 = '' OR subject = $9) AND ($10 = '' OR outcome = $10) \
     ORDER BY at DESC, node, seq DESC LIMIT $11";

pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<Json<AuditPage>, Problem> {
    asked.allow_queries(&[
        "since", "until", "after", "actor", "action", "subject", "outcome", "limit",
    ])?;
    let text = |key| Ok::<_, Problem>(asked.query::<String>(key)?.unwrap_or_default());
    let word = |known: bool, key: &str| {
        let unknown = || Problem::invalid(format!("`{key}` is none that the record has"));
        known.then_some(()).ok_or_else(unknown)
    };
    let (action, outcome) = (text("action")?, text("outcome")?);
    word(action.is_empty() || action.parse::<Action>().is_ok(), "action")?;
    word(outcome.is_empty() || outcome.parse::<Outcome>().is_ok(), "outcome")?;
    let after = text("after")?;
    let (at, node, seq) =
        place(&after).ok_or_else(|| Problem::invalid("`after` cannot be read"))?;
    let limit = asked.query("limit")?.unwrap_or(PAGE).clamp(1, PAGE);
    let rows = desk.rows(
        ROWS,
        &[
            Cell::text(permit.place().team),
            asked.query("since")?.unwrap_or(0).into(),
            asked.query("until")?.unwrap_or(i64::MAX).into(),
            at.into(),
            node.into(),
            seq.into(),
            text("actor")?.into(),
            action.into(),
            text("subject")?.into(),
            outcome.into(),
            limit.into(),
        ],
    )?;
    let rows = rows.iter().map(row).collect::<Result<Vec<_>, Problem>>()?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|length| length == limit);
    let next = rows.last().filter(|_| is_full);
    let next = next.map(|last| format!("{}.{}.{}", last.at, last.node, last.seq));
    desk.record(Outcome::Done);
    Ok(Json(AuditPage { rows, next }))
}

/// Where a page begins: behind a row, or before all.
fn place(after: &str) -> Option<(i64, &str, i64)> {
    if after.is_empty() {
        return Some((i64::MAX, "", 0));
    }
    let mut parts = after.split('.');
    let place = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(place)
}

fn row(row: &Row) -> Result<AuditRow, Problem> {
    let text = |at| row.text(at).map(str::to_owned);
    let mut hash = String::with_capacity(64);
    for byte in row.bytes(13)? {
        let _ = write!(hash, "{byte:02x}");
    }
    Ok(AuditRow {
        node: text(0)?,
        seq: row.number(1)?,
        at: row.number(2)?,
        team: text(3)?,
        actor: text(4)?,
        token: text(5)?,
        address: text(6)?,
        action: text(7)?,
        subject: text(8)?,
        names: text(9)?,
        revision: row.number(10)?,
        outcome: text(11)?,
        request: text(12)?,
        hash,
    })
}
