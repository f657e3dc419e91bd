//! What a person has permitted inside of coding agents, as a pure record.
//!
//! Rules:
//! - A permission is for one project at one path, one environment, one command,
//!   and ends by itself.
//! - Strict. A record that does not read permits nothing.
//!
//! Where records lie is not known here, nor what time it is.

use jiff::{SignedDuration, Timestamp};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};
use unspoken_model::EnvironmentName;

use crate::record::{Record, RecordError, RecordKind, VERSION, begin, text_of};

/// The permissions of one project.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permissions {
    /// The project's root, with no link in it.
    pub root: String,
    /// The project's id, as its file says it.
    pub project: String,
    pub granted: Vec<Permission>,
}

/// One command, for a while.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permission {
    pub environment: EnvironmentName,
    pub command: String,
    pub until: Timestamp,
}

impl Record for Permissions {
    const KIND: RecordKind = RecordKind::Permissions;

    fn root(&self) -> &str {
        &self.root
    }

    fn read(text: &str) -> Result<Self, RecordError> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.print()
    }
}

impl Permissions {
    const KEYS: [&'static str; 4] = ["version", "root", "project", "permission"];

    /// How long a permission lasts at the most.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);

    /// Until when a command is permitted now; `None` when it is not. One that
    /// ends later than any may was not written by us.
    pub fn find(
        &self,
        environment: &EnvironmentName,
        command: &str,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let granted = self.granted.iter().filter(|permission| {
            permission.environment == *environment
                && permission.command == command
                && permission.holds(now)
        });
        granted.map(|permission| permission.until).max()
    }

    /// Adds a permission, in the place of an older one, and forgets what is over.
    pub fn grant(&mut self, permission: Permission, now: Timestamp) {
        self.granted.retain(|old| {
            old.holds(now)
                && (&old.environment, &old.command)
                    != (&permission.environment, &permission.command)
        });
        self.granted.push(permission);
    }

    /// Reads a record.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let (document, root) = begin(text, &Self::KEYS)?;
        let table = document.as_table();
        let project = text_of(table, "project").ok_or(RecordError::Field { key: "project" })?;
        let granted = match table.get("permission") {
            None => Vec::new(),
            Some(item) => {
                let tables = item.as_array_of_tables();
                let tables = tables.ok_or(RecordError::Field { key: "permission" })?;
                tables.iter().map(Permission::read).collect::<Result<_, _>>()?
            }
        };
        Ok(Self { root, project, granted })
    }

    /// Writes a record.
    pub fn print(&self) -> String {
        let mut document = DocumentMut::new();
        document.insert("version", value(VERSION));
        document.insert("root", value(self.root.as_str()));
        document.insert("project", value(self.project.as_str()));
        let mut tables = ArrayOfTables::new();
        for permission in &self.granted {
            let mut table = Table::new();
            table.insert("environment", value(permission.environment.as_str()));
            table.insert("command", value(permission.command.as_str()));
            table.insert("until", value(permission.until.to_string()));
            tables.push(table);
        }
        if !tables.is_empty() {
            document.insert("permission", Item::ArrayOfTables(tables));
        }
        document.to_string()
    }
}

impl Permission {
    /// Whether it has not ended, and ends as soon as any must.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until && self.until.duration_since(now) <= Permissions::LONGEST
    }

    fn read(table: &Table) -> Result<Self, RecordError> {
        if table.len() != 3 {
            return Err(RecordError::Field { key: "permission" });
        }
        let environment = text_of(table, "environment")
            .and_then(|text| EnvironmentName::parse(&text).ok())
            .ok_or(RecordError::Field { key: "environment" })?;
        let command = text_of(table, "command").ok_or(RecordError::Field { key: "command" })?;
        let until = text_of(table, "until").and_then(|text| text.parse().ok());
        let until = until.ok_or(RecordError::Field { key: "until" })?;
        Ok(Self { environment, command, until })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn environment(text: &str) -> EnvironmentName {
        EnvironmentName::parse(text).unwrap()
    }

    fn granted(name: &str, command: &str, seconds: i64) -> Permission {
        let until = at(seconds);
        Permission { environment: environment(name), command: command.to_owned(), until }
    }

    fn permissions() -> Permissions {
        Permissions {
            root: "/home/ada/acme \"web\"".to_owned(),
            project: "acme-web".to_owned(),
            granted: vec![granted("staging", "get", 60), granted("staging", "edit", 3600)],
        }
    }

    #[test]
    fn a_permission_is_for_one_command_in_one_environment_for_a_while() {
        #[track_caller]
        fn case(name: &str, command: &str, now: i64, expected: bool) {
            let found = permissions().find(&environment(name), command, at(now));
            assert_eq!(found.is_some(), expected, "{name} {command} {now}");
        }

        case("staging", "get", 0, true);
        case("staging", "get", 59, true);
        case("staging", "get", 60, false);
        case("staging", "edit", 60, true);
        case("staging", "export", 0, false);
        case("production", "get", 0, false);
        // The clock was set back, or somebody wrote a year.
        case("staging", "get", -86_400, false);
    }

    #[test]
    fn what_is_granted_again_replaces_and_what_is_over_is_forgotten() {
        let mut permissions = permissions();
        permissions.grant(granted("staging", "edit", 7200), at(100));
        assert_eq!(permissions.granted, [granted("staging", "edit", 7200)]);
    }

    #[test]
    fn a_record_that_is_not_ours_permits_nothing() {
        #[track_caller]
        fn case(text: &str, expected: RecordError) {
            assert_eq!(Permissions::parse(text), Err(expected), "{text}");
        }

        let text = permissions().print();
        assert_eq!(Permissions::parse(&text), Ok(permissions()));
        let none = Permissions { granted: Vec::new(), ..permissions() };
        assert_eq!(Permissions::parse(&none.print()), Ok(none));
        let field = |key| RecordError::Field { key };
        case("", field("version"));
        case("a = 1\na = 1", RecordError::Syntax);
        case(&text.replace("version = 1", "version = 2"), RecordError::Newer);
        case(&format!("more = 1\n{text}"), field("version"));
        case(&text.replace("\"staging\"", "\"Sta ging\""), field("environment"));
        case(&text.replace("until = \"2", "until = \"x2"), field("until"));
        case(&format!("{text}more = 1\n"), field("permission"));
        case("version = 1\nroot = \"a\"\nproject = \"b\"", field("root"));
        case("version = 1\nroot = \"/a\"\n", field("project"));
        case("version = 1\nroot = \"/a\"\nproject = \"b\"\npermission = 1\n", field("permission"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = Permissions::parse(&text);
            let _ = Permissions::parse(&format!("version = 1\nroot = \"/\"\nproject = \"p\"\n{text}"));
        }
    }
}
