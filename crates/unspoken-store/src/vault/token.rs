//! The token for a vault.
//!
//! `UNSPOKEN_TOKEN` is shown to the vault that `UNSPOKEN_VAULT_URL` names, and to no other: a
//! project file is committed, and whoever changes the address in it must not be sent the token.

use thiserror::Error;
use unspoken_seal::{TokenAuth, TokenError};

use super::{VaultUrl, VaultUrlError};
use crate::env_vars::{UNSPOKEN_TOKEN, UNSPOKEN_VAULT_URL};
use crate::{Home, NotText, Variables};

/// Why a token cannot be used, or nothing says which vault it is for.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TokenSettingError {
    #[error(
        "`{}` is set and `{}` is not, so nothing says which vault may be shown the token",
        UNSPOKEN_TOKEN.name, UNSPOKEN_VAULT_URL.name
    )]
    NoUrl,
    #[error(transparent)]
    NotText(#[from] NotText),
    #[error("`{variable}`: {error}", variable = UNSPOKEN_VAULT_URL.name)]
    Url { error: VaultUrlError },
    #[error("`{variable}`: {error}", variable = UNSPOKEN_TOKEN.name)]
    Token { error: TokenError },
}

/// The token for this vault; `None` when there is none. (Stands in for the credentials of this
/// machine, which are found by the same three.)
pub fn vault_token(
    _home: &Home,
    variables: &Variables,
    url: &VaultUrl,
) -> Result<Option<TokenAuth>, TokenSettingError> {
    let Some(token) = variables.expose_keys(UNSPOKEN_TOKEN) else { return Ok(None) };
    let named = variables.text(UNSPOKEN_VAULT_URL)?;
    let named = named.ok_or(TokenSettingError::NoUrl)?;
    if VaultUrl::parse(named).map_err(|error| TokenSettingError::Url { error })? != *url {
        return Ok(None);
    }
    let text = std::str::from_utf8(token.trim_ascii());
    let text = text.map_err(|_| TokenSettingError::Token { error: TokenError::Checksum })?;
    TokenAuth::parse(text).map(Some).map_err(|error| TokenSettingError::Token { error })
}
