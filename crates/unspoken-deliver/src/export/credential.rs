//! A bundle as an encrypted credential of systemd's, made by systemd's own
//! program.
//!
//! Rules:
//! - The bundle reaches the program on its standard input: never as an argument,
//!   never in a file.
//! - The key is the program's choice, or a named one that protects. What was
//!   encrypted without a secret key is wiped and refused.
//! - What the program says is kept apart from what it gives, and is bounded.

use std::fmt;
use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::thread;

use thiserror::Error;
use unspoken_model::shown;
use zeroize::Zeroizing;

use crate::child::is_withheld;

/// A credential's name, by which a unit asks for it.
///
/// Invariant: 1 to [`CredentialName::MAX`] of the characters A-Z, a-z, 0-9, `_`,
/// `-` and `.`, neither `.` nor `..`. So it is a legal file name, and needs no
/// escape in a unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialName(String);

/// Why a text is no [`CredentialName`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CredentialNameError {
    #[error("a credential's name cannot be empty")]
    Empty,
    #[error("a credential's name holds at most {max} bytes", max = CredentialName::MAX)]
    TooLong,
    #[error("{found:?} cannot stand in a credential's name")]
    Character { found: char },
    #[error("`.` and `..` are names of folders")]
    Dots,
}

/// Which keys encrypt a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CredentialKey {
    /// The key in systemd's own folder, which root alone reads.
    Host,
    /// The machine's security chip.
    Tpm2,
    /// Both, of which both are needed.
    HostAndTpm2,
}

/// Why a text is no [`CredentialKey`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CredentialKeyError {
    #[error("with `{found}` anybody could decrypt the credential")]
    Unprotected { found: String },
    #[error("no such key: it is `host`, `tpm2` or `host+tpm2`")]
    Unknown,
}

/// How a credential is to be encrypted.
#[derive(Clone, Debug)]
pub struct Credential {
    pub name: CredentialName,
    /// The keys; `None` leaves them to systemd.
    pub key: Option<CredentialKey>,
}

/// An encrypted credential.
#[derive(Clone, Debug)]
pub struct Blob {
    /// What `LoadCredentialEncrypted=` reads.
    pub text: Vec<u8>,
    /// What the program had to say, a line to an entry.
    pub said: Vec<String>,
}

/// Why there is no credential.
#[derive(Debug, Error)]
pub enum CredentialError {
    #[error("there is no program `{program}`", program = Credential::PROGRAM)]
    NotInstalled,
    #[error("cannot start `{program}`", program = Credential::PROGRAM)]
    Start { source: io::Error },
    #[error("cannot talk to `{program}`", program = Credential::PROGRAM)]
    Talk { source: io::Error },
    #[error(
        "the bundle has {found} bytes, and a credential holds at most {max}",
        max = Credential::MAX_BYTES
    )]
    TooLarge { found: usize },
    #[error("`{program}` failed ({status}): {}", .said.join("; "), program = Credential::PROGRAM)]
    Failed { status: ExitStatus, said: Vec<String> },
    #[error("`{program}` gave nothing, or more than a credential", program = Credential::PROGRAM)]
    Odd,
    #[error("`{program}` used no secret key: anybody could decrypt it", program = Credential::PROGRAM)]
    NullKey,
}

impl CredentialName {
    pub const MAX: usize = 255;

    /// Reads a name, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, CredentialNameError> {
        match text {
            "" => return Err(CredentialNameError::Empty),
            "." | ".." => return Err(CredentialNameError::Dots),
            _ if text.len() > Self::MAX => return Err(CredentialNameError::TooLong),
            _ => {}
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        match text.chars().find(|&c| !fits(c)) {
            Some(found) => Err(CredentialNameError::Character { found }),
            None => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CredentialName {
    fn default() -> Self {
        Self("unspoken".to_owned())
    }
}

impl FromStr for CredentialName {
    type Err = CredentialNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl CredentialKey {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Tpm2 => "tpm2",
            Self::HostAndTpm2 => "host+tpm2",
        }
    }
}

impl FromStr for CredentialKey {
    type Err = CredentialKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "host" => Ok(Self::Host),
            "tpm2" => Ok(Self::Tpm2),
            "host+tpm2" => Ok(Self::HostAndTpm2),
            // Systemd's words for "none", and for "none where there is no chip".
            "null" | "tpm2-absent" | "auto-initrd" => {
                Err(CredentialKeyError::Unprotected { found: text.to_owned() })
            }
            _ => Err(CredentialKeyError::Unknown),
        }
    }
}

impl Credential {
    pub const PROGRAM: &str = "systemd-creds";

    /// The most that systemd lets one credential hold.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// The number of the key that is none, as a blob begins with it.
    const NULL_KEY: &[u8] = b"BYRp2vb1QySABUnaD46i+";

    /// A blob is larger than its content by a third and a frame.
    const MAX_BLOB: u64 = 2 * 1024 * 1024;

    /// How much of what the program says is kept.
    const MAX_SAID: u64 = 4096;

    /// Encrypts a bundle, for this machine alone.
    pub fn encrypt(&self, bundle: Zeroizing<Vec<u8>>) -> Result<Blob, CredentialError> {
        if bundle.len() > Self::MAX_BYTES {
            return Err(CredentialError::TooLarge { found: bundle.len() });
        }
        let child = self.command().spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CredentialError::NotInstalled,
            _ => CredentialError::Start { source },
        })?;
        let (status, text, said) =
            talk(child, bundle).map_err(|source| CredentialError::Talk { source })?;
        if !status.success() {
            return Err(CredentialError::Failed { status, said });
        }
        if text.is_empty() || text.len() as u64 >= Self::MAX_BLOB {
            return Err(CredentialError::Odd);
        }
        if text.starts_with(Self::NULL_KEY) {
            // It is as good as the plain text.
            drop(Zeroizing::new(text));
            return Err(CredentialError::NullKey);
        }
        Ok(Blob { text, said })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Self::PROGRAM);
        command.arg("encrypt").arg(format!("--name={}", self.name));
        command.args(self.key.map(|key| format!("--with-key={}", key.as_str())));
        command.args(["-", "-"]);
        let kept = std::env::vars_os().filter(|(variable, _)| !is_withheld(variable));
        command.env_clear().envs(kept);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Writes the one side and reads the two others at the same time, so that
/// nobody waits for the other for ever.
fn talk(
    mut child: Child,
    bundle: Zeroizing<Vec<u8>>,
) -> io::Result<(ExitStatus, Vec<u8>, Vec<String>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let writer = thread::spawn(move || match stdin {
        // What does not read to the end has failed, and says so itself.
        Some(mut pipe) => drop(pipe.write_all(&bundle)),
        None => drop(bundle),
    });
    let listener = thread::spawn(move || read(stderr, Credential::MAX_SAID));
    let text = read(stdout, Credential::MAX_BLOB);
    let status = child.wait()?;
    let said = listener.join().unwrap_or_else(|_| Ok(Vec::new()))?;
    // A writer that is left without a reader ends with its pipe.
    let _ = writer.join();
    let said = String::from_utf8_lossy(&said).lines().map(shown).collect();
    Ok((status, text?, said))
}

/// Reads to the end, and keeps the beginning.
fn read(pipe: Option<impl Read>, limit: u64) -> io::Result<Vec<u8>> {
    let Some(mut pipe) = pipe else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    pipe.by_ref().take(limit).read_to_end(&mut kept)?;
    io::copy(&mut pipe, &mut io::sink())?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_name_without_surprises() {
        #[track_caller]
        fn case(text: &str, expected: Result<(), CredentialNameError>) {
            assert_eq!(CredentialName::parse(text).map(drop), expected, "{text:?}");
        }

        case("unspoken", Ok(()));
        case("acme-web.production_1", Ok(()));
        case("", Err(CredentialNameError::Empty));
        case("..", Err(CredentialNameError::Dots));
        case("a/b", Err(CredentialNameError::Character { found: '/' }));
        case("a:b", Err(CredentialNameError::Character { found: ':' }));
        case("a%b", Err(CredentialNameError::Character { found: '%' }));
        case(&"a".repeat(255), Ok(()));
        case(&"a".repeat(256), Err(CredentialNameError::TooLong));
    }

    #[test]
    fn a_key_that_protects_nothing_is_no_key() {
        for key in [CredentialKey::Host, CredentialKey::Tpm2, CredentialKey::HostAndTpm2] {
            assert_eq!(key.as_str().parse(), Ok(key));
        }
        for found in ["null", "tpm2-absent", "auto-initrd"] {
            let found = found.to_owned();
            let expected = CredentialKeyError::Unprotected { found: found.clone() };
            assert_eq!(found.parse::<CredentialKey>(), Err(expected));
        }
        assert_eq!("chip".parse::<CredentialKey>(), Err(CredentialKeyError::Unknown));
    }

    #[test]
    fn what_is_too_large_starts_no_program() {
        let bundle = Zeroizing::new(vec![b'x'; Credential::MAX_BYTES + 1]);
        let credential = Credential { name: CredentialName::default(), key: None };
        let found = credential.encrypt(bundle);
        assert!(matches!(found, Err(CredentialError::TooLarge { found: 1_048_577 })));
    }
}
