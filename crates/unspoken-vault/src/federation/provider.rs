//! Providers by which people sign in, as whoever runs the vault has set them up.
//!
//! Rules:
//! - A file says which. A client's secret is in a file of its own that others cannot read, or a
//!   credential of systemd's.
//! - A person is who a provider says by issuer and subject. An address makes nobody somebody, but for
//!   domains that are named here.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::check_issuer;
use crate::sign_in::Email;

/// Somebody who vouches for people.
pub(crate) struct Provider {
    /// By which paths and the record name it.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) client: String,
    pub(crate) secret: Option<Zeroizing<String>>,
    /// Whose addresses it may speak for.
    domains: Vec<String>,
}

/// All of them, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Providers(Vec<Arc<Provider>>);

/// Why providers cannot be had.
#[derive(Debug, Error)]
pub(crate) enum ProviderError {
    #[error("the file `{}` {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("others can read the file `{}` (mode {mode:04o})", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("line {line}, column {column} is not as documented")]
    Shape { line: usize, column: usize },
    #[error("provider `{id}`: {what}")]
    Field { id: String, what: &'static str },
    #[error("there are more than {} providers", Providers::MOST)]
    Many,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBody {
    providers: Vec<ProviderBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderBody {
    id: String,
    name: String,
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    #[serde(default)]
    trust_email_of: Vec<String>,
}

impl Providers {
    const MOST: usize = 8;

    /// Reads the file, and the secrets that it names.
    pub(crate) fn read(path: &Path, credentials: Option<&Path>) -> Result<Self, ProviderError> {
        let failed = |error| ProviderError::File { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(64 * 1024).read_to_end(&mut bytes).map_err(failed)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&bytes, |id, named| match named {
            Some(file) => secret(&folder.join(file)).map(Some),
            None => {
                let file = credentials.map(|folder| folder.join(format!("unspoken-oidc-{id}")));
                file.filter(|file| file.exists()).map(|file| secret(&file)).transpose()
            }
        })
    }

    /// Reads what a file holds. `secret` finds a client's secret.
    pub(crate) fn parse(
        bytes: &[u8],
        secret: impl Fn(&str, Option<&Path>) -> Result<Option<Zeroizing<String>>, ProviderError>,
    ) -> Result<Self, ProviderError> {
        let body: FileBody = serde_json::from_slice(bytes)
            .map_err(|error| ProviderError::Shape { line: error.line(), column: error.column() })?;
        if body.providers.len() > Self::MOST {
            return Err(ProviderError::Many);
        }
        let mut all: Vec<Arc<Provider>> = Vec::new();
        for body in body.providers {
            let is_twice =
                all.iter().any(|known| known.id == body.id || known.issuer == body.issuer);
            let what = if is_twice {
                Some("its id or its issuer stands there twice")
            } else {
                body.fault()
            };
            if let Some(what) = what {
                return Err(ProviderError::Field { id: unspoken_model::shown(&body.id), what });
            }
            let found = secret(&body.id, body.client_secret_file.as_deref())?;
            all.push(Arc::new(Provider {
                id: body.id,
                name: body.name,
                issuer: body.issuer,
                client: body.client_id,
                secret: found,
                domains: body.trust_email_of,
            }));
        }
        Ok(Self(all))
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.id == id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter().map(|provider| &**provider)
    }
}

impl ProviderBody {
    /// What is wrong with it.
    fn fault(&self) -> Option<&'static str> {
        let is_visible = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let is_id = (1..=32).contains(&self.id.len())
            && self.id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let is_name = !self.name.trim().is_empty()
            && self.name.len() <= 60
            && !self.name.chars().any(char::is_control);
        // `*` would be a domain that nobody has, and be taken for all.
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        let is_domain = |domain: &String| {
            domain.contains('.') && domain.len() <= 253 && domain.bytes().all(is_plain)
        };
        let faults = [
            (is_id, "`id` has up to 32 small letters, digits and `-`"),
            (is_name, "`name` is what people call it, in at most 60 bytes"),
            (
                check_issuer(&self.issuer).is_ok(),
                "`issuer` is an address that begins with `https://`",
            ),
            (is_visible(&self.client_id, 255), "`client_id` is visible characters without spaces"),
            (
                self.trust_email_of.iter().all(is_domain),
                "`trust_email_of` has domains in small letters, as `example.com`",
            ),
        ];
        faults.iter().find(|(is_good, _)| !is_good).map(|(_, what)| *what)
    }
}

impl Provider {
    /// Whether it may say whose this address is.
    pub(crate) fn speaks_for(&self, email: &Email) -> bool {
        self.domains.iter().any(|domain| email.domain() == domain)
    }
}

/// Reads a client's secret, which nobody else may read.
fn secret(path: &Path) -> Result<Zeroizing<String>, ProviderError> {
    let failed = |error| ProviderError::File { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    // systemd gives credentials 0400, and 0440 where the service has a group.
    if mode & 0o037 != 0 {
        return Err(ProviderError::Open { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(4096).read_to_string(&mut text).map_err(failed)?;
    let text = Zeroizing::new(text.trim().to_owned());
    let is_secret = !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_secret.then_some(text).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::{Value, json};

    use super::*;

    fn one() -> Value {
        json!({ "id": "corp", "name": "Acme", "issuer": "https://id.acme.example", "client_id": "vault" })
    }

    fn parse(providers: &Value) -> Result<Providers, ProviderError> {
        let body = json!({ "providers": providers }).to_string();
        Providers::parse(body.as_bytes(), |_, _| Ok(None))
    }

    #[test]
    fn a_provider_is_read_whole_or_refused() {
        let mut trusting = one();
        trusting["trust_email_of"] = json!(["acme.example"]);
        let all = parse(&json!([trusting])).unwrap();
        let provider = all.find("corp").unwrap();
        let speaks = |text| provider.speaks_for(&Email::parse(text).unwrap());
        assert!(speaks("Ada@ACME.example") && !speaks("ada@evil-acme.example"));
        assert!(!speaks("ada@sub.acme.example") && !speaks("ada@acme.example.evil"));
        assert!(all.find("other").is_none() && all.find("").is_none());
        for (field, wrong) in [
            ("id", json!("")),
            ("id", json!("Corp")),
            ("id", json!("a/b")),
            ("name", json!(" ")),
            ("name", json!("a\nb")),
            ("issuer", json!("http://id.acme.example")),
            ("client_id", json!("")),
            ("client_id", json!("a b")),
            ("trust_email_of", json!(["*"])),
            ("trust_email_of", json!([""])),
            ("trust_email_of", json!(["Acme.example"])),
            ("trust_email_of", json!(["@acme.example"])),
            ("client_secret", json!("in the open")),
        ] {
            let mut body = one();
            body[field] = wrong.clone();
            assert!(parse(&json!([body])).is_err(), "{field} {wrong}");
        }
        assert!(parse(&json!([one(), one()])).is_err());
        let many: Vec<_> = (0..9).map(|_| one()).collect();
        assert!(matches!(parse(&json!(many)), Err(ProviderError::Many)));
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, kept) = (folder.path().join("oidc.json"), folder.path().join("secret"));
        let mut body = one();
        body["client_secret_file"] = json!("secret");
        std::fs::write(&file, json!({ "providers": [body] }).to_string()).unwrap();
        assert!(matches!(Providers::read(&file, None), Err(ProviderError::File { .. })));
        std::fs::write(&kept, "hush\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&kept, Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(matches!(Providers::read(&file, None), Err(ProviderError::Open { .. })));
        mode(0o600);
        let all = Providers::read(&file, None).unwrap();
        assert_eq!(all.find("corp").unwrap().secret.as_deref().map(String::as_str), Some("hush"));
        assert!(!format!("{all:?}").contains("hush"));
        // Or by systemd, by the provider's name.
        std::fs::write(&file, json!({ "providers": [one()] }).to_string()).unwrap();
        assert!(
            Providers::read(&file, Some(folder.path()))
                .unwrap()
                .find("corp")
                .unwrap()
                .secret
                .is_none()
        );
        std::fs::rename(&kept, folder.path().join("unspoken-oidc-corp")).unwrap();
        assert!(
            Providers::read(&file, Some(folder.path()))
                .unwrap()
                .find("corp")
                .unwrap()
                .secret
                .is_some()
        );
    }
}
