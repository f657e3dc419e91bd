//! Uses of values while the vault could not be reached, as a program reports them.

use unspoken_model::{EnvironmentId, Outcome, SecretName, Verb};
use unspoken_wire::vault::{JournalEntry, JournalRequest};

use crate::access::{Caller, Place};
use crate::db::Desk;
use crate::http::asked::Asked;
use crate::problem::Problem;

/// How long ago a use may have been, and how far a clock may be ahead.
const OLDEST: i64 = 90 * 24 * 60 * 60 * 1000;
const AHEAD: i64 = 60 * 60 * 1000;

/// Writes a row for each use, all of them or none. What the caller may not have fetched is not
/// theirs to report.
pub(in crate::http) fn report(
    desk: &mut Desk<'_>,
    caller: &Caller,
    _: &Asked,
    body: &JournalRequest,
) -> Result<(), Problem> {
    if body.entries.is_empty() || body.entries.len() > JournalRequest::MAX {
        let max = JournalRequest::MAX;
        return Err(Problem::invalid(format!("a report has 1 to {max} uses")));
    }
    for entry in &body.entries {
        let id: EnvironmentId = entry.environment.parse().map_err(|_| Problem::forbidden())?;
        let row = desk.environment(id)?.ok_or_else(Problem::forbidden)?;
        let place = Place::environment(&row);
        if !caller.may(Verb::Reveal, &place) {
            return Err(Problem::forbidden());
        }
        let age = desk.now() - entry.at;
        if !(-AHEAD..=OLDEST).contains(&age) || !(0..=row.revision).contains(&entry.revision) {
            return Err(Problem::invalid("a use is of the last 90 days, and of a known revision"));
        }
        desk.entry.team = place.team.to_string();
        desk.entry.subject = id.to_string();
        desk.entry.names = format!("{} at:{}", names(entry)?, entry.at);
        desk.entry.revision = entry.revision;
        desk.record(Outcome::Done);
    }
    Ok(())
}

/// The names of a use, which stand in the record as they are.
fn names(entry: &JournalEntry) -> Result<&str, Problem> {
    let is_name = |name| SecretName::parse(name).is_ok();
    let names = entry.names.as_str();
    if names != "*" && (names.len() > 4096 || !names.split(' ').all(is_name)) {
        return Err(Problem::invalid("names are separated by one space, or `*` for all"));
    }
    Ok(names)
}
