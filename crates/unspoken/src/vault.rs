//! Which vault is meant, and the way to it.
//!
//! Nothing is connected, and no keychain asked, before a command needs it.

use jiff::{SignedDuration, Timestamp};
use unspoken_model::{EnvironmentName, ProjectName};
use unspoken_store::env_vars::{UNSPOKEN_TOKEN, UNSPOKEN_VAULT_URL};
use unspoken_store::{CredentialError, Credentials, Home, Origin, Setting, VaultClient, VaultUrl};
use unspoken_wire::vault::{EnvironmentBody, ProjectBody, ProjectList, SessionBody};

use crate::context::Context;
use crate::failure::{Code, Failure};

/// `--vault URL`, for the commands that ask one.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VaultFlag {
    /// The vault [default: `UNSPOKEN_VAULT_URL`, else the project's, else the one you are logged in to]
    #[arg(long, value_name = "URL")]
    pub(crate) vault: Option<VaultUrl>,
}

/// A vault, and whose token it was shown.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: VaultClient,
    pub(crate) body: SessionBody,
}

impl Context {
    /// Decides which vault is meant; `None` where nothing says it.
    pub(crate) fn vault_url(
        &self,
        home: &Home,
        flag: &VaultFlag,
        project: Option<VaultUrl>,
    ) -> Result<Option<Setting<VaultUrl>>, Failure> {
        if let Some(url) = &flag.vault {
            return Ok(Some(Setting { value: url.clone(), origin: Origin::Flag("--vault") }));
        }
        if let Some(value) = Credentials::named_vault(&self.variables)? {
            let origin = Origin::Variable(UNSPOKEN_VAULT_URL.name);
            return Ok(Some(Setting { value, origin }));
        }
        if self.variables.is_set(UNSPOKEN_TOKEN) {
            return Err(CredentialError::NoUrl.into());
        }
        if let Some(value) = project {
            return Ok(Some(Setting { value, origin: Origin::ProjectFile }));
        }
        let mut kept = Credentials::list(home)?;
        let only = if kept.len() == 1 { kept.pop() } else { None };
        Ok(only.map(|value| Setting { value, origin: Origin::Default }))
    }

    /// The same, where one has to be meant.
    pub(crate) fn chosen_vault(&self, home: &Home, flag: &VaultFlag) -> Result<VaultUrl, Failure> {
        if let Some(found) = self.vault_url(home, flag, self.project_vault())? {
            return Ok(found.value);
        }
        let kept = Credentials::list(home)?;
        if kept.is_empty() {
            return Err(Failure::new(Code::Usage, "nothing says which vault is meant")
                .hint("Name it: `--vault https://vault.example.com`."));
        }
        let kept: Vec<String> = kept.iter().map(|url| format!("`--vault {url}`")).collect();
        Err(Failure::new(Code::Usage, "you are logged in to several vaults")
            .hint(format!("Name one: {}.", kept.join(", "))))
    }

    /// The vault of the project that we are in, if its file names one.
    pub(crate) fn project_vault(&self) -> Option<VaultUrl> {
        Some(self.project().ok()?.file.vault?.url)
    }

    /// A client for a vault, with the token that this machine has for it.
    pub(crate) fn vault_client(&self, home: &Home, url: VaultUrl) -> Result<VaultClient, Failure> {
        let Some(token) = Credentials::find(home, &self.variables, &url)? else {
            return Err(Failure::new(Code::Denied, format!("there is no token for `{url}`"))
                .hint(format!("Run `unspoken login --vault {url}`.")));
        };
        Ok(VaultClient::new(url, Some(token)))
    }

    /// Asks the vault that is meant whose token it is that we have for it.
    pub(crate) fn session(&self, flag: &VaultFlag) -> Result<Session, Failure> {
        let home = self.home()?;
        let client = self.vault_client(&home, self.chosen_vault(&home, flag)?)?;
        let body = client.find("/v1/session")?;
        Ok(Session { client, body })
    }
}

impl Session {
    /// The projects that the token reaches, with their environments.
    pub(crate) fn projects(&self) -> Result<Vec<ProjectBody>, Failure> {
        Ok(self.client.find::<ProjectList>("/v1/projects")?.projects)
    }

    /// The project of this name, or without one the project of this folder: by its id, where its
    /// file tells that of this vault, else by its name.
    pub(crate) fn project(
        &self,
        cx: &Context,
        named: Option<&ProjectName>,
    ) -> Result<ProjectBody, Failure> {
        let url = self.client.url();
        let (name, id) = match named {
            Some(name) => (name.clone(), None),
            None => {
                let file = cx.project()?.file;
                let entry = file.vault.filter(|entry| entry.url == *url);
                (file.project, entry.and_then(|entry| entry.project))
            }
        };
        let is_meant = |one: &ProjectBody| match &id {
            Some(id) => one.id == id.to_string(),
            None => one.name == name.as_str(),
        };
        let mut found: Vec<ProjectBody> = self.projects()?.into_iter().filter(is_meant).collect();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_), false) => {
                let message = format!("several teams have a project `{name}` in `{url}`");
                Err(Failure::new(Code::Usage, message)
                    .hint("Write the right one below `[vault]` in `unspoken.toml`: `project = \"proj_…\"`."))
            }
            (None, _) => {
                let message = format!("you reach no project `{name}` in `{url}`");
                Err(Failure::new(Code::Missing, message)
                    .hint(format!("Run `unspoken whoami --vault {url}` to see what you reach.")))
            }
        }
    }
}

/// The environment of a project that goes by this name.
pub(crate) fn environment_of<'p>(
    project: &'p ProjectBody,
    name: &EnvironmentName,
) -> Result<&'p EnvironmentBody, Failure> {
    let found = project.environments.iter().find(|one| one.name == name.as_str());
    found.ok_or_else(|| {
        let there = project.environments.iter();
        let there: Vec<String> =
            there.map(|one| format!("`{}`", unspoken_model::shown(&one.name))).collect();
        let project = unspoken_model::shown(&project.name);
        let failure = Failure::new(
            Code::Missing,
            format!("you reach no `{name}` of `{project}` in the vault"),
        );
        match there.as_slice() {
            [] => failure,
            there => failure.hint(format!("You reach {} there.", there.join(", "))),
        }
    })
}

/// An environment as people call it, by its id; the id where nothing tells.
pub(crate) fn called(projects: &[ProjectBody], id: &str) -> String {
    let in_project = |project: &ProjectBody| {
        let found: Option<&EnvironmentBody> = project.environments.iter().find(|one| one.id == id);
        found.map(|found| unspoken_model::shown(&format!("{}/{}", project.name, found.name)))
    };
    projects.iter().find_map(in_project).unwrap_or_else(|| unspoken_model::shown(id))
}

/// What a vault calls a moment. One that no calendar has is the last one.
pub(crate) fn moment(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// A moment to the second, as it is said.
pub(crate) fn said(milliseconds: i64) -> String {
    format!("{:.0}", moment(milliseconds))
}

/// Reads a time span: a number and one of `s`, `m`, `h`, `d`, `w`.
pub(crate) fn parse_span(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "expected a number and a unit, such as `15m`, `12h` or `7d`".to_owned();
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match text.strip_prefix(digits) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        Some("d") => 86_400,
        Some("w") => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0);
    seconds.map(SignedDuration::from_secs).ok_or_else(wrong)
}

#[test]
fn a_span_is_a_number_and_a_unit() {
    for (text, seconds) in [("1s", 1), ("15m", 900), ("12h", 43_200), ("7d", 604_800)] {
        assert_eq!(parse_span(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
    }
    for wrong in ["", "7", "d", "7dd", "-1d", "0d", "1.5h", "99999999999999999w", "7 d"] {
        assert!(parse_span(wrong).is_err(), "{wrong}");
    }
}
