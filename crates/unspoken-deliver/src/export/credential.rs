//! A bundle as an encrypted credential of systemd's, made by systemd's own
//! program.
//!
//! Rules:
//! - The bundle reaches the program on its standard input: never as an argument,
//!   never in a file.
//! - The key is the program's choice, or a named one that protects. What was
//!   encrypted without a secret key is wiped and refused.
//! - What the program says is kept apart from what it gives, and is bounded.

mod credential_key;
mod credential_name;

pub use credential_key::{CredentialKey, CredentialKeyError};
pub use credential_name::{CredentialName, CredentialNameError};

use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use thiserror::Error;
use unspoken_model::shown;
use zeroize::Zeroizing;

use crate::child::is_withheld;

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
    fn what_is_too_large_starts_no_program() {
        let bundle = Zeroizing::new(vec![b'x'; Credential::MAX_BYTES + 1]);
        let credential = Credential { name: CredentialName::default(), key: None };
        let found = credential.encrypt(bundle);
        assert!(matches!(found, Err(CredentialError::TooLarge { found: 1_048_577 })));
    }
}
