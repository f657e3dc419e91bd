//! `unspoken list`: names, never values, and no key needed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Value, json};
use unspoken_model::{EnvironmentName, Expiry, ExpiryState, SecretName, shown};
use unspoken_store::{Sheet, StoreError};

use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::json;
use crate::ui::table;

/// List the names of secrets, with no key
///
/// Without `-e`: which environment has which name, where it is inherited from,
/// what is missing, what expires. With `-e`: that environment's names, one a
/// line, with those that it inherits. A vault is asked for names alone; when it
/// cannot be reached, its environments show `?`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken list\n  unspoken list -e production\n  unspoken list --json"
)]
pub(crate) struct List {
    #[command(flatten)]
    env: EnvFlag,
}

/// One environment as its own source shows it.
struct Column {
    environment: EnvironmentName,
    /// The environment and what it inherits from, nearest first.
    ancestry: Vec<EnvironmentName>,
    own: BTreeSet<String>,
    expires: BTreeMap<SecretName, Expiry>,
    /// Whether it lives in a vault that cannot be reached, so that nobody knows.
    is_unknown: bool,
}

/// What one environment has for one name.
struct Cell<'t> {
    origin: &'t EnvironmentName,
    expiry: Option<Expiry>,
}

/// What is done where an environment cannot be asked.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Unknown {
    Shown,
    Refused,
}

struct Table {
    columns: Vec<Column>,
    today: Date,
}

impl List {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let file = &workspace.project.file;
        if self.env.env.is_none() {
            let all: Vec<EnvironmentName> = file.environments.keys().cloned().collect();
            let table = Table::read(cx, &workspace, &all, Unknown::Shown)?;
            if cx.ui.json {
                return cx.ui.print_json(&table.to_json());
            }
            return cx.ui.print(&table.print());
        }
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let ancestry = file.ancestry(&environment).map_err(StoreError::from)?;
        let table = Table::read(cx, &workspace, &ancestry, Unknown::Refused)?;
        let names: Vec<&str> = table.names_of(&environment);
        if cx.ui.json {
            return cx.ui.print_json(&table.column_json(&environment, &names));
        }
        cx.ui.print(&names.iter().map(|name| shown(name) + "\n").collect::<String>())
    }
}

impl Table {
    fn read(
        cx: &Context,
        workspace: &Workspace,
        environments: &[EnvironmentName],
        unknown: Unknown,
    ) -> Result<Self, Failure> {
        let mut columns = Vec::new();
        for environment in environments {
            let (sheet, is_unknown) = match cx.sheet(workspace, environment) {
                Ok(sheet) => (sheet, false),
                Err(failure) if unknown == Unknown::Shown && failure.code == Code::Unreachable => {
                    cx.ui.warn(&format!("`{environment}` is not known: {}", failure.message));
                    (Sheet::default(), true)
                }
                Err(failure) => return Err(failure),
            };
            columns.push(Column {
                environment: environment.clone(),
                ancestry: workspace.project.file.ancestry(environment).map_err(StoreError::from)?,
                own: sheet.names,
                expires: sheet.expires,
                is_unknown,
            });
        }
        // The default environment first: it is the one most looked at.
        columns.sort_by_key(|column| column.environment != workspace.project.file.default);
        Ok(Self { columns, today: cx.today() })
    }

    fn column(&self, environment: &EnvironmentName) -> Option<&Column> {
        self.columns.iter().find(|column| column.environment == *environment)
    }

    /// Whether nobody knows all names of an environment now.
    fn is_unknown(&self, environment: &EnvironmentName) -> bool {
        let ancestry = self.column(environment).map(|column| column.ancestry.as_slice());
        let mut columns = ancestry.unwrap_or_default().iter().filter_map(|name| self.column(name));
        columns.any(|column| column.is_unknown)
    }

    fn names(&self) -> BTreeSet<&str> {
        self.columns.iter().flat_map(|column| &column.own).map(String::as_str).collect()
    }

    fn names_of(&self, environment: &EnvironmentName) -> Vec<&str> {
        self.names().into_iter().filter(|name| self.cell(environment, name).is_some()).collect()
    }

    fn cell(&self, environment: &EnvironmentName, name: &str) -> Option<Cell<'_>> {
        let ancestry = &self.column(environment)?.ancestry;
        let mut ancestors = ancestry.iter().filter_map(|ancestor| self.column(ancestor));
        let holder = ancestors.find(|column| column.own.contains(name))?;
        let expiry = SecretName::parse(name).ok().and_then(|n| holder.expires.get(&n).copied());
        Some(Cell { origin: &holder.environment, expiry })
    }

    fn print(&self) -> String {
        let mut rows = vec![vec![String::new()]];
        rows[0].extend(self.columns.iter().map(|column| column.environment.to_string()));
        for name in self.names() {
            let cells =
                self.columns.iter().map(|column| self.print_cell(&column.environment, name));
            rows.push(std::iter::once(shown(name)).chain(cells).collect());
        }
        table(&rows)
    }

    fn print_cell(&self, environment: &EnvironmentName, name: &str) -> String {
        let Some(cell) = self.cell(environment, name) else {
            return if self.is_unknown(environment) { "?" } else { "-" }.to_owned();
        };
        let mut text = if cell.origin == environment {
            "set".to_owned()
        } else {
            format!("from {}", cell.origin)
        };
        match cell.expiry.map(|expiry| (expiry, expiry.state(self.today))) {
            None => {}
            Some((_, ExpiryState::Expired { days })) => {
                text.push_str(&format!(", EXPIRED {days} days ago"));
            }
            Some((_, ExpiryState::Soon { days })) => {
                text.push_str(&format!(", expires in {days} days"));
            }
            Some((date, ExpiryState::Later { .. })) => text.push_str(&format!(", until {date}")),
        }
        text
    }

    fn cell_json(&self, environment: &EnvironmentName, name: &str) -> Value {
        match self.cell(environment, name) {
            None => Value::Null,
            Some(cell) => json!({
                "from": cell.origin.as_str(),
                "inherited": cell.origin != environment,
                "expiry": json::expiry(cell.expiry, self.today),
            }),
        }
    }

    fn to_json(&self) -> Value {
        let environments: Vec<&str> =
            self.columns.iter().map(|column| column.environment.as_str()).collect();
        let names: Vec<Value> = self
            .names()
            .into_iter()
            .map(|name| {
                let cells: serde_json::Map<String, Value> = self
                    .columns
                    .iter()
                    .map(|c| (c.environment.to_string(), self.cell_json(&c.environment, name)))
                    .collect();
                json!({ "name": name, "environments": cells })
            })
            .collect();
        let unknown = self.columns.iter().filter(|column| column.is_unknown);
        let unknown: Vec<&str> = unknown.map(|column| column.environment.as_str()).collect();
        let mut json = json!({ "environments": environments, "names": names });
        if !unknown.is_empty() {
            json["unknown"] = json!(unknown);
        }
        json
    }

    fn column_json(&self, environment: &EnvironmentName, names: &[&str]) -> Value {
        let names: Vec<Value> = names
            .iter()
            .map(|name| {
                let mut cell = self.cell_json(environment, name);
                if let Value::Object(map) = &mut cell {
                    map.shift_insert(0, "name".to_owned(), json!(name));
                }
                cell
            })
            .collect();
        json!({ "environment": environment.as_str(), "names": names })
    }
}
