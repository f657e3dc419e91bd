//! Everybody, by environment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use unspoken_model::EnvironmentName;

use super::read_verified;
use crate::access::{Reader, Standing, standings};
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};

/// Who there is in each environment.
struct Table {
    columns: Vec<(EnvironmentName, BTreeMap<Reader, Standing>)>,
}

/// Prints the table, and what to do where list and documents differ.
pub(super) fn print(cx: &Context, workspace: &Workspace) -> Result<(), Failure> {
    let file = &workspace.project.file;
    let mut columns = Vec::new();
    for environment in file.environments.keys().filter(|name| !file.is_in_vault(name)) {
        let bytes = read_verified(cx, workspace, environment)?;
        let (_, form) = workspace.project.document(environment);
        let document = unspoken_seal::Document::parse(form, &bytes)
            .map_err(|error| Failure::because(Code::Integrity, &error))?;
        columns.push((environment.clone(), standings(file, environment, &document)));
    }
    // The default environment first: it is the one most looked at.
    columns.sort_by_key(|(environment, _)| *environment != file.default);
    let table = Table { columns };
    if cx.ui.json {
        return cx.ui.print_json(&table.to_json());
    }
    cx.ui.print(&table.print())?;
    for environment in table.differing() {
        cx.ui.warn(&format!(
            "`{environment}` differs from the access list; run `unspoken recipients sync -e \
             {environment}`"
        ));
    }
    Ok(())
}

impl Table {
    fn readers(&self) -> BTreeSet<&Reader> {
        self.columns.iter().flat_map(|(_, standings)| standings.keys()).collect()
    }

    fn differing(&self) -> impl Iterator<Item = &EnvironmentName> {
        let differs = |standings: &BTreeMap<Reader, Standing>| {
            standings.values().any(|standing| *standing != Standing::Reads)
        };
        self.columns.iter().filter(move |(_, each)| differs(each)).map(|(name, _)| name)
    }

    fn print(&self) -> String {
        let mut rows = vec![vec![String::new()]];
        rows[0].extend(self.columns.iter().map(|(environment, _)| environment.to_string()));
        for reader in self.readers() {
            let cells = self.columns.iter().map(|(_, standings)| match standings.get(reader) {
                None => "-",
                Some(Standing::Reads) => "reads",
                Some(Standing::Unlisted) => "READS, not listed",
                Some(Standing::Waiting) => "listed, CANNOT read",
            });
            rows.push(
                std::iter::once(reader.to_string()).chain(cells.map(str::to_owned)).collect(),
            );
        }
        crate::ui::table(&rows)
    }

    fn to_json(&self) -> Value {
        let environments = self.columns.iter().map(|(environment, standings)| {
            let readers = standings.iter().map(|(reader, standing)| {
                json!({
                    "reader": reader.id(),
                    "known": matches!(reader, Reader::Person(_)),
                    "standing": standing.word(),
                })
            });
            json!({
                "name": environment.as_str(),
                "readers": readers.collect::<Vec<_>>(),
            })
        });
        json!({ "environments": environments.collect::<Vec<_>>() })
    }
}
