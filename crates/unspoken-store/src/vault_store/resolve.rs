//! From names to ids, by what the caller may see; and what is made where a name is missing.

use std::collections::BTreeMap;

use unspoken_model::{EnvironmentId, EnvironmentName, ProjectId, TeamId};
use unspoken_wire::vault::{
    EnvironmentBody, EnvironmentRequest, ProjectBody, ProjectList, ProjectRequest, SessionBody,
};

use super::{VaultStore, VaultStoreError};

/// A project of the vault, as far as the caller may see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FoundProject {
    pub id: ProjectId,
    pub team: TeamId,
    pub environments: BTreeMap<EnvironmentName, EnvironmentId>,
}

impl VaultStore {
    /// The id of an environment.
    pub fn environment(
        &self,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentId, VaultStoreError> {
        let found = self.project()?;
        found.environments.get(environment).copied().ok_or_else(|| VaultStoreError::NoEnvironment {
            environment: environment.clone(),
            project: self.project.name.clone(),
        })
    }

    /// The project: by the id that the project file has, else by its repository, else by
    /// its name.
    pub fn project(&self) -> Result<&FoundProject, VaultStoreError> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let found = self.look()?;
        Ok(self.found.get_or_init(|| found))
    }

    fn look(&self) -> Result<FoundProject, VaultStoreError> {
        let project = &self.project;
        if let Some(id) = project.entry.project {
            let mut list = self.list("")?;
            let id = id.to_string();
            list.retain(|one| one.id == id);
            return self.only(list, &id);
        }
        let name = project.name.as_str();
        if let Some(remote) = &project.remote {
            let list = self.list(&format!("?remote={}", encoded(remote.as_str())))?;
            if !list.is_empty() {
                return self.only(list, remote.as_str());
            }
        }
        self.only(self.list(&format!("?name={}", encoded(name)))?, name)
    }

    fn list(&self, query: &str) -> Result<Vec<ProjectBody>, VaultStoreError> {
        let list: ProjectList = self.client.find(&format!("/v1/projects{query}"))?;
        Ok(list.projects)
    }

    fn only(&self, list: Vec<ProjectBody>, name: &str) -> Result<FoundProject, VaultStoreError> {
        let (url, name) = (self.url().clone(), name.to_owned());
        let mut list = list.into_iter();
        match (list.next(), list.next()) {
            (None, _) => Err(VaultStoreError::NoProject { url, name }),
            (Some(one), None) => read(&one),
            (Some(one), Some(other)) => {
                let ids = [one, other].into_iter().chain(list).map(|one| one.id);
                let candidates = ids.map(|id| unspoken_model::shown(&id)).collect();
                Err(VaultStoreError::ManyProjects { url, name, candidates })
            }
        }
    }

    /// Makes the project, in the caller's team.
    pub fn make_project(&self) -> Result<ProjectId, VaultStoreError> {
        let session: SessionBody = self.client.find("/v1/session")?;
        let team: TeamId = session.team.parse()?;
        let remotes = self.project.remote.iter().map(ToString::to_string).collect();
        let request = ProjectRequest { name: self.project.name.to_string(), remotes };
        let made: ProjectBody =
            self.client.put("POST", &format!("/v1/teams/{team}/projects"), &request)?;
        Ok(made.id.parse()?)
    }

    /// Makes an environment in a project.
    pub fn make_environment(
        &self,
        project: ProjectId,
        environment: &EnvironmentName,
    ) -> Result<EnvironmentId, VaultStoreError> {
        let request = EnvironmentRequest { name: environment.to_string() };
        let path = format!("/v1/projects/{project}/environments");
        let made: EnvironmentBody = self.client.put("POST", &path, &request)?;
        Ok(made.id.parse()?)
    }
}

fn read(body: &ProjectBody) -> Result<FoundProject, VaultStoreError> {
    let mut environments = BTreeMap::new();
    for one in &body.environments {
        // A name of a newer vault's rules is none that this project can speak of.
        if let Ok(name) = EnvironmentName::parse(&one.name) {
            environments.insert(name, one.id.parse()?);
        }
    }
    Ok(FoundProject { id: body.id.parse()?, team: body.team.parse()?, environments })
}

/// A text behind a question mark: what is plain as it is, everything else by its bytes.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[test]
fn what_is_asked_cannot_end_the_question() {
    assert_eq!(encoded("git.example.com/acme/web"), "git.example.com%2Facme%2Fweb");
    assert_eq!(encoded("a&b=c d#\u{e9}"), "a%26b%3Dc%20d%23%C3%A9");
}
