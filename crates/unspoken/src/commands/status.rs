//! `unspoken status`: what would be used here, and whether the vault answers.

use serde_json::{Value, json};
use unspoken_model::EnvironmentName;
use unspoken_store::{
    Credentials, Home, KeptIn, Project, Setting, TokenPlace, VaultClient, VaultUrl,
};
use unspoken_wire::vault::SessionBody;

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::ui::table;
use crate::vault::{VaultFlag, moment};

/// See what this folder and this machine would use
///
/// The project, its environments and where each of them lives; the vault, where its token is and
/// until when it can be used, and whether the vault answers. It is no error when it does not.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken status\n  unspoken status --offline\n  unspoken status --json"
)]
pub(crate) struct Status {
    #[command(flatten)]
    vault: VaultFlag,

    /// Do not ask the vault
    #[arg(long)]
    offline: bool,
}

/// What was found. What is wrong with a part of it is said in its place.
struct Seen {
    project: Option<Project>,
    environment: Option<Setting<EnvironmentName>>,
    vault: Option<Setting<VaultUrl>>,
    token: Option<TokenPlace>,
    answer: Option<Answer>,
    wrong: Vec<(&'static str, Failure)>,
}

/// What the vault said.
enum Answer {
    Knows(Box<SessionBody>),
    /// It answers, and there is no token to show it.
    There,
    Failed(Failure),
}

impl Status {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let home = cx.home()?;
        let mut seen = Seen {
            project: None,
            environment: None,
            vault: None,
            token: None,
            answer: None,
            wrong: Vec::new(),
        };
        match cx.project() {
            Ok(project) => seen.take_project(cx, project),
            Err(failure) if failure.code == Code::Missing => {}
            Err(failure) => seen.wrong.push(("project", failure)),
        }
        match cx.vault_url(&home, &self.vault, cx.project_vault()) {
            Ok(Some(url)) => seen.take_vault(cx, &home, url, self.offline),
            Ok(None) => {}
            Err(failure) => seen.wrong.push(("vault", failure)),
        }
        if cx.ui.json {
            return cx.ui.print_json(&seen.to_json());
        }
        cx.ui.print(&table(&seen.rows(&home)?))
    }
}

impl Seen {
    fn take_project(&mut self, cx: &Context, project: Project) {
        match cx.environment(&project, &EnvFlag { env: None }) {
            Ok(environment) => self.environment = Some(environment),
            Err(failure) => self.wrong.push(("environment", failure)),
        }
        self.project = Some(project);
    }

    fn take_vault(&mut self, cx: &Context, home: &Home, url: Setting<VaultUrl>, offline: bool) {
        match Credentials::locate(home, &cx.variables, &url.value) {
            Ok(token) => self.token = token,
            Err(error) => self.wrong.push(("token", error.into())),
        }
        if !offline {
            self.answer = Some(ask(cx, home, &url.value));
        }
        self.vault = Some(url);
    }

    fn rows(&self, home: &Home) -> Result<Vec<Vec<String>>, Failure> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut row = |label: &str, text: String| rows.push(vec![label.to_owned(), text]);
        match &self.project {
            Some(project) => {
                row("project", format!("{} in {}", project.file.project, project.root.display()));
                for name in project.file.environments.keys() {
                    row("environment", self.environment_row(project, name));
                }
            }
            None => row("project", "none here".to_owned()),
        }
        match &self.vault {
            Some(url) => row("vault", format!("{} (by {})", url.value, by(url))),
            None => {
                let kept: Vec<String> =
                    Credentials::list(home)?.iter().map(ToString::to_string).collect();
                let words = match kept.as_slice() {
                    [] => "none".to_owned(),
                    kept => format!("none is chosen of {}", kept.join(", ")),
                };
                row("vault", words);
            }
        }
        if self.vault.is_some() {
            row("token", self.token.as_ref().map_or("none".to_owned(), said_of));
        }
        match &self.answer {
            Some(Answer::Knows(body)) => {
                let whose = body.email.as_ref().unwrap_or(&body.name);
                row("answer", format!("it knows {}", unspoken_model::shown(whose)));
            }
            Some(Answer::There) => row("answer", "it is there".to_owned()),
            Some(Answer::Failed(failure)) => row("answer", failure.message.clone()),
            None => {}
        }
        for (what, failure) in &self.wrong {
            row(what, format!("cannot be used: {}", failure.message));
        }
        Ok(rows)
    }

    fn environment_row(&self, project: &Project, name: &EnvironmentName) -> String {
        let place = if project.file.is_in_vault(name) {
            "the vault".to_owned()
        } else {
            project.file.document_path(name)
        };
        match self.environment.as_ref().filter(|chosen| chosen.value == *name) {
            Some(chosen) => format!("{name} in {place} (used here, by {})", chosen.origin),
            None => format!("{name} in {place}"),
        }
    }

    fn to_json(&self) -> Value {
        let project = self.project.as_ref().map(|project| {
            let places = project.file.environments.keys().map(|name| {
                let in_vault = project.file.is_in_vault(name);
                json!({
                    "environment": name.as_str(),
                    "source": if in_vault { "vault" } else { "document" },
                    "document": (!in_vault).then(|| project.file.document_path(name)),
                })
            });
            json!({
                "project": project.file.project.to_string(),
                "root": project.root.display().to_string(),
                "environments": places.collect::<Vec<_>>(),
            })
        });
        let environment = self.environment.as_ref().map(
            |chosen| json!({ "name": chosen.value.as_str(), "by": chosen.origin.to_string() }),
        );
        let vault =
            self.vault.as_ref().map(|url| json!({ "url": url.value.as_str(), "by": by(url) }));
        let token = self.token.as_ref().map(|place| match place {
            TokenPlace::Variable => json!({ "in": "variable" }),
            TokenPlace::Kept { kept, path, note } => json!({
                "in": match kept { KeptIn::File => "file", KeptIn::Keychain => "keychain" },
                "path": matches!(kept, KeptIn::File).then(|| path.display().to_string()),
                "holder": note.holder,
                "expires": note.expires.to_string(),
            }),
        });
        let answer = self.answer.as_ref().map(|answer| match answer {
            Answer::Knows(body) => json!({
                "reachable": true,
                "token": "good",
                "expires": moment(body.expires).to_string(),
            }),
            Answer::There => json!({ "reachable": true }),
            Answer::Failed(failure) => json!({
                "reachable": failure.code != Code::Unreachable,
                "code": failure.code.number(),
                "message": failure.message,
            }),
        });
        let wrong = self.wrong.iter().map(|(what, failure)| {
            json!({ "what": what, "code": failure.code.number(), "message": failure.message })
        });
        json!({
            "project": project,
            "environment": environment,
            "vault": vault,
            "token": token,
            "answer": answer,
            "wrong": wrong.collect::<Vec<_>>(),
        })
    }
}

/// Asks the vault about the token, or without one whether it is there.
fn ask(cx: &Context, home: &Home, url: &VaultUrl) -> Answer {
    let token = match Credentials::find(home, &cx.variables, url) {
        Ok(token) => token,
        Err(error) => return Answer::Failed(error.into()),
    };
    let has_token = token.is_some();
    match VaultClient::new(url.clone(), token).find("/v1/session") {
        Ok(body) => Answer::Knows(Box::new(body)),
        Err(error) if !has_token && error.code() == Some("unauthorized") => Answer::There,
        Err(error) => Answer::Failed(error.into()),
    }
}

fn by(url: &Setting<VaultUrl>) -> String {
    match url.origin {
        unspoken_store::Origin::Default => "the login".to_owned(),
        origin => origin.to_string(),
    }
}

fn said_of(place: &TokenPlace) -> String {
    match place {
        TokenPlace::Variable => "in the variable `UNSPOKEN_TOKEN`".to_owned(),
        TokenPlace::Kept { kept, path, note } => {
            let place = match kept {
                KeptIn::File => format!("in `{}`", path.display()),
                KeptIn::Keychain => "in the keychain".to_owned(),
            };
            format!("{place}, of {}, until {:.0}", note.holder, note.expires)
        }
    }
}
