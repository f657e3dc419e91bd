//! The keys of other tools, where those keep them.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use unspoken_model::{EnvironmentName, shown};
use unspoken_seal::foreign::Imported;
use unspoken_seal::foreign::dotenvx::DotenvxKeys;
use unspoken_seal::foreign::tako::{Tako, TakoKey, TakoKeyId};
use unspoken_store::{FileError, read_limited, tako_key_path};
use zeroize::Zeroizing;

use super::Reading;
use super::source::wrong;
use crate::failure::{Code, Failure};
use crate::prompt;

/// A passphrase or a file of keys is never this long.
const LIMIT: usize = 64 * 1024;

impl Reading<'_> {
    /// Opens one environment of a file of Tako's.
    pub(super) fn tako(
        &self,
        called: &str,
        bytes: &[u8],
        environment: &EnvironmentName,
    ) -> Result<Imported, Failure> {
        let tako = Tako::parse(bytes).map_err(|errors| wrong(called, &errors))?;
        let from = self.args.from_env.as_deref().unwrap_or(environment.as_str());
        let Some(id) = tako.key_id(from) else {
            let found: Vec<String> = tako.environments().map(|name| format!("`{name}`")).collect();
            let message = format!("{called} has no environment `{}`", shown(from));
            return Err(Failure::new(Code::Missing, message).hint(format!(
                "It has {}. Name one: `-e {environment} --from-env NAME`.",
                if found.is_empty() { "none".to_owned() } else { found.join(", ") }
            )));
        };
        let key = self.tako_key(from, id)?;
        tako.open(from, &key, &self.names).map_err(|errors| wrong(called, &errors))
    }

    fn tako_key(&self, from: &str, id: &TakoKeyId) -> Result<TakoKey, Failure> {
        if let Some(path) = &self.args.passphrase_file {
            return Ok(TakoKey::derive(&passphrase(path)?, id));
        }
        let Some(path) = tako_key_path(&self.cx.variables, id.as_str()) else {
            return Err(Failure::new(Code::NoKey, "nothing says where Tako keeps its keys")
                .hint("Set `TAKO_HOME` to its folder, or give `--passphrase-file FILE`."));
        };
        if let Some(text) = self.workspace.home.read_foreign(&path)? {
            return TakoKey::parse(&text).ok_or_else(|| {
                let message = format!("`{}` holds no key of Tako's", path.display());
                Failure::new(Code::NoKey, message)
                    .hint("It is 32 bytes in base64. Nothing was imported.")
            });
        }
        if !self.cx.ui.is_interactive() {
            let message = format!(
                "the key of `{}` in Tako is not on this machine: there is no `{}`",
                shown(from),
                path.display()
            );
            return Err(Failure::new(Code::NoKey, message).hint(
                "If it was made from a passphrase, give `--passphrase-file FILE`; else bring the key \
                 here with Tako's own `tako secrets key export` and `import`.",
            ));
        }
        let question = format!("Passphrase of {} in Tako (not shown): ", shown(from));
        let typed = prompt::secret(&question)?;
        Ok(TakoKey::derive(some(&typed)?, id))
    }

    /// Reads the private keys that belong to a file of dotenvx.
    pub(super) fn dotenvx_keys(&self, file: Option<&Path>) -> Result<DotenvxKeys, Failure> {
        let beside = || {
            let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
            folder.join(".env.keys")
        };
        let path: PathBuf = self.args.keys_file.clone().unwrap_or_else(beside);
        let text = match read_limited(&path, LIMIT as u64) {
            Ok(text) => Zeroizing::new(text),
            Err(error @ FileError::NotFound { .. }) => {
                return Err(Failure::because(Code::NoKey, &error).hint(
                    "Nothing was imported. Name the file with the private keys of dotenvx: \
                     `--keys-file FILE`.",
                ));
            }
            Err(error) => return Err(error.into()),
        };
        DotenvxKeys::parse(&text).map_err(|error| {
            Failure::new(Code::NoKey, format!("`{}`: {error}", path.display()))
                .hint("Nothing was imported. The private keys of dotenvx are needed.")
        })
    }
}

/// Reads a passphrase from a file or a pipe, without the line end.
fn passphrase(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Code::Other, format!("cannot read `{}`: {error}", path.display()))
    };
    // Room for all of it, so that it never moves and leaves a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 2));
    let file = File::open(path).map_err(unreadable)?;
    file.take(LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let length = some(&bytes)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// A passphrase without its line end, if there is one and it is no file of
/// something else.
fn some(bytes: &[u8]) -> Result<&[u8], Failure> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.is_empty() || bytes.len() > LIMIT {
        return Err(Failure::new(Code::Refused, "no passphrase was given")
            .hint("Nothing was imported. It is the one that Tako asked for."));
    }
    Ok(text)
}
