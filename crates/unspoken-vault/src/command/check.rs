//! `unspoken-vault check`: looks whether a store is in order.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::runtime::Runtime;

use super::{Where, failed, say};
use crate::check::{Extent, Finding, check_content, check_tables};
use crate::config::{StoreChoice, Variables};
use crate::failure::Failure;
use crate::opened::{Opened, connect};

/// Look whether a store is in order
///
/// Opens it with its master key, opens some of its values, and verifies the record of the last
/// week. Writes nothing, and a server may run meanwhile.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    place: Where,

    /// Open every value, and verify the whole record
    #[arg(long)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

const WEEK: i64 = 7 * 24 * 60 * 60 * 1000;

impl Check {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        let findings = self.look(variables)?;
        let is_fine = findings.iter().all(|finding| finding.is_fine);
        say(&if self.json { as_json(&findings, is_fine) } else { as_text(&findings) })?;
        if is_fine { Ok(()) } else { Err(Failure::new("the store is not in order")) }
    }

    fn look(&self, variables: &Variables) -> Result<Vec<Finding>, Failure> {
        let runtime = Runtime::new().map_err(|error| failed(&error))?;
        let store = self.place.store();
        let master = self.place.master(variables)?;
        let mut sql =
            connect(store, variables, runtime.handle(), false).map_err(|error| failed(&error))?;
        let is_sqlite = matches!(store, StoreChoice::Folder(_));
        let mut findings = check_tables(&mut *sql, is_sqlite).map_err(|error| failed(&error))?;
        let extent = if self.all { Extent::All } else { Extent::Sample { since: now() - WEEK } };
        match Opened::look(sql, master) {
            Ok(mut opened) => {
                findings
                    .extend(check_content(&mut opened, extent).map_err(|error| failed(&error))?);
            }
            Err(error) => {
                let said = error.to_string();
                findings.push(Finding { what: "master key", is_fine: false, said });
            }
        }
        Ok(findings)
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn as_text(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let word = if finding.is_fine { "fine " } else { "WRONG" };
        format!("{word}  {:<13} {}\n", finding.what, finding.said)
    };
    findings.iter().map(line).collect()
}

fn as_json(findings: &[Finding], is_fine: bool) -> String {
    let one = |finding: &Finding| json!({ "what": finding.what, "fine": finding.is_fine, "said": finding.said });
    let findings: Vec<_> = findings.iter().map(one).collect();
    format!("{}\n", json!({ "fine": is_fine, "findings": findings }))
}
