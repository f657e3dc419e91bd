//! Where something sealed belongs: part of its key, and checked beside its text.
//!
//! What is sealed at one address opens at no other one: who can write to the database
//! cannot move a value between teams, projects, environments, names or versions.

use unspoken_model::{DeploymentId, EnvironmentId, ProjectId, SecretName, TeamId};

/// What a key is used for. Each is a different key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// Proves that a master key is the one of a store.
    Check,
    /// Wraps a project's key.
    ProjectKey,
    /// Wraps the key of one version.
    DataKey,
    /// Seals the value of one version.
    Value,
    /// Seals what belongs to a person or to the store itself.
    Own,
}

/// Fields in their order, each with its length in front, so that none can pass a part
/// of itself to its neighbour.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address(Vec<u8>);

/// The version of this scheme, and the algorithms that it means.
const FORMAT: &str = "unspoken-vault/1";
const SUITE: &str = "hkdf-sha512+aes-256-gcm";

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::ProjectKey => "project-key",
            Self::DataKey => "data-key",
            Self::Value => "value",
            Self::Own => "own",
        }
    }

    /// What goes into the derivation of the key.
    pub(crate) fn bind(self, address: &Address) -> Vec<u8> {
        let mut bytes = b"unspoken/v1/".to_vec();
        push(&mut bytes, self.as_str().as_bytes());
        bytes.extend_from_slice(&address.0);
        bytes
    }
}

impl Address {
    /// The store itself.
    pub(crate) fn deployment(deployment: &DeploymentId) -> Self {
        let mut address = Self(Vec::with_capacity(256));
        for field in [FORMAT, SUITE, &deployment.to_string()] {
            push(&mut address.0, field.as_bytes());
        }
        address
    }

    /// Something of the store's own, by what it is and whose.
    pub(crate) fn own(deployment: &DeploymentId, what: &str, whose: &str) -> Self {
        Self::deployment(deployment).with(what).with(whose)
    }

    pub(crate) fn project(deployment: &DeploymentId, team: &TeamId, project: &ProjectId) -> Self {
        Self::deployment(deployment).with(&team.to_string()).with(&project.to_string())
    }

    /// A project's key, wrapped by one version of the master key.
    pub(crate) fn wrapped_by(self, kek: i64) -> Self {
        self.with(&kek.to_string())
    }

    /// One version of a value in a project.
    pub(crate) fn version(
        self,
        environment: &EnvironmentId,
        name: &SecretName,
        version: i64,
    ) -> Self {
        self.with(&environment.to_string()).with(name.as_str()).with(&version.to_string())
    }

    /// The same, and by which version of the project's key.
    pub(crate) fn under(self, key_version: i64) -> Self {
        self.with(&key_version.to_string())
    }

    fn with(mut self, field: &str) -> Self {
        push(&mut self.0, field.as_bytes());
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it is made of, each with its name, for a holder of the master key that is told so. What
    /// is empty is left out: its name says that it is.
    #[cfg(feature = "aws-kms")]
    pub(crate) fn told(&self, purpose: Purpose) -> Vec<(&'static str, &str)> {
        let names: &[&str] = match purpose {
            Purpose::ProjectKey => &["format", "suite", "deployment", "team", "project", "kek"],
            _ => &["format", "suite", "deployment", "what", "whose", "kek"],
        };
        let mut fields = vec![("purpose", purpose.as_str())];
        let mut rest = self.0.as_slice();
        for name in names {
            let Some((length, behind)) = rest.split_first_chunk() else { break };
            let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let Some((field, behind)) = behind.split_at_checked(length) else { break };
            rest = behind;
            let text = str::from_utf8(field).unwrap_or_default();
            fields.extend(Some((*name, text)).filter(|_| !text.is_empty()));
        }
        fields
    }
}

fn push(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
    bytes.extend_from_slice(field);
}

#[test]
fn no_two_addresses_are_spelt_alike() {
    let (deployment, team) = (DeploymentId::new([1; 16]), TeamId::new([2; 16]));
    let (project, environment) = (ProjectId::new([3; 16]), EnvironmentId::new([4; 16]));
    let name = |text| SecretName::parse(text).unwrap();
    let place = || Address::project(&deployment, &team, &project);
    let all = [
        Address::deployment(&deployment),
        Address::own(&deployment, "a", "bc"),
        Address::own(&deployment, "ab", "c"),
        place(),
        Address::project(&deployment, &TeamId::new([9; 16]), &project),
        place().wrapped_by(1),
        place().version(&environment, &name("A"), 11),
        place().version(&environment, &name("A1"), 1),
        place().version(&EnvironmentId::new([5; 16]), &name("A"), 11),
        place().version(&environment, &name("A"), 11).under(1),
        place().version(&environment, &name("A"), 1).under(11),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all.iter().skip(at + 1).all(|other| one != other), "{at}");
        let bound = |purpose: Purpose| purpose.bind(one);
        assert_ne!(bound(Purpose::Value), bound(Purpose::DataKey));
    }
}

#[cfg(feature = "aws-kms")]
#[test]
fn an_address_is_told_by_names_and_whole() {
    let (deployment, team) = (DeploymentId::new([1; 16]), TeamId::new([2; 16]));
    let project = ProjectId::new([3; 16]);
    let address = Address::project(&deployment, &team, &project).wrapped_by(7);
    let expected = [
        ("purpose", "project-key".to_owned()),
        ("format", FORMAT.to_owned()),
        ("suite", SUITE.to_owned()),
        ("deployment", deployment.to_string()),
        ("team", team.to_string()),
        ("project", project.to_string()),
        ("kek", "7".to_owned()),
    ];
    let told = address.told(Purpose::ProjectKey);
    assert!(told.iter().map(|(name, text)| (*name, (*text).to_owned())).eq(expected));
    let check = Address::own(&deployment, "check", "").wrapped_by(1);
    let told = check.told(Purpose::Check);
    assert_eq!(told[4..], [("what", "check"), ("kek", "1")]);
    let own = Address::own(&deployment, "totp", "person_1");
    assert_eq!(own.told(Purpose::Own)[4..], [("what", "totp"), ("whose", "person_1")]);
}
