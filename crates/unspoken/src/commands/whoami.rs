//! `unspoken whoami`: whose token a vault is shown, and what it reaches.

use serde_json::json;
use unspoken_model::shown;
use unspoken_wire::vault::ProjectBody;

use crate::context::Context;
use crate::failure::Failure;
use crate::ui::table;
use crate::vault::{Session, VaultFlag, moment, said};

/// Ask a vault who you are there, and what you reach
///
/// A person or a machine, the team, the environments, and until when the token can be used.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  unspoken whoami\n  unspoken whoami --json")]
pub(crate) struct Whoami {
    #[command(flatten)]
    vault: VaultFlag,
}

impl Whoami {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let session = cx.session(&self.vault)?;
        let projects = session.projects()?;
        let body = &session.body;
        if cx.ui.json {
            let environments = projects.iter().flat_map(|project| {
                project.environments.iter().map(
                    |one| json!({ "id": one.id, "project": project.name, "environment": one.name }),
                )
            });
            return cx.ui.print_json(&json!({
                "vault": session.client.url().as_str(),
                "holder": body.email.as_ref().unwrap_or(&body.name),
                "kind": if body.person.is_some() { "person" } else { "machine" },
                "person": body.person,
                "token": body.token,
                "name": body.name,
                "team": body.team,
                "expires": moment(body.expires).to_string(),
                "environments": environments.collect::<Vec<_>>(),
                "names": body.names,
            }));
        }
        cx.ui.print(&table(&rows(&session, &projects)))
    }
}

fn rows(session: &Session, projects: &[ProjectBody]) -> Vec<Vec<String>> {
    let body = &session.body;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |label: &str, text: String| rows.push(vec![label.to_owned(), text]);
    match (&body.person, &body.email) {
        (Some(person), email) => {
            let called = shown(email.as_ref().unwrap_or(person));
            row("person", format!("{called}, on {}", shown(&body.name)));
        }
        (None, _) => row("machine", format!("{}, which reads and no more", shown(&body.name))),
    }
    row("vault", session.client.url().to_string());
    row("team", shown(&body.team));
    row("token", format!("{}, until {}", shown(&body.token), said(body.expires)));
    if projects.is_empty() {
        row("reaches", "nothing".to_owned());
    }
    for (at, project) in projects.iter().enumerate() {
        let names: Vec<String> = project.environments.iter().map(|one| shown(&one.name)).collect();
        let names = if names.is_empty() { "no environment".to_owned() } else { names.join(", ") };
        let label = if at == 0 { "reaches" } else { "" };
        row(label, format!("{}: {names}", shown(&project.name)));
    }
    if let Some(names) = &body.names {
        let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
        row("names", format!("{} alone", names.join(", ")));
    }
    rows
}
