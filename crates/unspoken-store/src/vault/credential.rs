//! The tokens of this machine, one for each vault.
//!
//! Rules:
//! - A token is found by the whole address of its vault, and is for no other. What a project
//!   file says may choose among the vaults that somebody has logged in to, and no more.
//! - `UNSPOKEN_TOKEN` is for the vault that `UNSPOKEN_VAULT_URL` names. Without that it is for
//!   none: a project file is changed by whoever may propose a change, and a job's token would go
//!   where they want it.
//! - A kept token is in the keychain where one answers, else in a private file. The file is there
//!   in both cases, and says which.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use thiserror::Error;
use unspoken_seal::{Checksum, TokenAuth, TokenError};

use super::token_record::{TokenNote, TokenRecord, TokenRecordError};
use super::{VaultUrl, VaultUrlError};
use crate::env_vars::{UNSPOKEN_TOKEN, UNSPOKEN_VAULT_URL};
use crate::private_folder::PrivateFolder;
use crate::{Home, KeptIn, KeychainError, NotText, PrivateError, Variables};

/// The tokens that there are: in a variable, in the keychain and in files.
#[derive(Clone, Copy, Debug)]
pub struct Credentials;

/// Where the token for a vault is, without the token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenPlace {
    Variable,
    Kept { kept: KeptIn, path: PathBuf, note: TokenNote },
}

/// Where a token was put.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptToken {
    pub kept: KeptIn,
    /// Why it is not in the keychain.
    pub refused: Option<KeychainError>,
    pub path: PathBuf,
}

/// Why there is no telling whether there is a token, or why it is not kept.
#[derive(Debug, Error)]
pub enum CredentialError {
    #[error(
        "`{}` is set and `{}` is not, so nothing says which vault may be shown the token",
        UNSPOKEN_TOKEN.name, UNSPOKEN_VAULT_URL.name
    )]
    NoUrl,
    #[error(transparent)]
    NotText(#[from] NotText),
    #[error("`{name}`: {0}", name = UNSPOKEN_VAULT_URL.name)]
    Url(VaultUrlError),
    #[error("`{name}`: {0}", name = UNSPOKEN_TOKEN.name)]
    Token(TokenError),
    #[error("`{}` is no record of a vault: {error}", .path.display())]
    Record { path: PathBuf, error: TokenRecordError },
    #[error("`{}` is the record of another vault, `{found}`", .path.display())]
    OtherVault { path: PathBuf, found: VaultUrl },
    #[error("the token for `{url}` is in the keychain, and cannot be had")]
    Keychain { url: VaultUrl, source: KeychainError },
    #[error("the keychain's entry for `{url}` is no token: {error}")]
    Entry { url: VaultUrl, error: TokenError },
    #[error("the keychain has still what it had for `{url}`")]
    LeftBehind { url: VaultUrl, source: KeychainError },
    #[error(transparent)]
    Private(#[from] PrivateError),
}

impl Credentials {
    const FOLDER: &str = "vaults";

    /// Finds the token for a vault: the variable's, if it is for this vault, else the one that is
    /// kept.
    pub fn find(
        home: &Home,
        variables: &Variables,
        url: &VaultUrl,
    ) -> Result<Option<TokenAuth>, CredentialError> {
        match Self::given(variables, url)? {
            Some(token) => Ok(Some(token)),
            None => Self::kept(home, url),
        }
    }

    /// Tells where the token for a vault is. Asks no keychain.
    pub fn locate(
        home: &Home,
        variables: &Variables,
        url: &VaultUrl,
    ) -> Result<Option<TokenPlace>, CredentialError> {
        if Self::given(variables, url)?.is_some() {
            return Ok(Some(TokenPlace::Variable));
        }
        let Some(record) = Self::read(home, url)? else { return Ok(None) };
        let kept = if record.token.is_some() { KeptIn::File } else { KeptIn::Keychain };
        Ok(Some(TokenPlace::Kept { kept, path: path(home, url), note: record.note }))
    }

    /// The token that is kept for a vault, whatever the variables say.
    pub fn kept(home: &Home, url: &VaultUrl) -> Result<Option<TokenAuth>, CredentialError> {
        let Some(record) = Self::read(home, url)? else { return Ok(None) };
        if record.token.is_some() {
            return Ok(record.token);
        }
        let failed = |source| CredentialError::Keychain { url: url.clone(), source };
        let entry = entry(home, url);
        let found = home.keychain().read(&entry).map_err(failed)?;
        let text = found.ok_or_else(|| failed(KeychainError::NotFound { entry }))?;
        let text = std::str::from_utf8(&text).unwrap_or_default();
        let wrong = |error| CredentialError::Entry { url: url.clone(), error };
        TokenAuth::parse(text).map(Some).map_err(wrong)
    }

    /// Makes the place for tokens, so that none is asked for that could not be kept.
    pub fn prepare(home: &Home) -> Result<(), CredentialError> {
        home.create()?.create_folder(OsStr::new(Self::FOLDER))?;
        Ok(())
    }

    /// Keeps a token for a vault, in place of the one that was kept for it.
    pub fn put(
        home: &Home,
        url: &VaultUrl,
        token: &TokenAuth,
        note: TokenNote,
    ) -> Result<KeptToken, CredentialError> {
        let folder = home.create()?.create_folder(OsStr::new(Self::FOLDER))?;
        let refused = put_into_keychain(home, url, token).err();
        let kept = if refused.is_some() { KeptIn::File } else { KeptIn::Keychain };
        let token = refused.is_some().then(|| token.copy());
        let record = TokenRecord { url: url.clone(), note, token };
        folder.replace(&file_name(url), &record.print())?;
        Ok(KeptToken { kept, refused, path: path(home, url) })
    }

    /// Forgets the token that is kept for a vault; `false` when there is none. What is wrong with
    /// its record does not keep it.
    pub fn remove(home: &Home, url: &VaultUrl) -> Result<bool, CredentialError> {
        let Some(folder) = open(home)? else { return Ok(false) };
        let name = file_name(url);
        let is_kept_there = match folder.read(&name)?.map(|text| TokenRecord::parse(&text)) {
            Some(Ok(record)) => record.token.is_none(),
            Some(Err(_)) => true,
            None => return Ok(false),
        };
        let left =
            if is_kept_there { home.keychain().remove(&entry(home, url)).err() } else { None };
        folder.sweep(&name);
        folder.remove(&name)?;
        match left {
            Some(source) => Err(CredentialError::LeftBehind { url: url.clone(), source }),
            None => Ok(true),
        }
    }

    /// The vaults for which a token is kept, in the order of their addresses.
    pub fn list(home: &Home) -> Result<Vec<VaultUrl>, CredentialError> {
        let Some(folder) = open(home)? else { return Ok(Vec::new()) };
        let mut urls = Vec::new();
        for name in folder.names()? {
            // Whatever else lies there is not ours to judge.
            if name.to_str().is_none_or(|name| Checksum::parse(name).is_err()) {
                continue;
            }
            // Somebody may have removed it meanwhile.
            let Some(text) = folder.read(&name)? else { continue };
            let path = home.path().join(Self::FOLDER).join(&name);
            let record = TokenRecord::parse(&text)
                .map_err(|error| CredentialError::Record { path: path.clone(), error })?;
            if file_name(&record.url) != name {
                return Err(CredentialError::OtherVault { path, found: record.url });
            }
            urls.push(record.url);
        }
        urls.sort();
        Ok(urls)
    }

    /// The vault that `UNSPOKEN_VAULT_URL` names.
    pub fn named_vault(variables: &Variables) -> Result<Option<VaultUrl>, CredentialError> {
        let named = variables.text(UNSPOKEN_VAULT_URL)?;
        named.map(VaultUrl::parse).transpose().map_err(CredentialError::Url)
    }

    /// The token of `UNSPOKEN_TOKEN`, if it is for this vault.
    fn given(variables: &Variables, url: &VaultUrl) -> Result<Option<TokenAuth>, CredentialError> {
        let Some(text) = variables.expose_keys(UNSPOKEN_TOKEN) else { return Ok(None) };
        let named = Self::named_vault(variables)?.ok_or(CredentialError::NoUrl)?;
        if named != *url {
            return Ok(None);
        }
        let text = std::str::from_utf8(text).unwrap_or_default();
        TokenAuth::parse(text.trim()).map(Some).map_err(CredentialError::Token)
    }

    fn read(home: &Home, url: &VaultUrl) -> Result<Option<TokenRecord>, CredentialError> {
        let Some(folder) = open(home)? else { return Ok(None) };
        let Some(text) = folder.read(&file_name(url))? else { return Ok(None) };
        let path = || path(home, url);
        let record = TokenRecord::parse(&text)
            .map_err(|error| CredentialError::Record { path: path(), error })?;
        if record.url != *url {
            return Err(CredentialError::OtherVault { path: path(), found: record.url });
        }
        Ok(Some(record))
    }
}

/// Puts a token into the keychain, and sees that it is there.
fn put_into_keychain(home: &Home, url: &VaultUrl, token: &TokenAuth) -> Result<(), KeychainError> {
    let (keychain, entry, text) = (home.keychain(), entry(home, url), token.expose());
    keychain.put(&entry, format!("Unspoken {url}"), text.as_bytes())?;
    match keychain.read(&entry)? {
        Some(back) if *back == *text.as_bytes() => Ok(()),
        _ => Err(KeychainError::NotFound { entry }),
    }
}

/// What the keychain's entry of a vault is called. Another folder of keys has another one.
fn entry(home: &Home, url: &VaultUrl) -> String {
    let name = Checksum::of(url.as_str().as_bytes()).to_string();
    let start: String = name.chars().take(16).collect();
    format!("vault-{start}-{:08x}", home.tag())
}

/// The name of a vault's record: an address has characters that no file name has.
fn file_name(url: &VaultUrl) -> OsString {
    Checksum::of(url.as_str().as_bytes()).to_string().into()
}

fn path(home: &Home, url: &VaultUrl) -> PathBuf {
    home.path().join(Credentials::FOLDER).join(file_name(url))
}

fn open(home: &Home) -> Result<Option<PrivateFolder>, PrivateError> {
    match home.open()? {
        Some(home) => home.folder(OsStr::new(Credentials::FOLDER)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
