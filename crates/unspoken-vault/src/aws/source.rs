//! From whom this program gets to know who it is: in the order in which AWS's own programs look.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use ureq::Agent;
use zeroize::Zeroizing;

use super::credential::Credential;
use super::endpoint::{self, Endpoint, Reply};
use super::kms::KmsError;
use crate::key::KmsKey;
use crate::outward;

/// The variables of AWS that are read. Those for addresses are for tests and for private endpoints.
#[derive(Default)]
pub(crate) struct AwsVariables {
    id: Option<Zeroizing<String>>,
    secret: Option<Zeroizing<String>>,
    token: Option<Zeroizing<String>>,
    role: Option<String>,
    role_session: Option<String>,
    role_token_file: Option<PathBuf>,
    container_path: Option<String>,
    container_url: Option<String>,
    container_token: Option<Zeroizing<String>>,
    container_token_file: Option<PathBuf>,
    no_machine: bool,
    machine_url: Option<String>,
    sts_url: Option<String>,
    pub(super) kms_url: Option<String>,
}

/// Where credentials come from.
pub(super) enum Source {
    Variables(AwsVariables),
    /// A role, taken by a token of an identity that AWS believes (IRSA).
    Role {
        arn: String,
        session: String,
        token: PathBuf,
        sts: Endpoint,
        agent: Agent,
    },
    /// What serves a container (ECS, EKS Pod Identity).
    Container {
        url: Endpoint,
        token: ContainerToken,
        agent: Agent,
    },
    /// What serves a machine (version 2 of AWS's instance metadata).
    Machine {
        root: Endpoint,
        agent: Agent,
    },
}

/// What is shown to what serves a container.
pub(super) enum ContainerToken {
    None,
    Own(Zeroizing<String>),
    File(PathBuf),
}

/// How long one may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a token in a file is at most.
const TOKEN: u64 = 16 * 1024;

impl AwsVariables {
    /// Reads them. An empty one is not set.
    pub(crate) fn read(text: impl Fn(&str) -> Option<String>) -> Self {
        let secret = |name| text(name).map(Zeroizing::new);
        let path = |name| text(name).map(PathBuf::from);
        Self {
            id: secret("AWS_ACCESS_KEY_ID"),
            secret: secret("AWS_SECRET_ACCESS_KEY"),
            token: secret("AWS_SESSION_TOKEN"),
            role: text("AWS_ROLE_ARN"),
            role_session: text("AWS_ROLE_SESSION_NAME"),
            role_token_file: path("AWS_WEB_IDENTITY_TOKEN_FILE"),
            container_path: text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            container_url: text("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            container_token: secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            container_token_file: path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            no_machine: text("AWS_EC2_METADATA_DISABLED")
                .is_some_and(|text| text.eq_ignore_ascii_case("true")),
            machine_url: text("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            sts_url: text("AWS_ENDPOINT_URL_STS"),
            kms_url: text("AWS_ENDPOINT_URL_KMS"),
        }
    }

    fn own(&self) -> Option<Credential> {
        let (id, secret) = (self.id.clone()?, self.secret.clone()?);
        Some(Credential { id, secret, token: self.token.clone(), end: None })
    }

    /// The first place that there is. `key` says in which region to ask for a role.
    pub(super) fn source(&self, key: &KmsKey) -> Result<Source, KmsError> {
        let agent = || outward::agent(PATIENCE);
        if self.own().is_some() {
            let (id, secret) = (self.id.clone(), self.secret.clone());
            return Ok(Source::Variables(Self {
                id,
                secret,
                token: self.token.clone(),
                ..Self::default()
            }));
        }
        if let (Some(arn), Some(token)) = (self.role.clone(), self.role_token_file.clone()) {
            let usual = || format!("https://sts.{}.{}", key.region(), key.domain());
            let sts = Endpoint::root(&self.sts_url.clone().unwrap_or_else(usual));
            let session = self.role_session.clone().unwrap_or_else(|| "unspoken-vault".to_owned());
            let sts = sts.ok_or(KmsError::Endpoint)?;
            return Ok(Source::Role { arn, session, token, sts, agent: agent() });
        }
        let relative = |path: &String| format!("http://169.254.170.2{path}");
        let url = self.container_path.as_ref().map(relative).or_else(|| self.container_url.clone());
        if let Some(url) = url {
            let token = match (&self.container_token_file, &self.container_token) {
                (Some(file), _) => ContainerToken::File(file.clone()),
                (None, Some(token)) => ContainerToken::Own(token.clone()),
                (None, None) => ContainerToken::None,
            };
            let url = Endpoint::parse(&url).ok_or(KmsError::Endpoint)?;
            return Ok(Source::Container { url, token, agent: agent() });
        }
        if self.no_machine {
            return Err(KmsError::Nobody);
        }
        let root = self.machine_url.as_deref().unwrap_or("http://169.254.169.254");
        let root = Endpoint::root(root).ok_or(KmsError::Endpoint)?;
        Ok(Source::Machine { root, agent: agent() })
    }
}

/// What a container or a machine is told.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

impl Source {
    /// Fetches a credential now.
    pub(super) fn fetch(&self) -> Result<Credential, KmsError> {
        match self {
            Self::Variables(variables) => variables.own().ok_or(KmsError::Nobody),
            Self::Role { arn, session, token, sts, agent } => {
                let token = read(token)?;
                let form = [
                    ("Action", "AssumeRoleWithWebIdentity"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", arn),
                    ("RoleSessionName", session),
                    ("WebIdentityToken", &token),
                ];
                let form = serde_urlencoded::to_string(form).map_err(|_| KmsError::Nobody)?;
                let form = Zeroizing::new(form);
                let kind = [("content-type", "application/x-www-form-urlencoded")];
                let reply = endpoint::post(agent, sts.url(), &kind, form.as_bytes())?;
                assumed(&good(reply)?).ok_or(KmsError::Nobody)
            }
            Self::Container { url, token, agent } => {
                let token = match token {
                    ContainerToken::None => None,
                    ContainerToken::Own(token) => Some(token.clone()),
                    ContainerToken::File(file) => Some(read(file)?),
                };
                let header = token.as_ref().map(|token| ("authorization", token.as_str()));
                let headers: Vec<_> = header.into_iter().collect();
                told(&good(endpoint::get(agent, url.url(), &headers)?)?)
            }
            Self::Machine { root, agent } => machine(root, agent),
        }
    }
}

/// Asks what serves a machine, by a token that only this machine gets.
fn machine(root: &Endpoint, agent: &Agent) -> Result<Credential, KmsError> {
    let place = root.at("latest/api/token");
    let wish = [("x-aws-ec2-metadata-token-ttl-seconds", "60")];
    // Where nobody answers, this is no machine of AWS.
    let token = endpoint::put(agent, &place, &wish).map_err(|_| KmsError::Nobody)?;
    let token = word(&good(token)?)?;
    let shown = [("x-aws-ec2-metadata-token", token.as_str())];
    let roles = root.at("latest/meta-data/iam/security-credentials/");
    let role = word(&good(endpoint::get(agent, &roles, &shown)?)?)?;
    if !role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte)) {
        return Err(KmsError::Strange);
    }
    told(&good(endpoint::get(agent, &format!("{roles}{}", *role), &shown)?)?)
}

fn good(reply: Reply) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    if reply.status == 200 { Ok(reply.body) } else { Err(KmsError::Nobody) }
}

fn told(body: &[u8]) -> Result<Credential, KmsError> {
    let told: Told = serde_json::from_slice(body).map_err(|_| KmsError::Strange)?;
    let end: Timestamp = told.expiration.parse().map_err(|_| KmsError::Strange)?;
    Ok(Credential {
        id: Zeroizing::new(told.access_key_id),
        secret: Zeroizing::new(told.secret_access_key),
        token: Some(Zeroizing::new(told.token)),
        end: Some(end),
    })
}

/// What AWS answers to who takes a role. Of its XML four elements are read, which hold no markup.
fn assumed(body: &[u8]) -> Option<Credential> {
    let text = str::from_utf8(body).ok()?;
    let (_, inside) = text.split_once("<Credentials>")?;
    let (inside, _) = inside.split_once("</Credentials>")?;
    let element = |name: &str| {
        let (_, rest) = inside.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>&".contains(&byte);
        let is_plain = !text.is_empty() && text.bytes().all(is_plain);
        is_plain.then(|| Zeroizing::new(text.to_owned()))
    };
    Some(Credential {
        id: element("AccessKeyId")?,
        secret: element("SecretAccessKey")?,
        token: Some(element("SessionToken")?),
        end: Some(element("Expiration")?.parse().ok()?),
    })
}

/// A token in a file, which others write anew now and then.
fn read(path: &Path) -> Result<Zeroizing<String>, KmsError> {
    let file = File::open(path).map_err(|_| KmsError::Nobody)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(TOKEN).read_to_end(&mut bytes).map_err(|_| KmsError::Nobody)?;
    word(&bytes)
}

/// One word, as a header can hold it.
fn word(bytes: &[u8]) -> Result<Zeroizing<String>, KmsError> {
    let text = str::from_utf8(bytes).map_err(|_| KmsError::Strange)?.trim();
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_word { Ok(Zeroizing::new(text.to_owned())) } else { Err(KmsError::Strange) }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variables(_) => "Variables(..)",
            Self::Role { .. } => "Role(..)",
            Self::Container { .. } => "Container(..)",
            Self::Machine { .. } => "Machine(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>\
        <Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey>\
        <SessionToken>t//w==</SessionToken><Expiration>2026-11-22T17:00:00Z</Expiration>\
        </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

    fn read(text: &str) -> Option<Credential> {
        assumed(text.as_bytes())
    }

    #[test]
    fn the_answer_to_who_takes_a_role_is_read() {
        let found = read(ANSWER).unwrap();
        assert_eq!((found.id.as_str(), found.secret.as_str()), ("ASIA1", "s/+="));
        assert_eq!(found.token.unwrap().as_str(), "t//w==");
        assert_eq!(found.end.unwrap().to_string(), "2026-11-22T17:00:00Z");
        assert!(read(&ANSWER.replace("s/+=", "&lt;")).is_none());
        assert!(read(&ANSWER.replace("ASIA1", "")).is_none());
        for at in 0..ANSWER.len() - 80 {
            assert!(ANSWER.get(..at).is_some_and(|begin| read(begin).is_none()), "{at}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_read_or_refused(text in ".{0,200}", at in 0..ANSWER.len()) {
            read(&text);
            let mut changed = ANSWER.to_owned();
            changed.insert_str(at, &text);
            read(&changed);
            let _ = told(text.as_bytes());
        }
    }

    #[test]
    fn the_first_place_that_there_is_counts() {
        let key: KmsKey = "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1".parse().unwrap();
        let source = |set: &[(&str, &str)]| {
            let find = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, text)| (*text).to_owned())
            };
            AwsVariables::read(find).source(&key).map(|source| format!("{source:?}"))
        };
        let own = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        let role = [("AWS_ROLE_ARN", "arn"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")];
        let container =
            [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")];
        let all = [&own[..], &role, &container].concat();
        assert_eq!(source(&all).unwrap(), "Variables(..)");
        assert_eq!(source(&all[2..]).unwrap(), "Role(..)");
        assert_eq!(source(&all[4..]).unwrap(), "Container(..)");
        assert_eq!(source(&[]).unwrap(), "Machine(..)");
        let off = [("AWS_EC2_METADATA_DISABLED", "true")];
        assert_eq!(source(&off).unwrap_err(), KmsError::Nobody);
        let far = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/")];
        assert_eq!(source(&far).unwrap_err(), KmsError::Endpoint);
    }
}
